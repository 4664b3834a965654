#include "endpoint/endpoint.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "unit/endpoint/cookie_gate_fixture.hpp"

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
  Outcome open(Endpoint& endpoint, const Address& peer) {
    EXPECT_EQ(give(endpoint, peer, hello_).outcome, Outcome::kReply);
    const auto cookie = std::span(reply_).last(CookieGate::kCookieSize);
    return give(endpoint, peer, test::with_cookie(hello_, cookie)).outcome;
  }
  static Endpoint with(Limits limits = {}) {
    return {gate_with(secrets_with(1)), limits, std::chrono::seconds(60)};
  }

  std::array<std::byte, CookieGate::kReplySize> reply_{};
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
  EXPECT_EQ(opening->datagrams.size(), 4U);
  EXPECT_FALSE(endpoint.has_waiting());
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

TEST_F(EndpointTest, a_proven_hello_that_is_not_the_second_opens_nothing) {
  auto endpoint = with();
  give(endpoint, kPeer, hello_);
  const auto cookie = std::span(reply_).last(CookieGate::kCookieSize);
  auto second = test::with_cookie(hello_, cookie);
  constexpr std::size_t kMessageSeqLowAt = test::kMessageAt + 5;
  second.at(kMessageSeqLowAt) = std::byte{2};
  EXPECT_EQ(give(endpoint, kPeer, second).outcome, Outcome::kNothing);
  EXPECT_EQ(endpoint.census().associations(), 0U);
}

}  // namespace
}  // namespace dtls::endpoint
