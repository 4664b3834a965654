#include "endpoint/endpoint.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <variant>
#include <vector>

#include "support/engine_pair.hpp"
#include "support/hello_13.hpp"
#include "unit/endpoint/cookie_gate_fixture.hpp"
#include "wire/record_header.hpp"

namespace dtls::endpoint {
namespace {

using test::Datagram;
using Deliver = Endpoint::Deliver;
using Nothing = Endpoint::Nothing;
using Opened = Endpoint::Opened;
using Reply = Endpoint::Reply;

template <typename What>
bool is(const Endpoint::Routed& routed) {
  return std::holds_alternative<What>(routed);
}

// Where a datagram was delivered to, at first.
Place to(const Endpoint::Routed& routed) {
  const auto* delivery = std::get_if<Deliver>(&routed);
  return delivery == nullptr ? Place() : delivery->to;
}

Place also(const Endpoint::Routed& routed) {
  const auto* delivery = std::get_if<Deliver>(&routed);
  return delivery == nullptr ? Place() : delivery->also;
}

constexpr Elsewhere kElsewhere{7};

class EndpointTest : public ::testing::Test {
 protected:
  Endpoint::Routed give(Endpoint& endpoint, const Address& peer, Datagram datagram) {
    return endpoint.receive({{}, peer}, datagram, now_, reply_);
  }
  // The handle of the peer that has waited longest.
  Handle accept(Endpoint& endpoint) {
    const auto accepted = endpoint.accept(now_);
    EXPECT_TRUE(accepted);
    return accepted ? accepted->handle : Handle();
  }
  // The peer's whole way to the accept queue.
  bool open(Endpoint& endpoint, const Address& peer) { return open(endpoint, peer, hello_); }
  bool open(Endpoint& endpoint, const Address& peer, const Datagram& hello) {
    EXPECT_TRUE(is<Reply>(give(endpoint, peer, hello)));
    return is<Opened>(give(endpoint, peer, test::with_cookie(hello, cookie())));
  }
  // The hello of a client that has started anew: another random.
  [[nodiscard]] Datagram another_hello(std::uint8_t which = 0xaa) const {
    constexpr std::size_t kLastOfRandom = test::kMessageAt + 12 + 2 + 31;
    Datagram hello = hello_;
    hello.at(kLastOfRandom) = std::byte{which};
    return hello;
  }
  // The hello of a datagram, in two.
  static std::vector<Datagram> in_fragments(const Datagram& hello, std::uint16_t message_seq) {
    constexpr std::size_t kHeaders = wire::kRecordHeaderSize + wire::kHandshakeHeaderSize;
    auto fragments = test::cut(std::span(hello).subspan(kHeaders), 150, 5, message_seq);
    EXPECT_EQ(fragments.size(), 2U);
    return fragments;
  }
  static Endpoint with(Limits limits = {}) {
    return {gate_with(secrets_with(1)), limits, std::chrono::seconds(60)};
  }

  static Endpoint speaking_13() {
    const auto settings = std::make_shared<const handshake::Settings>(test::default_settings(true));
    return {*CookieGate::create(secrets_with(1), settings), {}, std::chrono::seconds(60)};
  }
  // The cookie that a HelloVerifyRequest in the reply ends with.
  [[nodiscard]] std::span<const std::byte> cookie() const {
    return std::span(reply_).first(CookieGate::kReplySize).last(CookieGate::kCookieSize);
  }

