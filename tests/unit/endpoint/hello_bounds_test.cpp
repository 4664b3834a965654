// What strangers can do to the gate's table of hellos, and what a cookie covers.
#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>

#include "endpoint/endpoint.hpp"
#include "support/engine_pair.hpp"
#include "support/hello_13.hpp"
#include "unit/endpoint/cookie_gate_fixture.hpp"
#include "unit/wire/hello_bytes.hpp"
#include "wire/record_header.hpp"

namespace dtls::endpoint {
namespace {

using test::cut;
using test::Hello13;
using Datagram = std::vector<std::byte>;
using Verdict = CookieGate::Verdict;

class HelloBounds : public testing::Test {
 protected:
  CookieGate::Answer say(const Datagram& datagram, const Address& peer = kPeer) {
    return gate_.inspect(peer, datagram, now_, reply_);
  }
  Verdict verdict(const Datagram& datagram, const Address& peer = kPeer) {
    return say(datagram, peer).verdict;
  }
  // A hello that is too large for one datagram.
  static Hello13 large() {
    Hello13 hello;
    hello.padding = 1500;
    return hello;
  }

  CookieGate gate_ = *CookieGate::create(
      secrets_with(1), std::make_shared<const handshake::Settings>(test::default_settings(true)));
  std::array<std::byte, CookieGate::kMaxReplySize> reply_{};
  TimePoint now_{std::chrono::hours(1000)};
};

TEST_F(HelloBounds, gate_rejects_a_retry_cookie_with_any_byte_changed) {
  Hello13 hello;
  const auto answer = say(cut(hello.body(), 16'000).front());
  ASSERT_EQ(answer.verdict, Verdict::kChallenge);
  hello.cookie = test::cookie_of_retry(std::span(reply_).first(answer.reply_size));
  ASSERT_FALSE(hello.cookie.empty());
  EXPECT_EQ(verdict(cut(hello.body(), 16'000, 1, 1).front()), Verdict::kProven);
  for (auto& byte : hello.cookie) {
    byte ^= std::byte{1};
    EXPECT_EQ(verdict(cut(hello.body(), 16'000, 1, 1).front()), Verdict::kDiscard);
    byte ^= std::byte{1};
  }
}

TEST_F(HelloBounds, gate_discards_a_hello_whose_fragments_contradict_each_other) {
  const auto fragments = cut(large().body(), 400);
  ASSERT_GE(fragments.size(), 3U);
  Datagram changed = fragments[1];
  changed.back() ^= std::byte{1};
  EXPECT_EQ(verdict(fragments[0]), Verdict::kDiscard);
  EXPECT_EQ(verdict(fragments[1]), Verdict::kDiscard);
  EXPECT_EQ(verdict(changed), Verdict::kDiscard);
  for (std::size_t i = 2; i < fragments.size(); ++i)
    EXPECT_EQ(verdict(fragments[i]), Verdict::kDiscard) << i;
}

TEST_F(HelloBounds, oldest_hello_makes_room_and_the_newest_stays) {
  const auto fragments = cut(large().body(), 1000);
  ASSERT_EQ(fragments.size(), 2U);
  EXPECT_EQ(verdict(fragments[0]), Verdict::kDiscard);
  for (std::size_t i = 1; i <= HelloCollector::kMost; ++i) {
    now_ += Duration(1);
    EXPECT_EQ(verdict(fragments[0], ipv4(2, static_cast<std::uint16_t>(i))), Verdict::kDiscard);
  }
  EXPECT_EQ(verdict(fragments[1], ipv4(2, HelloCollector::kMost)), Verdict::kChallenge);
  EXPECT_EQ(verdict(fragments[1]), Verdict::kDiscard);
}

TEST_F(CookieGateTest, gate_discards_a_hello_with_a_number_that_no_client_reaches) {
  Datagram hello = hello_;
  hello.at(wire::kRecordHeaderSize + 5) = static_cast<std::byte>(handshake::kMaxHelloSeq - 1);
  auto second = answered(hello);
  EXPECT_EQ(verdict(second), Verdict::kProven);
  second.at(wire::kRecordHeaderSize + 5) = static_cast<std::byte>(handshake::kMaxHelloSeq + 1);
  EXPECT_EQ(verdict(second), Verdict::kDiscard);
}

TEST(EndpointMemory, endpoint_forgets_associations_that_moved_away_and_ended) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's allocator does not count";
#endif
  Endpoint endpoint{gate_with(secrets_with(1)), {}, std::chrono::seconds(60)};
  const TimePoint now{std::chrono::hours(1000)};
  std::array<std::byte, CookieGate::kMaxReplySize> reply{};
  const auto come_and_go = [&](int first, int last) {
    for (int i = first; i < last; ++i) {
      const auto peer = ipv4(static_cast<std::uint8_t>(1 + i / 60'000),
                             static_cast<std::uint16_t>(1 + i % 60'000));
      auto hello = test::from_hex(test::kFirstHello);
      const Path path{{}, peer};
      ASSERT_TRUE(
          std::holds_alternative<Endpoint::Reply>(endpoint.receive(path, hello, now, reply)));
      const auto cookie =
          std::span(reply).first(CookieGate::kReplySize).last(CookieGate::kCookieSize);
      auto second = test::with_cookie(hello, cookie);
      ASSERT_TRUE(
          std::holds_alternative<Endpoint::Opened>(endpoint.receive(path, second, now, reply)));
      const Elsewhere elsewhere{static_cast<std::uint64_t>(i) + 1};
      endpoint.depart(endpoint.accept(now)->handle, elsewhere);
      endpoint.end(peer, elsewhere);
    }
  };
  come_and_go(0, 5000);
  const auto before = mallinfo2().uordblks;
  come_and_go(5000, 25'000);
  EXPECT_LT(mallinfo2().uordblks, before + 500'000) << "20,000 entries have more than a megabyte";
}

}  // namespace
}  // namespace dtls::endpoint
