// TicketKeys: what a stolen key, or an old one, still opens.
#include "handshake/tickets.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>

namespace dtls::handshake {
namespace {

constexpr Duration kLifetime = std::chrono::hours(2);
const TimePoint kBegin{std::chrono::hours(1000)};

SessionState session(TimePoint issued) {
  SessionState state;
  state.version = wire::kDtls13;
  state.issued = issued;
  state.lifetime_s = 7 * 24 * 3600;
  state.valid_until = issued + std::chrono::seconds(state.lifetime_s);
  state.secret = crypto::Secret(std::array<std::byte, 32>{});
  return state;
}

TEST(TicketKeys, open_what_they_sealed) {
  TicketKeys keys(kLifetime);
  const auto ticket = keys.seal(session(kBegin), kBegin);
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(keys.open(*ticket, kBegin));
}

TEST(TicketKeys, that_were_replaced_once_still_open_and_twice_do_not) {
  TicketKeys keys(kLifetime);
  const auto ticket = keys.seal(session(kBegin), kBegin);
  ASSERT_TRUE(ticket);
  ASSERT_TRUE(keys.seal(session(kBegin), kBegin + kLifetime));
  EXPECT_TRUE(keys.open(*ticket, kBegin + kLifetime));
  ASSERT_TRUE(keys.seal(session(kBegin), kBegin + 2 * kLifetime));
  EXPECT_FALSE(keys.open(*ticket, kBegin + 2 * kLifetime));
}

TEST(TicketKeys, grow_old_also_where_no_further_ticket_is_sealed) {
  TicketKeys keys(kLifetime);
  const auto ticket = keys.seal(session(kBegin), kBegin);
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(keys.open(*ticket, kBegin + 2 * kLifetime - Duration(1)));
  EXPECT_FALSE(keys.open(*ticket, kBegin + 2 * kLifetime));
}

TEST(TicketKeys, are_replaced_when_their_time_is_over) {
  TicketKeys keys(kLifetime);
  const auto name_at = [&](Duration after) {
    auto ticket = keys.seal(session(kBegin), kBegin + after);
    EXPECT_TRUE(ticket);
    ticket->resize(12);  // the key's name
    return *ticket;
  };
  const auto first = name_at(Duration(0));
  EXPECT_EQ(name_at(kLifetime - Duration(1)), first);
  EXPECT_NE(name_at(kLifetime), first);
}

TEST(TicketKeys, open_no_session_beyond_the_life_of_its_full_handshake) {
  TicketKeys keys(kLifetime);
  auto state = session(kBegin);
  state.valid_until = kBegin + Duration(1000);
  const auto ticket = keys.seal(state, kBegin);
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(keys.open(*ticket, kBegin + Duration(999)));
  EXPECT_FALSE(keys.open(*ticket, kBegin + Duration(1000)));
}

TEST(TicketKeys, open_nothing_that_is_longer_than_they_seal) {
  TicketKeys keys(kLifetime);
  auto ticket = keys.seal(session(kBegin), kBegin);
  ASSERT_TRUE(ticket);
  ticket->resize(60'000);
  EXPECT_FALSE(keys.open(*ticket, kBegin));
}

TEST(TicketKeys, of_another_server_open_nothing) {
  TicketKeys keys(kLifetime);
  TicketKeys others(kLifetime);
  const auto ticket = keys.seal(session(kBegin), kBegin);
  ASSERT_TRUE(ticket && others.seal(session(kBegin), kBegin));
  EXPECT_FALSE(others.open(*ticket, kBegin));
}

}  // namespace
}  // namespace dtls::handshake