  std::array<std::byte, CookieGate::kMaxReplySize> reply_{};
  TimePoint now_{std::chrono::hours(1000)};
  const Datagram hello_ = test::from_hex(test::kFirstHello);
};

TEST_F(EndpointTest, a_challenged_peer_is_not_remembered) {
  auto endpoint = with();
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    EXPECT_TRUE(is<Reply>(give(endpoint, ipv4(1, port), hello_)));
  }
  EXPECT_EQ(endpoint.census().associations(), 0U);
  EXPECT_EQ(endpoint.counters().challenged, 1000U);
}

TEST_F(EndpointTest, a_proven_peer_waits_with_what_it_has_sent_and_no_more_than_a_little) {
  auto endpoint = with();
  EXPECT_TRUE(open(endpoint, kPeer));
  for (int i = 0; i < 100; ++i)
    give(endpoint, kPeer, Datagram(20));
  const auto opening = endpoint.accept(now_);
  ASSERT_TRUE(opening);
  EXPECT_EQ(opening->path.peer, kPeer);
  EXPECT_EQ(opening->datagrams.size(), 24U);
  EXPECT_FALSE(endpoint.has_waiting());
}

TEST_F(EndpointTest, a_waiting_peer_fills_no_more_than_a_few_kilobytes) {
  auto endpoint = with();
  open(endpoint, kPeer);
  for (int i = 0; i < 100; ++i)
    give(endpoint, kPeer, Datagram(1200));
  std::size_t bytes = 0;
  const auto opening = endpoint.accept(now_);
  for (const auto& each : opening->datagrams)
    bytes += each.size();
  EXPECT_LE(bytes, 8192U);
  EXPECT_GT(bytes, 6000U);
}

TEST_F(EndpointTest, a_proven_hello_with_kilobytes_behind_it_opens_nothing) {
  auto endpoint = with();
  give(endpoint, kPeer, hello_);
  auto second = test::with_cookie(hello_, cookie());
  constexpr std::uint16_t kLong = 9000;
  Datagram alert(wire::kRecordHeaderSize + kLong);
  wire::Writer writer(alert);
  wire::write_record_header(writer, {wire::ContentType::kAlert, wire::kDtls12, 0, 2, kLong});
  second.insert(second.end(), alert.begin(), alert.end());
  EXPECT_TRUE(is<Nothing>(give(endpoint, kPeer, second)));
  EXPECT_EQ(endpoint.counters().refused, 1U);
  EXPECT_EQ(endpoint.census().associations(), 0U);
}

TEST_F(EndpointTest, a_waiting_peer_that_begins_anew_again_and_again_holds_up_nobody) {
  auto endpoint = with();
  EXPECT_TRUE(open(endpoint, kPeer));
  now_ += std::chrono::seconds(40);
  EXPECT_TRUE(open(endpoint, kPeer, another_hello()));
  const auto other = ipv4(2, 7);
  EXPECT_TRUE(open(endpoint, other));
  now_ += std::chrono::seconds(30);
  const auto opening = endpoint.accept(now_);
  ASSERT_TRUE(opening);
  EXPECT_EQ(opening->path.peer, other) << "the patience with the first was over";
}

TEST_F(EndpointTest, the_rest_of_a_hello_waits_with_the_fragment_that_proved_it) {
  auto endpoint = with();
  give(endpoint, kPeer, hello_);
  const auto second = test::with_cookie(hello_, cookie());
  const auto fragments = in_fragments(second, 1);
  EXPECT_TRUE(is<Opened>(give(endpoint, kPeer, fragments[0])));
  EXPECT_TRUE(is<Nothing>(give(endpoint, kPeer, fragments[1])));
  EXPECT_EQ(endpoint.accept(now_)->datagrams, fragments);
}

// RFC 6347 §4.2.8, with a hello that does not fit one datagram.
TEST_F(EndpointTest, the_rest_of_a_hello_that_begins_anew_is_not_the_old_associations) {
  auto endpoint = with();
  open(endpoint, kPeer);
  accept(endpoint);
  const auto anew = another_hello();
  EXPECT_TRUE(is<Reply>(give(endpoint, kPeer, in_fragments(anew, 0)[0])));
  const auto second = test::with_cookie(anew, cookie());
  const auto fragments = in_fragments(second, 1);
  EXPECT_TRUE(is<Opened>(give(endpoint, kPeer, fragments[0])));
  EXPECT_TRUE(is<Nothing>(give(endpoint, kPeer, fragments[1])));
  EXPECT_EQ(endpoint.accept(now_)->datagrams, fragments);
}

TEST_F(EndpointTest, a_hello_that_had_to_be_put_together_is_handed_over_as_one_datagram) {
  auto endpoint = speaking_13();
  test::Hello13 hello;
  const auto challenged = give(endpoint, kPeer, test::cut(hello.body(), 16'000).front());
  ASSERT_TRUE(is<Reply>(challenged));
  hello.cookie = test::cookie_of_retry(std::span(reply_).first(std::get<Reply>(challenged).size));
  hello.cookie_is_last = true;
  const auto fragments = test::cut(hello.body(), 100, 1, 1);
  ASSERT_EQ(fragments.size(), 2U);
  EXPECT_TRUE(is<Nothing>(give(endpoint, kPeer, fragments[0])));
  EXPECT_TRUE(is<Opened>(give(endpoint, kPeer, fragments[1])));
  EXPECT_EQ(endpoint.accept(now_)->datagrams, test::cut(hello.body(), 16'000, 2, 1));
}

// The same from a peer whose old association lives: its fragments may be anybody's.
TEST_F(EndpointTest, a_hello_that_begins_anew_is_put_together_beside_the_old_association) {
  auto endpoint = speaking_13();
  EXPECT_TRUE(is<Reply>(give(endpoint, kPeer, hello_)));
  give(endpoint, kPeer, test::with_cookie(hello_, cookie()));
  accept(endpoint);
  const auto fragments = test::cut(test::Hello13{}.body(), 90);
  ASSERT_EQ(fragments.size(), 2U);
  EXPECT_TRUE(is<Nothing>(give(endpoint, kPeer, fragments[0])));
  EXPECT_TRUE(is<Reply>(give(endpoint, kPeer, fragments[1])));
  EXPECT_TRUE(is<Deliver>(give(endpoint, kPeer, fragments[1]))) << "nothing waits for it any more";
}

TEST_F(EndpointTest, an_accepted_peer_is_served_by_its_association_until_that_ends) {
  auto endpoint = with();
  open(endpoint, kPeer);
  const Handle handle = accept(endpoint);
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(handle));
  EXPECT_TRUE(is<Nothing>(give(endpoint, ipv4(2, 40000), Datagram(30))));
  EXPECT_EQ(endpoint.end(handle), Place());
  EXPECT_TRUE(is<Nothing>(give(endpoint, kPeer, Datagram(40))));
  EXPECT_TRUE(open(endpoint, kPeer)) << "a forgotten peer may come again";
}

// The index of an association that has ended names the next one; its handle does not.
TEST_F(EndpointTest, a_handle_of_an_association_that_has_ended_means_nothing) {
  auto endpoint = with();
  open(endpoint, kPeer);
  const Handle first = accept(endpoint);
  endpoint.end(first);
  open(endpoint, kPeer);
  const Handle second = accept(endpoint);
  EXPECT_EQ(second.index, first.index);
  EXPECT_FALSE(second == first);
  endpoint.establish(first, now_);
  endpoint.charge(first, 1000, now_);
  endpoint.spoke(first, now_);
  endpoint.depart(first, kElsewhere);
  endpoint.end(first);
  EXPECT_EQ(endpoint.census().half_open(), 1U);
  EXPECT_EQ(endpoint.census().half_open_bytes(),
            Census::kHalfOpenCost + hello_.size() + CookieGate::kCookieSize);
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(second));
}

TEST_F(EndpointTest, a_full_accept_queue_refuses_the_next_and_recovers) {
  Limits limits;
  limits.accept_queue = 2;
  auto endpoint = with(limits);
  EXPECT_TRUE(open(endpoint, ipv4(1, 1)));
  EXPECT_TRUE(open(endpoint, ipv4(1, 2)));
  EXPECT_FALSE(open(endpoint, ipv4(1, 3)));
  EXPECT_EQ(endpoint.counters().refused, 1U);
  EXPECT_EQ(endpoint.accept(now_)->path.peer, ipv4(1, 1)) << "who waited longest comes first";
  EXPECT_TRUE(open(endpoint, ipv4(1, 3)));
}

// A client whose cookie had expired, or whom two servers of one address have challenged.
TEST_F(EndpointTest, a_peer_that_was_challenged_twice_opens_with_its_third_hello) {
  auto endpoint = with();
  EXPECT_TRUE(is<Reply>(give(endpoint, kPeer, hello_)));
  now_ += 3 * kPeriod;
  const auto second = test::with_cookie(hello_, cookie());
  EXPECT_TRUE(is<Reply>(give(endpoint, kPeer, second)));
  const auto third = test::with_cookie(second, cookie());
  EXPECT_TRUE(is<Opened>(give(endpoint, kPeer, third)));
  EXPECT_EQ(endpoint.accept(now_)->datagrams.front(), third);
}

TEST_F(EndpointTest, a_hello_said_again_is_no_new_beginning) {
  auto endpoint = with();
  open(endpoint, kPeer);
  const Handle handle = accept(endpoint);
  EXPECT_EQ(to(give(endpoint, kPeer, hello_)), Place(handle));
  EXPECT_FALSE(endpoint.has_waiting());
}

// RFC 6347 §4.2.8.
TEST_F(EndpointTest, another_hello_of_a_known_peer_has_to_prove_itself_and_opens_beside_the_old) {
  auto endpoint = with();
  open(endpoint, kPeer);
  const Handle old = accept(endpoint);
  endpoint.establish(old, now_);

  EXPECT_TRUE(open(endpoint, kPeer, another_hello()));
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(old)) << "the old association goes on";
  const auto accepted = endpoint.accept(now_);
  ASSERT_TRUE(accepted);
  EXPECT_EQ(accepted->superseded, Place());
  const auto both = give(endpoint, kPeer, Datagram(30));
  EXPECT_EQ(to(both), Place(accepted->handle));
  EXPECT_EQ(also(both), Place(old)) << "it may be of either";

  // The new one fails.
  EXPECT_EQ(endpoint.end(accepted->handle), Place());
  const auto one = give(endpoint, kPeer, Datagram(40));
  EXPECT_EQ(to(one), Place(old));
  EXPECT_EQ(also(one), Place());
  endpoint.end(old);
  EXPECT_EQ(endpoint.census().associations(), 0U);
}

TEST_F(EndpointTest, a_new_association_replaces_the_old_one_when_its_handshake_has_finished) {
  auto endpoint = with();
  open(endpoint, kPeer);
  const Handle old = accept(endpoint);
  endpoint.establish(old, now_);
  EXPECT_TRUE(open(endpoint, kPeer, another_hello()));
  const Handle anew = accept(endpoint);
  EXPECT_EQ(endpoint.establish(anew, now_), Place(old));
  EXPECT_EQ(endpoint.census().associations(), 2U) << "the old one counts until it has ended";
  endpoint.end(old);
  const auto one = give(endpoint, kPeer, Datagram(40));
  EXPECT_EQ(to(one), Place(anew));
  EXPECT_EQ(also(one), Place());
}

TEST_F(EndpointTest, of_two_unfinished_associations_of_a_peer_the_newer_goes_on) {
  auto endpoint = with();
  open(endpoint, kPeer);
  const Handle first = accept(endpoint);
  EXPECT_TRUE(open(endpoint, kPeer, another_hello(1)));
  const auto second = endpoint.accept(now_);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->superseded, Place(first));
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(second->handle));
  endpoint.end(first);
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(second->handle));

  endpoint.establish(second->handle, now_);
  EXPECT_TRUE(open(endpoint, kPeer, another_hello(2)));
  const Handle third = accept(endpoint);
  EXPECT_TRUE(open(endpoint, kPeer, another_hello(3)));
  const auto fourth = endpoint.accept(now_);
  ASSERT_TRUE(fourth);
  EXPECT_EQ(fourth->superseded, Place(third));
  const auto both = give(endpoint, kPeer, Datagram(30));
  EXPECT_EQ(to(both), Place(fourth->handle));
  EXPECT_EQ(also(both), Place(second->handle));
}

