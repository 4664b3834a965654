// How cookies age, and who accepts whose.
#include "endpoint/cookie_secrets.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "unit/endpoint/cookie_gate_fixture.hpp"
#include "unit/wire/hello_bytes.hpp"

namespace dtls::endpoint {
namespace {

using namespace std::chrono_literals;
using Verdict = CookieGate::Verdict;
using test::Datagram;
using test::from_hex;

TEST_F(CookieGateTest, a_cookie_is_accepted_until_the_end_of_the_next_period) {
  now_ = TimePoint(1000 * kPeriod);
  const Datagram second = answered(hello_);
  now_ = TimePoint(1002 * kPeriod) - 1ns;
  EXPECT_EQ(verdict(second), Verdict::kProven);
  now_ = TimePoint(1002 * kPeriod);
  EXPECT_EQ(verdict(second), Verdict::kChallenge);
  EXPECT_EQ(verdict(test::with_cookie(second, cookie())), Verdict::kProven)
      << "and the client goes on with the cookie of the new challenge";
}

TEST_F(CookieGateTest, a_cookie_does_not_come_back_when_its_mark_does) {
  const Datagram second = answered(hello_);
  now_ += 256 * kPeriod;  // the mark is one byte
  EXPECT_EQ(verdict(second), Verdict::kChallenge);
}

// Loops read the clock at different moments, and machines that share a key differ a little.
TEST_F(CookieGateTest, a_cookie_from_slightly_ahead_of_our_clock_is_accepted) {
  now_ = TimePoint(1000 * kPeriod);
  const Datagram second = answered(hello_);
  now_ -= 1ms;
  EXPECT_EQ(verdict(second), Verdict::kProven);
  now_ -= kPeriod;
  EXPECT_EQ(verdict(second), Verdict::kChallenge);
}

TEST_F(CookieGateTest, periods_before_the_origin_are_periods_too) {
  for (const int period : {-2, -1, 0, 1}) {
    now_ = TimePoint(period * kPeriod) + 1s;
    const Datagram second = answered(hello_);
    now_ += kPeriod;
    EXPECT_EQ(verdict(second), Verdict::kProven) << period;
    now_ += kPeriod;
    EXPECT_EQ(verdict(second), Verdict::kChallenge) << period;
  }
}

TEST_F(CookieGateTest, gates_with_the_same_secrets_accept_each_others_cookies) {
  const auto shared = *CookieSecrets::generate();
  gate_ = gate_with(shared);
  const Datagram second = answered(hello_);
  gate_ = gate_with(shared);
  EXPECT_EQ(verdict(second), Verdict::kProven);
}

TEST_F(CookieGateTest, gates_with_the_same_master_key_accept_each_others_cookies) {
  gate_ = gate_with(secrets_with(7));
  const Datagram second = answered(hello_);
  gate_ = gate_with(secrets_with(7));
  EXPECT_EQ(verdict(second), Verdict::kProven);
}

TEST_F(CookieGateTest, machines_with_different_clocks_agree_once_they_name_a_common_origin) {
  gate_ = gate_with(secrets_with(7, kPeriod, TimePoint(100h)));
  now_ = TimePoint(101h);
  const Datagram second = answered(hello_);
  gate_ = gate_with(secrets_with(7, kPeriod, TimePoint(-500h)));
  now_ = TimePoint(-499h);
  EXPECT_EQ(verdict(second), Verdict::kProven);
}

TEST_F(CookieGateTest, a_gate_with_other_secrets_does_not_accept_the_cookie) {
  gate_ = gate_with(*CookieSecrets::generate());
  const Datagram second = answered(hello_);
  gate_ = gate_with(*CookieSecrets::generate());
  EXPECT_EQ(verdict(second), Verdict::kChallenge);
}

TEST(CookieGate, threads_share_secrets_without_a_lock) {
  const auto shared = *CookieSecrets::generate(CookieSecrets::kShortestPeriod);
  const Datagram hello = from_hex(test::kFirstHello);
  std::vector<std::thread> threads;
  std::array<int, 4> proven{};
  threads.reserve(proven.size());
  for (int& count : proven) {
    threads.emplace_back([&shared, &hello, &count] {
      CookieGate issuer = gate_with(shared);
      CookieGate verifier = gate_with(shared);
      std::array<std::byte, CookieGate::kReplySize> reply{};
      for (int i = 0; i < 200; ++i) {
        const TimePoint now = TimePoint(1h) + i * CookieSecrets::kShortestPeriod;
        issuer.inspect(kPeer, hello, now, reply);
        const auto cookie = std::span(reply).last(CookieGate::kCookieSize);
        const auto answer = verifier.inspect(kPeer, test::with_cookie(hello, cookie), now, reply);
        count += answer.verdict == Verdict::kProven ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(proven, (std::array{200, 200, 200, 200}));
}

TEST(CookieSecrets, refuse_a_period_out_of_bounds) {
  EXPECT_FALSE(CookieSecrets::generate(CookieSecrets::kShortestPeriod - 1ms));
  EXPECT_FALSE(CookieSecrets::generate(CookieSecrets::kLongestPeriod + 1ms));
  EXPECT_FALSE(CookieSecrets::generate(Duration::zero()));
  EXPECT_TRUE(CookieSecrets::generate(CookieSecrets::kShortestPeriod));
  EXPECT_TRUE(CookieSecrets::generate(CookieSecrets::kLongestPeriod));
}

TEST(CookieSecrets, each_period_has_its_own_secret) {
  const auto secrets = secrets_with(1);
  const auto earlier = secrets->secret_of(-1);
  const auto later = secrets->secret_of(0);
  ASSERT_TRUE(earlier && later);
  EXPECT_FALSE(std::ranges::equal(earlier->view(), later->view()));
  EXPECT_EQ(secrets->period_at(TimePoint{} - 1ns), -1);
  EXPECT_EQ(secrets->period_at(TimePoint{}), 0);
  EXPECT_EQ(secrets->period_at(TimePoint{} - kPeriod), -1);
}

}  // namespace
}  // namespace dtls::endpoint
