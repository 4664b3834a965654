#include "endpoint/census.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "unit/endpoint/cookie_gate_fixture.hpp"

namespace dtls::endpoint {
namespace {

using Member = Census::Member;

constexpr TimePoint kBegin{std::chrono::hours(1000)};

class CensusEviction : public ::testing::Test {
 protected:
  static Limits limits() {
    Limits limits;
    limits.associations = 100;
    limits.half_open = 10;
    return limits;
  }
  // Hosts `count` of one address, a second apart.
  std::vector<Member*> enter(Census& census, std::uint8_t host, std::uint16_t count) {
    std::vector<Member*> members;
    for (std::uint16_t port = 1; port <= count; ++port) {
      members.push_back(census.enter(ipv4(host, port), now_));
      EXPECT_NE(members.back(), nullptr) << port;
      now_ += std::chrono::seconds(1);
    }
    return members;
  }
  std::vector<Member*> establish(Census& census, std::uint8_t host, std::uint16_t count) {
    std::vector<Member*> members;
    for (std::uint16_t port = 1; port <= count; ++port) {
      members.push_back(census.enter(ipv4(host, port), now_));
      EXPECT_NE(members.back(), nullptr) << port;
      if (members.back() != nullptr) census.establish(*members.back(), now_);
      now_ += std::chrono::milliseconds(10);
    }
    return members;
  }

  TimePoint now_ = kBegin;
};

TEST_F(CensusEviction, takes_the_oldest_unfinished_of_the_address_that_holds_most) {
  Census census(limits());
  enter(census, 1, 3);
  const auto most = enter(census, 2, 7);
  ASSERT_FALSE(census.has_room(ipv4(3, 1)));
  EXPECT_EQ(census.victim_for(ipv4(3, 1), now_), most.front());
  census.leave(*most.front());
  EXPECT_TRUE(census.has_room(ipv4(3, 1)));
}

TEST_F(CensusEviction, takes_a_fresh_unfinished_one_only_where_its_address_has_more) {
  Limits few = limits();
  few.half_open = 2;
  Census census(few);
  Member* first = census.enter(ipv4(1, 1), now_);
  census.enter(ipv4(2, 1), now_);
  EXPECT_EQ(census.victim_for(ipv4(3, 1), now_), nullptr);
  EXPECT_NE(census.victim_for(ipv4(3, 1), now_ + Census::kGrace), nullptr);
  census.leave(*first);
  census.enter(ipv4(2, 2), now_);
  EXPECT_NE(census.victim_for(ipv4(3, 1), now_), nullptr) << "two of one address, none of another";
  EXPECT_EQ(census.victim_for(ipv4(2, 3), now_), nullptr);
}

TEST_F(CensusEviction, makes_an_address_at_its_own_limit_give_up_its_own) {
  Limits few = limits();
  few.half_open_per_address = 2;
  Census census(few);
  enter(census, 1, 3 - 1);
  const auto own = enter(census, 2, 2);
  EXPECT_EQ(census.victim_for(ipv4(2, 9), now_), own.front());
}

TEST_F(CensusEviction, takes_the_longest_idle_of_the_address_with_the_most_and_none_that_spoke) {
  Limits few = limits();
  few.associations = 10;
  Census census(few);
  const auto longer_idle = establish(census, 1, 3);
  const auto most = establish(census, 2, 7);
  ASSERT_FALSE(census.has_room(ipv4(3, 1)));
  now_ = kBegin + Census::kSpokeLately - std::chrono::milliseconds(1);
  EXPECT_EQ(census.victim_for(ipv4(3, 1), now_), nullptr);
  now_ += std::chrono::seconds(1);
  EXPECT_EQ(census.victim_for(ipv4(3, 1), now_), most[0]);
  census.spoke(*most[0], now_);
  EXPECT_EQ(census.victim_for(ipv4(3, 1), now_), most[1]);
  for (Member* each : most)
    census.spoke(*each, now_);
  EXPECT_EQ(census.victim_for(ipv4(3, 1), now_), longer_idle[0]);
  for (Member* each : longer_idle)
    census.spoke(*each, now_);
  EXPECT_EQ(census.victim_for(ipv4(3, 1), now_), nullptr) << "all spoke within a minute";
}

TEST_F(CensusEviction, ends_an_unfinished_handshake_where_everybody_established_speaks) {
  Limits few = limits();
  few.associations = 4;
  Census census(few);
  establish(census, 1, 2);
  const auto unfinished = enter(census, 2, 2);
  EXPECT_EQ(census.victim_for(ipv4(3, 1), now_), unfinished.front());
}

TEST_F(CensusEviction, leaves_the_last_places_to_addresses_that_have_few) {
  Census census(limits());
  const auto own = establish(census, 1, 95);
  EXPECT_EQ(census.enter(ipv4(1, 999), now_), nullptr) << "95 of 100 is more than 16 times 5";
  EXPECT_EQ(census.victim_for(ipv4(1, 999), now_), nullptr);
  EXPECT_NE(census.enter(ipv4(2, 1), now_), nullptr);
  EXPECT_EQ(census.victim_for(ipv4(1, 999), now_ + Census::kSpokeLately), own.front());
}

TEST_F(CensusEviction, lets_the_only_unfinished_one_go_on_whatever_the_budget) {
  Limits small = limits();
  small.half_open_bytes = 1;
  Census census(small);
  const auto only = enter(census, 1, 1);
  EXPECT_EQ(census.victim_of_budget(), nullptr);
  census.enter(ipv4(2, 1), now_);
  EXPECT_NE(census.victim_of_budget(), nullptr);
}

TEST_F(CensusEviction, keeps_unfinished_ones_within_the_budget_of_bytes) {
  Limits small = limits();
  small.half_open_bytes = 10 * Census::kHalfOpenCost;
  Census census(small);
  const auto light = enter(census, 1, 5);
  const auto heavy = enter(census, 2, 2);
  EXPECT_EQ(census.half_open_bytes(), 7 * Census::kHalfOpenCost);
  EXPECT_EQ(census.victim_of_budget(), nullptr);
  census.charge(*heavy.back(), 4 * Census::kHalfOpenCost);
  EXPECT_EQ(census.victim_of_budget(), heavy.front());
  census.leave(*heavy.front());
  EXPECT_EQ(census.victim_of_budget(), nullptr);
  census.charge(*heavy.back(), 6 * Census::kHalfOpenCost);
  EXPECT_EQ(census.victim_of_budget(), heavy.back());
  census.establish(*heavy.back(), now_);
  EXPECT_EQ(census.half_open_bytes(), 5 * Census::kHalfOpenCost) << "what is established is free";
  for (Member* each : light)
    census.leave(*each);
  census.leave(*heavy.back());
  EXPECT_EQ(census.half_open_bytes(), 0U);
  EXPECT_EQ(census.associations(), 0U);
}

}  // namespace
}  // namespace dtls::endpoint