TEST_F(EndpointTest, a_new_association_goes_on_where_the_old_one_ends_meanwhile) {
  auto endpoint = with();
  open(endpoint, kPeer);
  const Handle old = accept(endpoint);
  endpoint.establish(old, now_);
  EXPECT_TRUE(open(endpoint, kPeer, another_hello()));
  const Handle anew = accept(endpoint);
  endpoint.end(old);
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(anew));
  EXPECT_EQ(endpoint.establish(anew, now_), Place());
}

TEST_F(EndpointTest, who_begins_anew_while_waiting_waits_on_in_the_same_place) {
  auto endpoint = with();
  open(endpoint, kPeer);
  EXPECT_TRUE(open(endpoint, kPeer, another_hello()));
  EXPECT_EQ(endpoint.census().associations(), 1U);
  EXPECT_EQ(endpoint.accept(now_)->datagrams.size(), 1U);
  EXPECT_FALSE(endpoint.has_waiting());
}

TEST_F(EndpointTest, datagrams_of_an_association_that_moved_follow_it_until_it_ends) {
  auto endpoint = with();
  open(endpoint, kPeer);
  const Handle handle = accept(endpoint);
  endpoint.depart(handle, kElsewhere);
  EXPECT_EQ(endpoint.census().associations(), 0U);
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(kElsewhere));
  endpoint.end(kPeer, kElsewhere);
  EXPECT_TRUE(is<Nothing>(give(endpoint, kPeer, Datagram(20))));
}

