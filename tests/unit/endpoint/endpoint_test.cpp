#include "endpoint/endpoint.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "support/engine_pair.hpp"
#include "support/hello_13.hpp"
#include "unit/endpoint/cookie_gate_fixture.hpp"
#include "wire/record_header.hpp"

namespace dtls::endpoint {
namespace {

using test::Datagram;
using Outcome = Endpoint::Outcome;

// Counter receives for an accepted peer.
class Counter : public Receiver {
 public:
  void on_datagram(std::span<std::byte> datagram, TimePoint /*now*/) override {
    sizes.push_back(datagram.size());
  }
  std::vector<std::size_t> sizes;
};

class EndpointTest : public ::testing::Test {
 protected:
  Endpoint::Handled give(Endpoint& endpoint, const Address& peer, Datagram datagram) {
    return endpoint.receive(peer, {}, datagram, now_, reply_);
  }
  // The peer's whole way to the accept queue.
  Outcome open(Endpoint& endpoint, const Address& peer) { return open(endpoint, peer, hello_); }
  Outcome open(Endpoint& endpoint, const Address& peer, const Datagram& hello) {
    EXPECT_EQ(give(endpoint, peer, hello).outcome, Outcome::kReply);
    return give(endpoint, peer, test::with_cookie(hello, cookie())).outcome;
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
    EXPECT_EQ(give(endpoint, ipv4(1, port), hello_).outcome, Outcome::kReply);
  }
  EXPECT_EQ(endpoint.census().associations(), 0U);
  EXPECT_EQ(endpoint.counters().challenged, 1000U);
}

TEST_F(EndpointTest, a_proven_peer_waits_with_what_it_has_sent_and_no_more_than_a_little) {
  auto endpoint = with();
  EXPECT_EQ(open(endpoint, kPeer), Outcome::kOpened);
  for (int i = 0; i < 100; ++i)
    give(endpoint, kPeer, Datagram(20));
  const auto opening = endpoint.accept(now_);
  ASSERT_TRUE(opening);
  EXPECT_EQ(opening->peer, kPeer);
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
  EXPECT_EQ(give(endpoint, kPeer, second).outcome, Outcome::kNothing);
  EXPECT_EQ(endpoint.counters().refused, 1U);
  EXPECT_EQ(endpoint.census().associations(), 0U);
}

TEST_F(EndpointTest, a_waiting_peer_that_begins_anew_again_and_again_holds_up_nobody) {
  auto endpoint = with();
  EXPECT_EQ(open(endpoint, kPeer), Outcome::kOpened);
  now_ += std::chrono::seconds(40);
  EXPECT_EQ(open(endpoint, kPeer, another_hello()), Outcome::kOpened);
  const auto other = ipv4(2, 7);
  EXPECT_EQ(open(endpoint, other), Outcome::kOpened);
  now_ += std::chrono::seconds(30);
  const auto opening = endpoint.accept(now_);
  ASSERT_TRUE(opening);
  EXPECT_EQ(opening->peer, other) << "the patience with the first was over";
}

TEST_F(EndpointTest, the_rest_of_a_hello_waits_with_the_fragment_that_proved_it) {
  auto endpoint = with();
  give(endpoint, kPeer, hello_);
  const auto second = test::with_cookie(hello_, cookie());
  const auto fragments = in_fragments(second, 1);
  EXPECT_EQ(give(endpoint, kPeer, fragments[0]).outcome, Outcome::kOpened);
  EXPECT_EQ(give(endpoint, kPeer, fragments[1]).outcome, Outcome::kNothing);
  EXPECT_EQ(endpoint.accept(now_)->datagrams, fragments);
}

// RFC 6347 §4.2.8, with a hello that does not fit one datagram.
TEST_F(EndpointTest, the_rest_of_a_hello_that_begins_anew_is_not_the_old_associations) {
  auto endpoint = with();
  open(endpoint, kPeer);
  Counter old_receiver;
  endpoint.adopt(*endpoint.accept(now_), old_receiver);
  const auto anew = another_hello();
  EXPECT_EQ(give(endpoint, kPeer, in_fragments(anew, 0)[0]).outcome, Outcome::kReply);
  const auto second = test::with_cookie(anew, cookie());
  const auto fragments = in_fragments(second, 1);
  EXPECT_EQ(give(endpoint, kPeer, fragments[0]).outcome, Outcome::kOpened);
  EXPECT_EQ(give(endpoint, kPeer, fragments[1]).outcome, Outcome::kNothing);
  EXPECT_TRUE(old_receiver.sizes.empty());
  EXPECT_EQ(endpoint.accept(now_)->datagrams, fragments);
}

TEST_F(EndpointTest, a_hello_that_had_to_be_put_together_is_handed_over_as_one_datagram) {
  auto endpoint = speaking_13();
  test::Hello13 hello;
  const auto challenged = give(endpoint, kPeer, test::cut(hello.body(), 16'000).front());
  ASSERT_EQ(challenged.outcome, Outcome::kReply);
  hello.cookie = test::cookie_of_retry(std::span(reply_).first(challenged.reply_size));
  hello.cookie_is_last = true;
  const auto fragments = test::cut(hello.body(), 100, 1, 1);
  ASSERT_EQ(fragments.size(), 2U);
  EXPECT_EQ(give(endpoint, kPeer, fragments[0]).outcome, Outcome::kNothing);
  EXPECT_EQ(give(endpoint, kPeer, fragments[1]).outcome, Outcome::kOpened);
  EXPECT_EQ(endpoint.accept(now_)->datagrams, test::cut(hello.body(), 16'000, 2, 1));
}

// The same from a peer whose old association lives: its fragments may be anybody's.
TEST_F(EndpointTest, a_hello_that_begins_anew_is_put_together_beside_the_old_association) {
  auto endpoint = speaking_13();
  EXPECT_EQ(give(endpoint, kPeer, hello_).outcome, Outcome::kReply);
  give(endpoint, kPeer, test::with_cookie(hello_, cookie()));
  Counter old_receiver;
  endpoint.adopt(*endpoint.accept(now_), old_receiver);
  const auto fragments = test::cut(test::Hello13{}.body(), 90);
  ASSERT_EQ(fragments.size(), 2U);
  EXPECT_EQ(give(endpoint, kPeer, fragments[0]).outcome, Outcome::kNothing);
  EXPECT_EQ(give(endpoint, kPeer, fragments[1]).outcome, Outcome::kReply);
  EXPECT_EQ(give(endpoint, kPeer, fragments[1]).outcome, Outcome::kDelivered)
      << "nothing waits for it any more";
}

TEST_F(EndpointTest, an_adopted_peer_is_served_by_its_receiver_until_forgotten) {
  auto endpoint = with();
  open(endpoint, kPeer);
  Counter receiver;
  endpoint.adopt(*endpoint.accept(now_), receiver);
  EXPECT_EQ(give(endpoint, kPeer, Datagram(20)).outcome, Outcome::kDelivered);
  EXPECT_EQ(give(endpoint, ipv4(2, 40000), Datagram(30)).outcome, Outcome::kNothing);
  endpoint.forget(kPeer, receiver);
  EXPECT_EQ(give(endpoint, kPeer, Datagram(40)).outcome, Outcome::kNothing);
  EXPECT_EQ(receiver.sizes, std::vector<std::size_t>{20});
  EXPECT_EQ(open(endpoint, kPeer), Outcome::kOpened) << "a forgotten peer may come again";
}

TEST_F(EndpointTest, a_full_accept_queue_refuses_the_next_and_recovers) {
  Limits limits;
  limits.accept_queue = 2;
  auto endpoint = with(limits);
  EXPECT_EQ(open(endpoint, ipv4(1, 1)), Outcome::kOpened);
  EXPECT_EQ(open(endpoint, ipv4(1, 2)), Outcome::kOpened);
  EXPECT_EQ(open(endpoint, ipv4(1, 3)), Outcome::kNothing);
  EXPECT_EQ(endpoint.counters().refused, 1U);
  EXPECT_EQ(endpoint.accept(now_)->peer, ipv4(1, 1)) << "who waited longest comes first";
  EXPECT_EQ(open(endpoint, ipv4(1, 3)), Outcome::kOpened);
}

// A client whose cookie had expired, or whom two servers of one address have challenged.
TEST_F(EndpointTest, a_peer_that_was_challenged_twice_opens_with_its_third_hello) {
  auto endpoint = with();
  EXPECT_EQ(give(endpoint, kPeer, hello_).outcome, Outcome::kReply);
  now_ += 3 * kPeriod;
  const auto second = test::with_cookie(hello_, cookie());
  EXPECT_EQ(give(endpoint, kPeer, second).outcome, Outcome::kReply);
  const auto third = test::with_cookie(second, cookie());
  EXPECT_EQ(give(endpoint, kPeer, third).outcome, Outcome::kOpened);
  EXPECT_EQ(endpoint.accept(now_)->datagrams.front(), third);
}

TEST_F(EndpointTest, a_hello_said_again_is_no_new_beginning) {
  auto endpoint = with();
  open(endpoint, kPeer);
  Counter receiver;
  endpoint.adopt(*endpoint.accept(now_), receiver);
  EXPECT_EQ(give(endpoint, kPeer, hello_).outcome, Outcome::kDelivered);
  EXPECT_EQ(receiver.sizes.size(), 1U);
  EXPECT_FALSE(endpoint.has_waiting());
}

TEST_F(EndpointTest, another_hello_of_a_known_peer_has_to_prove_itself_and_opens_beside_the_old) {
  auto endpoint = with();
  open(endpoint, kPeer);
  Counter old_receiver;
  endpoint.adopt(*endpoint.accept(now_), old_receiver);
  endpoint.establish(old_receiver, now_);

  EXPECT_EQ(open(endpoint, kPeer, another_hello()), Outcome::kOpened);
  EXPECT_EQ(give(endpoint, kPeer, Datagram(20)).outcome, Outcome::kDelivered)
      << "the old association goes on";
  const auto opening = endpoint.accept(now_);
  ASSERT_TRUE(opening);
  EXPECT_EQ(opening->replaces, &old_receiver);
  Counter receiver;
  endpoint.adopt(*opening, receiver);
  give(endpoint, kPeer, Datagram(30));
  EXPECT_EQ(receiver.sizes, std::vector<std::size_t>{30});
  EXPECT_EQ(old_receiver.sizes, std::vector<std::size_t>{20});

  // The new one fails.
  endpoint.forget(kPeer, receiver);
  endpoint.restore(kPeer, old_receiver, 0);
  EXPECT_EQ(give(endpoint, kPeer, Datagram(40)).outcome, Outcome::kDelivered);
  EXPECT_EQ(old_receiver.sizes.back(), 40U);
  endpoint.forget(kPeer, old_receiver);
  EXPECT_EQ(endpoint.census().associations(), 0U);
}

TEST_F(EndpointTest, who_begins_anew_while_waiting_waits_on_in_the_same_place) {
  auto endpoint = with();
  open(endpoint, kPeer);
  EXPECT_EQ(open(endpoint, kPeer, another_hello()), Outcome::kOpened);
  EXPECT_EQ(endpoint.census().associations(), 1U);
  EXPECT_EQ(endpoint.accept(now_)->datagrams.size(), 1U);
  EXPECT_FALSE(endpoint.has_waiting());
}

TEST_F(EndpointTest, what_comes_for_an_association_that_moved_away_follows_it_while_it_lives) {
  auto endpoint = with();
  open(endpoint, kPeer);
  Counter receiver;
  endpoint.adopt(*endpoint.accept(now_), receiver);
  auto away = std::make_shared<Counter>();
  endpoint.depart(kPeer, receiver, away);
  EXPECT_EQ(endpoint.census().associations(), 0U);
  EXPECT_EQ(give(endpoint, kPeer, Datagram(20)).outcome, Outcome::kDelivered);
  EXPECT_EQ(away->sizes, std::vector<std::size_t>{20});

  EXPECT_EQ(open(endpoint, kPeer, another_hello()), Outcome::kOpened);
  EXPECT_EQ(endpoint.accept(now_)->replaces_away, away);
  away.reset();
  EXPECT_EQ(give(endpoint, kPeer, Datagram(20)).outcome, Outcome::kNothing);
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
  EXPECT_EQ(open(endpoint, ipv4(1, 1)), Outcome::kOpened);
  EXPECT_EQ(open(endpoint, ipv4(2, 1)), Outcome::kOpened);
  EXPECT_EQ(open(endpoint, ipv4(3, 1)), Outcome::kNothing);
  Counter receiver;
  endpoint.adopt(*endpoint.accept(now_), receiver);
  EXPECT_EQ(open(endpoint, ipv4(3, 1)), Outcome::kNothing) << "accepted is not established";
  endpoint.establish(receiver, now_);
  EXPECT_EQ(open(endpoint, ipv4(3, 1)), Outcome::kOpened);
}

TEST_F(EndpointTest, one_address_cannot_take_the_place_of_all) {
  Limits limits;
  limits.associations_per_address = 3;
  limits.half_open_per_address = 2;
  auto endpoint = with(limits);
  EXPECT_EQ(open(endpoint, ipv4(1, 1)), Outcome::kOpened);
  EXPECT_EQ(open(endpoint, ipv4(1, 2)), Outcome::kOpened);
  EXPECT_EQ(open(endpoint, ipv4(1, 3)), Outcome::kNothing) << "half-open";
  EXPECT_EQ(open(endpoint, ipv4(2, 1)), Outcome::kOpened) << "another address";
  std::array<Counter, 2> receivers;
  for (auto& receiver : receivers)
    endpoint.adopt(*endpoint.accept(now_), receiver);
  endpoint.establish(receivers[0], now_);
  endpoint.establish(receivers[1], now_);
  EXPECT_EQ(open(endpoint, ipv4(1, 3)), Outcome::kOpened);
  EXPECT_EQ(open(endpoint, ipv4(1, 4)), Outcome::kNothing) << "associations";
  endpoint.forget(ipv4(1, 1), receivers[0]);
  EXPECT_EQ(open(endpoint, ipv4(1, 4)), Outcome::kOpened);
}

TEST_F(EndpointTest, a_peer_that_begins_anew_for_ever_stays_within_the_limits) {
  Limits limits;
  limits.associations_per_address = 4;
  auto endpoint = with(limits);
  std::array<Counter, 10> receivers;
  std::size_t accepted = 0;
  for (std::uint8_t i = 0; i < receivers.size(); ++i) {
    if (open(endpoint, kPeer, another_hello(i)) != Outcome::kOpened) continue;
    endpoint.adopt(*endpoint.accept(now_), receivers.at(accepted));
    endpoint.establish(receivers.at(accepted++), now_);
  }
  EXPECT_EQ(accepted, 4U) << "each goes on until it is told to end, and counts until then";
}

// Yielding ends as a connection does.
class Yielding : public Counter {
 public:
  Yielding(Endpoint& endpoint, const Address& peer) : endpoint_(endpoint), peer_(peer) {}
  void on_evicted(const Eviction& eviction) override {
    evicted = eviction;
    endpoint_.forget(peer_, *this);
  }
  std::optional<Eviction> evicted;

 private:
  Endpoint& endpoint_;
  Address peer_;
};

class EndpointEviction : public EndpointTest {
 protected:
  // Accepts `count` peers of one address, 10 ms apart.
  std::vector<std::unique_ptr<Yielding>> accept(Endpoint& endpoint, std::uint16_t count) {
    std::vector<std::unique_ptr<Yielding>> accepted;
    for (std::uint16_t port = 1; port <= count; ++port) {
      EXPECT_EQ(open(endpoint, ipv4(1, port)), Outcome::kOpened);
      accepted.push_back(std::make_unique<Yielding>(endpoint, ipv4(1, port)));
      endpoint.adopt(*endpoint.accept(now_), *accepted.back());
      now_ += Duration(10);
    }
    return accepted;
  }
};

TEST_F(EndpointEviction, a_newcomer_takes_the_place_of_the_oldest_unfinished_of_many) {
  Limits limits;
  limits.half_open = 3;
  auto endpoint = with(limits);
  const auto many = accept(endpoint, 3);
  EXPECT_EQ(open(endpoint, ipv4(2, 1)), Outcome::kOpened);
  ASSERT_TRUE(many[0]->evicted);
  EXPECT_TRUE(many[0]->evicted->half_open);
  EXPECT_EQ(many[0]->evicted->since, Duration(30));
  EXPECT_FALSE(many[1]->evicted);
  EXPECT_EQ(endpoint.counters().evicted_half_open, 1U);
  EXPECT_EQ(endpoint.counters().refused, 0U);
}

TEST_F(EndpointTest, a_newcomer_takes_the_place_of_who_waits_for_accept_among_many) {
  Limits limits;
  limits.accept_queue = 3;
  auto endpoint = with(limits);
  for (std::uint16_t port = 1; port <= 3; ++port)
    EXPECT_EQ(open(endpoint, ipv4(1, port)), Outcome::kOpened);
  EXPECT_EQ(open(endpoint, ipv4(2, 1)), Outcome::kOpened);
  EXPECT_FALSE(endpoint.is_waiting(ipv4(1, 1)));
  EXPECT_EQ(endpoint.census().associations(), 3U);
  EXPECT_EQ(endpoint.accept(now_)->peer, ipv4(1, 2));
  EXPECT_EQ(endpoint.accept(now_)->peer, ipv4(1, 3));
  EXPECT_EQ(endpoint.accept(now_)->peer, ipv4(2, 1));
}

TEST_F(EndpointTest,
       a_full_queue_drops_who_waits_longest_of_the_address_with_most_and_nobody_else) {
  Limits limits;
  limits.accept_queue = 4;
  auto endpoint = with(limits);
  EXPECT_EQ(open(endpoint, ipv4(9, 1)), Outcome::kOpened);
  for (std::uint16_t port = 1; port <= 3; ++port)
    EXPECT_EQ(open(endpoint, ipv4(1, port)), Outcome::kOpened);
  now_ += Census::kGrace;
  EXPECT_EQ(open(endpoint, ipv4(1, 4)), Outcome::kOpened);
  EXPECT_TRUE(endpoint.is_waiting(ipv4(9, 1)));
  EXPECT_FALSE(endpoint.is_waiting(ipv4(1, 1)));
}

TEST_F(EndpointTest, a_full_queue_counts_those_that_still_wait) {
  Limits limits;
  limits.accept_queue = 2;
  auto endpoint = with(limits);
  for (std::uint16_t port = 1; port <= 2; ++port)
    EXPECT_EQ(open(endpoint, ipv4(1, port)), Outcome::kOpened);
  for (int i = 0; i < 2; ++i)
    endpoint.abandon(*endpoint.accept(now_));
  EXPECT_EQ(open(endpoint, ipv4(2, 1)), Outcome::kOpened);
  EXPECT_EQ(open(endpoint, ipv4(3, 1)), Outcome::kOpened);
  now_ += Census::kGrace;
  EXPECT_EQ(open(endpoint, ipv4(4, 1)), Outcome::kOpened);
  EXPECT_FALSE(endpoint.is_waiting(ipv4(2, 1))) << "one each: the oldest";
  EXPECT_TRUE(endpoint.is_waiting(ipv4(3, 1)));
}

TEST_F(EndpointEviction, a_newcomer_takes_the_place_of_who_was_idle_for_a_minute) {
  Limits limits;
  limits.associations = 2;
  auto endpoint = with(limits);
  const auto both = accept(endpoint, 2);
  for (const auto& each : both)
    endpoint.establish(*each, now_);
  now_ += std::chrono::seconds(40);
  endpoint.spoke(*both[0], now_);
  EXPECT_EQ(open(endpoint, ipv4(2, 1)), Outcome::kNothing);
  EXPECT_EQ(endpoint.counters().refused, 1U);
  now_ += std::chrono::seconds(20);
  EXPECT_EQ(open(endpoint, ipv4(2, 1)), Outcome::kOpened);
  EXPECT_FALSE(both[0]->evicted);
  ASSERT_TRUE(both[1]->evicted);
  EXPECT_EQ(both[1]->evicted->since, Duration(60000));
  EXPECT_EQ(endpoint.counters().evicted_idle, 1U);
}

TEST_F(EndpointTest, what_unfinished_peers_have_it_hold_stays_within_the_budget) {
  Limits limits;
  limits.half_open_bytes = 3 * Census::kHalfOpenCost;
  auto endpoint = with(limits);
  std::vector<std::unique_ptr<Yielding>> peers;
  for (std::uint8_t host = 1; host <= 2; ++host) {
    EXPECT_EQ(open(endpoint, ipv4(host, 1)), Outcome::kOpened);
    peers.push_back(std::make_unique<Yielding>(endpoint, ipv4(host, 1)));
    endpoint.adopt(*endpoint.accept(now_), *peers.back());
    endpoint.charge(*peers.back(), 0, now_);
  }
  endpoint.charge(*peers[1], 2 * Census::kHalfOpenCost, now_);
  EXPECT_FALSE(peers[0]->evicted);
  EXPECT_TRUE(peers[1]->evicted);
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
