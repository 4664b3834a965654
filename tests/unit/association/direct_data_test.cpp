// Application data that goes from the message to the datagram and back without a queue: seal and
// open.
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <string>

#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

class DirectData : public testing::TestWithParam<ProtocolVersion> {
 protected:
  DirectData() {
    server_.identity = authority_.issue();
    client_.ca = authority_.certificate();
    client_.server_name = "localhost";
    client_.versions = {GetParam(), GetParam()};
  }

  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
  }
  static std::string text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // Empty: nothing was written.
  static Bytes seal(Side& side, std::string_view message) {
    Bytes out(message.size() + kMaxExpansion);
    const auto size = side.session->seal(bytes(message), out);
    EXPECT_TRUE(size) << size.error().message;
    out.resize(size ? *size : 0);
    return out;
  }
  static std::optional<std::string> open(VirtualPair& pair, Side& side, Bytes& datagram) {
    const auto message = side.session->open(datagram, pair.now());
    if (!message) return std::nullopt;
    return text(*message);
  }
  static void expect_drained(Side& side) {
    EXPECT_FALSE(side.session->poll_event());
    std::array<std::byte, kMaxDatagram> out;
    EXPECT_EQ(side.session->poll_transmit(out), 0U);
  }
  static Bytes joined(const Bytes& first, const Bytes& second) {
    Bytes both = first;
    both.insert(both.end(), second.begin(), second.end());
    return both;
  }
  static bool settle(VirtualPair& pair) {
    return pair.settle([] { return true; });
  }
  // The number that the header of a record of DTLS 1.2 shows.
  static std::uint64_t sequence_of(const Bytes& datagram) {
    std::uint64_t number = 0;
    for (std::size_t at = 5; at < 11; ++at)
      number = number << 8U | std::to_integer<unsigned>(datagram.at(at));
    return number;
  }

  Authority authority_;
  ServerConfig server_;
  ClientConfig client_;
};
INSTANTIATE_TEST_SUITE_P(Versions, DirectData,
                         testing::Values(ProtocolVersion::kDtls12, ProtocolVersion::kDtls13),
                         [](const auto& tested) {
                           return tested.param == ProtocolVersion::kDtls12 ? "Dtls12" : "Dtls13";
                         });

TEST_P(DirectData, a_sealed_message_is_opened_by_the_peer_and_leaves_nothing_to_drain) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  for (const std::size_t size : {1U, 2U, 64U, 1200U, 16384U}) {
    const std::string message(size, 'm');
    auto datagram = seal(pair.client(), message);
    ASSERT_FALSE(datagram.empty());
    EXPECT_LE(datagram.size(), size + kMaxExpansion);
    expect_drained(pair.client());
    EXPECT_EQ(open(pair, pair.server(), datagram), message);
    expect_drained(pair.server());
  }
}

TEST_P(DirectData, both_directions_and_the_ordinary_calls_may_be_mixed) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  for (int i = 0; i < 10; ++i) {
    auto there = seal(pair.client(), "there");
    EXPECT_EQ(open(pair, pair.server(), there), "there");
    auto back = seal(pair.server(), "back");
    EXPECT_EQ(open(pair, pair.client(), back), "back");
    ASSERT_TRUE(pair.client().session->send(bytes("queued")));
    settle(pair);
    EXPECT_EQ(pair.server().messages.back(), "queued");
  }
}

TEST_P(DirectData, no_record_number_is_used_twice) {
  if (GetParam() != ProtocolVersion::kDtls12) GTEST_SKIP() << "DTLS 1.3 encrypts the number";
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  std::vector<std::uint64_t> numbers;
  std::array<std::byte, kMaxDatagram> out;
  for (int i = 0; i < 5; ++i) {
    numbers.push_back(sequence_of(seal(pair.client(), "sealed")));
    Bytes small(3);  // fails, and uses none
    EXPECT_FALSE(pair.client().session->seal(bytes("sealed"), small));
    ASSERT_TRUE(pair.client().session->send(bytes("queued")));
    EXPECT_TRUE(seal(pair.client(), "behind it").empty());
    while (const auto size = pair.client().session->poll_transmit(out))
      numbers.push_back(sequence_of(Bytes(out.begin(), out.begin() + static_cast<long>(size))));
  }
  ASSERT_EQ(numbers.size(), 15U);
  for (std::size_t i = 1; i < numbers.size(); ++i)
    EXPECT_EQ(numbers[i], numbers[i - 1] + 1);
}

TEST_P(DirectData, a_message_behind_a_queued_one_is_queued_too) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.client().session->send(bytes("first")));
  EXPECT_TRUE(seal(pair.client(), "second").empty());
  EXPECT_TRUE(seal(pair.client(), "third").empty());
  settle(pair);
  EXPECT_EQ(pair.server().messages, (std::vector<std::string>{"first", "second", "third"}));
  EXPECT_FALSE(seal(pair.client(), "fourth").empty());
}

TEST_P(DirectData, a_message_goes_out_behind_what_the_handshake_has_to_send) {
  if (GetParam() != ProtocolVersion::kDtls13) GTEST_SKIP() << "DTLS 1.2 has no key updates";
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.client().session->update_keys(true, pair.now()));
  EXPECT_TRUE(seal(pair.client(), "behind the KeyUpdate").empty());
  settle(pair);
  EXPECT_EQ(pair.server().messages, (std::vector<std::string>{"behind the KeyUpdate"}));
  auto datagram = seal(pair.client(), "under new keys");
  EXPECT_EQ(open(pair, pair.server(), datagram), "under new keys");
}