TEST_F(EndpointTest, an_association_that_moved_shares_its_datagrams_while_its_peer_begins_anew) {
  auto endpoint = with();
  open(endpoint, kPeer);
  endpoint.depart(accept(endpoint), kElsewhere);
  EXPECT_TRUE(open(endpoint, kPeer, another_hello(1)));
  auto accepted = endpoint.accept(now_);
  EXPECT_EQ(accepted->shared, Place(kElsewhere));
  EXPECT_EQ(also(give(endpoint, kPeer, Datagram(20))), Place(kElsewhere));
  EXPECT_EQ(endpoint.end(accepted->handle), Place(kElsewhere)) << "it need not share any more";
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(kElsewhere));

  EXPECT_TRUE(open(endpoint, kPeer, another_hello(2)));
  accepted = endpoint.accept(now_);
  EXPECT_EQ(endpoint.establish(accepted->handle, now_), Place(kElsewhere));
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(accepted->handle));
}

TEST_F(EndpointTest, an_unfinished_association_that_moved_replaces_the_old_one_from_there) {
  auto endpoint = with();
  open(endpoint, kPeer);
  const Handle old = accept(endpoint);
  endpoint.establish(old, now_);
  EXPECT_TRUE(open(endpoint, kPeer, another_hello()));
  endpoint.depart(accept(endpoint), kElsewhere);
  const auto both = give(endpoint, kPeer, Datagram(20));
  EXPECT_EQ(to(both), Place(kElsewhere));
  EXPECT_EQ(also(both), Place(old));
  EXPECT_EQ(endpoint.establish(kPeer, kElsewhere), Place(old));
  endpoint.end(old);
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(kElsewhere));
}

TEST_F(EndpointTest, an_association_of_another_thread_is_introduced_where_none_is_known) {
  auto endpoint = with();
  endpoint.introduce(kPeer, kElsewhere);
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(kElsewhere));
  endpoint.introduce(kPeer, Elsewhere{8});
  EXPECT_EQ(to(give(endpoint, kPeer, Datagram(20))), Place(kElsewhere));
}

TEST_F(EndpointTest, who_waits_for_accept_longer_than_a_handshake_may_last_is_dropped) {
  auto endpoint = with();
  open(endpoint, kPeer);
  now_ += std::chrono::seconds(60);
  EXPECT_FALSE(endpoint.accept(now_));
  EXPECT_EQ(endpoint.census().associations(), 0U);
}

TEST_F(EndpointTest, half_open_peers_have_a_limit_of_their_own) {
  Limits limits;
  limits.half_open = 2;
  auto endpoint = with(limits);
  EXPECT_TRUE(open(endpoint, ipv4(1, 1)));
  EXPECT_TRUE(open(endpoint, ipv4(2, 1)));
  EXPECT_FALSE(open(endpoint, ipv4(3, 1)));
  const Handle handle = accept(endpoint);
  EXPECT_FALSE(open(endpoint, ipv4(3, 1))) << "accepted is not established";
  endpoint.establish(handle, now_);
  EXPECT_TRUE(open(endpoint, ipv4(3, 1)));
}