TEST_P(DirectData, an_empty_message_is_no_record) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_TRUE(seal(pair.client(), "").empty());
  expect_drained(pair.client());
}

TEST_P(DirectData, seal_fails_as_send_does) {
  VirtualPair pair(server_, client_);
  Bytes out(kMaxDatagram);
  EXPECT_EQ(pair.client().session->seal(bytes("early"), out).error().sys_errno, EAGAIN);
  ASSERT_TRUE(pair.connect());
  const std::string large(kMaxMessage + 1, 'x');
  EXPECT_EQ(pair.client().session->seal(bytes(large), out).error().sys_errno, EMSGSIZE);
  auto small = std::span(out).first(5 + 8);
  EXPECT_EQ(pair.client().session->seal(bytes("hello"), small).error().sys_errno, ENOBUFS);
  expect_drained(pair.client());
  pair.client().session->close();
  EXPECT_EQ(pair.client().session->seal(bytes("late"), out).error().sys_errno, EPIPE);
}

TEST_P(DirectData, seal_keeps_to_the_peers_record_size_limit) {
  server_.record_size_limit = client_.record_size_limit = 100;
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const auto most = pair.client().session->negotiated()->max_message;
  ASSERT_LE(most, 100U);
  Bytes out(kMaxDatagram);
  const std::string fits(most, 'x');
  const auto refused = pair.client().session->seal(bytes(fits + "x"), out);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, EMSGSIZE);
  auto datagram = seal(pair.client(), fits);
  EXPECT_EQ(open(pair, pair.server(), datagram), fits);
}

TEST_P(DirectData, several_records_of_a_datagram_come_in_order_by_events) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  auto both = joined(seal(pair.client(), "first"), seal(pair.client(), "second"));
  EXPECT_FALSE(open(pair, pair.server(), both));
  settle(pair);
  EXPECT_EQ(pair.server().messages, (std::vector<std::string>{"first", "second"}));
}

TEST_P(DirectData, a_record_with_noise_behind_it_comes_by_an_event) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  auto datagram = joined(seal(pair.client(), "message"), Bytes(20, std::byte{0xff}));
  EXPECT_FALSE(open(pair, pair.server(), datagram));
  settle(pair);
  EXPECT_EQ(pair.server().messages, (std::vector<std::string>{"message"}));
}

TEST_P(DirectData, forged_and_repeated_records_are_dropped) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const auto datagram = seal(pair.client(), "once");
  auto forged = datagram;
  forged.back() ^= std::byte{1};
  EXPECT_FALSE(open(pair, pair.server(), forged));
  expect_drained(pair.server());
  auto genuine = datagram;
  EXPECT_EQ(open(pair, pair.server(), genuine), "once");
  auto repeated = datagram;
  EXPECT_FALSE(open(pair, pair.server(), repeated));
  Bytes nothing;
  EXPECT_FALSE(open(pair, pair.server(), nothing));
  expect_drained(pair.server());
}

TEST_P(DirectData, the_end_comes_by_an_event) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  pair.client().session->close();
  pair.collect();
  ASSERT_EQ(pair.server().wire.size(), 1U);
  auto datagram = pair.server().wire.front();
  pair.server().wire.clear();
  EXPECT_FALSE(open(pair, pair.server(), datagram));
  pair.collect();
  EXPECT_TRUE(pair.server().closed);
}

TEST_P(DirectData, open_serves_a_whole_handshake_too) {
  VirtualPair pair(server_, client_);
  while (pair.client().connected == 0 || pair.server().connected == 0) {
    pair.collect();
    bool any = false;
    for (auto* side : {&pair.client(), &pair.server()}) {
      if (!side->session || side->wire.empty()) continue;
      auto datagram = side->wire.front();
      side->wire.pop_front();
      EXPECT_FALSE(open(pair, *side, datagram));
      pair.collect();
      any = true;
    }
    if (!any && !pair.step()) break;
  }
  EXPECT_EQ(pair.client().connected, 1);
  EXPECT_EQ(pair.server().connected, 1);
}

// A message that overtook the peer's Finished waits for it, and must not be overtaken in turn.
TEST_P(DirectData, a_message_that_came_before_the_end_of_the_handshake_comes_first) {
  if (GetParam() != ProtocolVersion::kDtls12)
    GTEST_SKIP() << "DTLS 1.3 has no keys before Finished";
  VirtualPair pair(server_, client_);
  while (pair.server().connected == 0) {
    pair.collect();
    ASSERT_TRUE(pair.step());
  }
  auto flight = std::move(pair.client().wire);
  pair.client().wire.clear();
  auto early = seal(pair.server(), "early");
  EXPECT_FALSE(open(pair, pair.client(), early));
  pair.collect();
  EXPECT_TRUE(pair.client().messages.empty());
  for (auto& datagram : flight)
    EXPECT_FALSE(open(pair, pair.client(), datagram));
  pair.collect();
  EXPECT_EQ(pair.client().connected, 1);
  EXPECT_EQ(pair.client().messages, (std::vector<std::string>{"early"}));
  auto late = seal(pair.server(), "late");
  EXPECT_EQ(open(pair, pair.client(), late), "late");
}

}  // namespace
}  // namespace dtls::test