TEST_F(EndpointTest, one_address_cannot_take_the_place_of_all) {
  Limits limits;
  limits.associations_per_address = 3;
  limits.half_open_per_address = 2;
  auto endpoint = with(limits);
  EXPECT_TRUE(open(endpoint, ipv4(1, 1)));
  EXPECT_TRUE(open(endpoint, ipv4(1, 2)));
  EXPECT_FALSE(open(endpoint, ipv4(1, 3))) << "half-open";
  EXPECT_TRUE(open(endpoint, ipv4(2, 1))) << "another address";
  const std::array<Handle, 2> handles{accept(endpoint), accept(endpoint)};
  for (const Handle handle : handles)
    endpoint.establish(handle, now_);
  EXPECT_TRUE(open(endpoint, ipv4(1, 3)));
  EXPECT_FALSE(open(endpoint, ipv4(1, 4))) << "associations";
  endpoint.end(handles[0]);
  EXPECT_TRUE(open(endpoint, ipv4(1, 4)));
}

TEST_F(EndpointTest, a_peer_that_begins_anew_for_ever_stays_within_the_limits) {
  Limits limits;
  limits.associations_per_address = 4;
  auto endpoint = with(limits);
  std::size_t accepted = 0;
  for (std::uint8_t i = 0; i < 10; ++i) {
    if (!open(endpoint, kPeer, another_hello(i))) continue;
    endpoint.establish(accept(endpoint), now_);
    ++accepted;
  }
  EXPECT_EQ(accepted, 4U) << "each goes on until it is told to end, and counts until then";
}

class EndpointEviction : public EndpointTest {
 protected:
  // Accepts `count` peers of one address, 10 ms apart.
  std::vector<Handle> accept_many(Endpoint& endpoint, std::uint16_t count) {
    std::vector<Handle> accepted;
    for (std::uint16_t port = 1; port <= count; ++port) {
      EXPECT_TRUE(open(endpoint, ipv4(1, port)));
      accepted.push_back(accept(endpoint));
      now_ += Duration(10);
    }
    return accepted;
  }
};

TEST_F(EndpointEviction, a_newcomer_takes_the_place_of_the_oldest_unfinished_of_many) {
  Limits limits;
  limits.half_open = 3;
  auto endpoint = with(limits);
  const auto many = accept_many(endpoint, 3);
  EXPECT_TRUE(open(endpoint, ipv4(2, 1)));
  const auto evicted = endpoint.take_evicted();
  ASSERT_EQ(evicted.size(), 1U);
  EXPECT_EQ(evicted[0].handle, many[0]);
  EXPECT_TRUE(evicted[0].half_open);
  EXPECT_EQ(evicted[0].since, Duration(30));
  EXPECT_TRUE(endpoint.take_evicted().empty()) << "told once";
  EXPECT_EQ(endpoint.counters().evicted_half_open, 1U);
  EXPECT_EQ(endpoint.counters().refused, 0U);
}

TEST_F(EndpointTest, a_newcomer_takes_the_place_of_who_waits_for_accept_among_many) {
  Limits limits;
  limits.accept_queue = 3;
  auto endpoint = with(limits);
  for (std::uint16_t port = 1; port <= 3; ++port)
    EXPECT_TRUE(open(endpoint, ipv4(1, port)));
  EXPECT_TRUE(open(endpoint, ipv4(2, 1)));
  EXPECT_FALSE(endpoint.is_waiting(ipv4(1, 1)));
  EXPECT_EQ(endpoint.census().associations(), 3U);
  EXPECT_EQ(endpoint.accept(now_)->path.peer, ipv4(1, 2));
  EXPECT_EQ(endpoint.accept(now_)->path.peer, ipv4(1, 3));
  EXPECT_EQ(endpoint.accept(now_)->path.peer, ipv4(2, 1));
}

TEST_F(EndpointTest,
       a_full_queue_drops_who_waits_longest_of_the_address_with_most_and_nobody_else) {
  Limits limits;
  limits.accept_queue = 4;
  auto endpoint = with(limits);
  EXPECT_TRUE(open(endpoint, ipv4(9, 1)));
  for (std::uint16_t port = 1; port <= 3; ++port)
    EXPECT_TRUE(open(endpoint, ipv4(1, port)));
  now_ += Census::kGrace;
  EXPECT_TRUE(open(endpoint, ipv4(1, 4)));
  EXPECT_TRUE(endpoint.is_waiting(ipv4(9, 1)));
  EXPECT_FALSE(endpoint.is_waiting(ipv4(1, 1)));
}

TEST_F(EndpointTest, a_full_queue_counts_those_that_still_wait) {
  Limits limits;
  limits.accept_queue = 2;
  auto endpoint = with(limits);
  for (std::uint16_t port = 1; port <= 2; ++port)
    EXPECT_TRUE(open(endpoint, ipv4(1, port)));
  for (int i = 0; i < 2; ++i)
    endpoint.end(accept(endpoint));
  EXPECT_TRUE(open(endpoint, ipv4(2, 1)));
  EXPECT_TRUE(open(endpoint, ipv4(3, 1)));
  now_ += Census::kGrace;
  EXPECT_TRUE(open(endpoint, ipv4(4, 1)));
  EXPECT_FALSE(endpoint.is_waiting(ipv4(2, 1))) << "one each: the oldest";
  EXPECT_TRUE(endpoint.is_waiting(ipv4(3, 1)));
}

TEST_F(EndpointEviction, a_newcomer_takes_the_place_of_who_was_idle_for_a_minute) {
  Limits limits;
  limits.associations = 2;
  auto endpoint = with(limits);
  const auto both = accept_many(endpoint, 2);
  for (const Handle each : both)
    endpoint.establish(each, now_);
  now_ += std::chrono::seconds(40);
  endpoint.spoke(both[0], now_);
  EXPECT_FALSE(open(endpoint, ipv4(2, 1)));
  EXPECT_EQ(endpoint.counters().refused, 1U);
  now_ += std::chrono::seconds(20);
  EXPECT_TRUE(open(endpoint, ipv4(2, 1)));
  const auto evicted = endpoint.take_evicted();
  ASSERT_EQ(evicted.size(), 1U);
  EXPECT_EQ(evicted[0].handle, both[1]);
  EXPECT_FALSE(evicted[0].half_open);
  EXPECT_EQ(evicted[0].since, Duration(60000));
  EXPECT_EQ(endpoint.counters().evicted_idle, 1U);
}

TEST_F(EndpointTest, what_unfinished_peers_have_it_hold_stays_within_the_budget) {
  Limits limits;
  limits.half_open_bytes = 3 * Census::kHalfOpenCost;
  auto endpoint = with(limits);
  std::vector<Handle> peers;
  for (std::uint8_t host = 1; host <= 2; ++host) {
    EXPECT_TRUE(open(endpoint, ipv4(host, 1)));
    peers.push_back(accept(endpoint));
    endpoint.charge(peers.back(), 0, now_);
  }
  endpoint.charge(peers[1], 2 * Census::kHalfOpenCost, now_);
  const auto evicted = endpoint.take_evicted();
  ASSERT_EQ(evicted.size(), 1U);
  EXPECT_EQ(evicted[0].handle, peers[1]);
  EXPECT_LE(endpoint.census().half_open_bytes(), limits.half_open_bytes);
}

TEST(CensusTest, all_of_an_ipv6_network_of_64_bits_is_one_address) {
  Limits limits;
  limits.associations_per_address = 1;
  Census census(limits);
  EXPECT_TRUE(census.enter(*Address::parse("2001:db8:1:2::1", 1), TimePoint{}));
  EXPECT_FALSE(census.enter(*Address::parse("2001:db8:1:2:ffff::2", 2), TimePoint{}));
  EXPECT_TRUE(census.enter(*Address::parse("2001:db8:1:3::1", 1), TimePoint{}));
  EXPECT_TRUE(census.enter(*Address::parse("::ffff:192.0.2.1", 1), TimePoint{}))
      << "IPv4 in IPv6 is IPv4";
  EXPECT_TRUE(census.enter(*Address::parse("::ffff:192.0.2.2", 1), TimePoint{}));
  EXPECT_FALSE(census.enter(*Address::parse("::ffff:192.0.2.2", 2), TimePoint{}));
}

}  // namespace
}  // namespace dtls::endpoint
