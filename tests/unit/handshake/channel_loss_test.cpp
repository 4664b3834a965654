// What DTLS is for: a handshake completes whatever the network loses, doubles or reorders.
#include <gtest/gtest.h>

#include "support/channel_pair.hpp"

namespace dtls::handshake {
namespace {

using test::ChannelPair;

class ChannelLoss : public testing::TestWithParam<wire::Version> {
 protected:
  // Both have every message of the other, whole and in order.
  static void expect_complete(const ChannelPair& pair) {
    EXPECT_FALSE(pair.client.fatal) << pair.client.fatal->what;
    EXPECT_FALSE(pair.server.fatal) << pair.server.fatal->what;
    const std::vector<int> from_server = GetParam() == wire::kDtls13
                                             ? std::vector<int>{2, 8, 11, 20, 4}
                                             : std::vector<int>{2, 11, 14, 20};
    const std::vector<int> from_client =
        GetParam() == wire::kDtls13 ? std::vector<int>{1, 11, 20} : std::vector<int>{1, 11, 16, 20};
    EXPECT_EQ(pair.client.seen, from_server);
    EXPECT_EQ(pair.server.seen, from_client);
    const std::size_t size = pair.server.bodies.at(1).size();
    EXPECT_EQ(pair.server.bodies.at(1), test::bytes_of(size, 11));
    EXPECT_TRUE(pair.client.channel.all_acked() && pair.server.channel.all_acked());
  }
};

TEST_P(ChannelLoss, nothing_is_repeated_where_nothing_is_lost) {
  ChannelPair pair(GetParam());
  EXPECT_TRUE(pair.play());
  expect_complete(pair);
  // 1.2: 1 + 3 + 3 + 1; 1.3: 1 + 3 + 3, one with ACK and ticket, one with the ticket's ACK.
  EXPECT_EQ(pair.log.size(), GetParam() == wire::kDtls13 ? 9U : 8U);
  EXPECT_EQ(pair.client.channel.deadline(), std::nullopt);
  EXPECT_EQ(pair.server.channel.deadline(), std::nullopt);
}

TEST_P(ChannelLoss, any_one_lost_datagram_is_made_up_for) {
  for (int lost = 0; lost < 12; ++lost) {
    SCOPED_TRACE(lost);
    ChannelPair pair(GetParam());
    pair.loses = [&](int number) { return number == lost; };
    EXPECT_TRUE(pair.play());
    expect_complete(pair);
  }
}

TEST_P(ChannelLoss, any_two_lost_datagrams_are_made_up_for) {
  for (int first = 0; first < 16; ++first) {
    for (int second = first + 1; second < 20; ++second) {
      SCOPED_TRACE(testing::Message() << first << ", " << second);
      ChannelPair pair(GetParam());
      pair.loses = [&](int number) { return number == first || number == second; };
      EXPECT_TRUE(pair.play());
      expect_complete(pair);
    }
  }
}

TEST_P(ChannelLoss, every_third_datagram_may_be_lost) {
  for (int phase = 0; phase < 3; ++phase) {
    ChannelPair pair(GetParam());
    pair.loses = [&](int number) { return number % 3 == phase; };
    EXPECT_TRUE(pair.play(std::chrono::minutes(30)));
    expect_complete(pair);
  }
}

TEST_P(ChannelLoss, datagrams_may_arrive_twice) {
  ChannelPair pair(GetParam());
  pair.doubles = [](int) { return true; };
  EXPECT_TRUE(pair.play());
  expect_complete(pair);
  EXPECT_GT(pair.client.channel.discarded().replayed, 0U);
}

TEST_P(ChannelLoss, datagrams_may_arrive_in_reverse) {
  ChannelPair pair(GetParam());
  pair.reverses = true;
  EXPECT_TRUE(pair.play());
  expect_complete(pair);
}

TEST_P(ChannelLoss, every_size_of_datagram_from_256_to_1500_carries_it) {
  for (std::uint16_t mtu = 256; mtu <= 1500; mtu += 7) {
    SCOPED_TRACE(mtu);
    ChannelPair pair(GetParam(), {.mtu = mtu});
    EXPECT_TRUE(pair.play());
    expect_complete(pair);
    for (const test::Datagram& datagram : pair.log)
      EXPECT_LE(datagram.size(), mtu);
  }
}

// The made-up ClientHello has 200 bytes.
TEST_P(ChannelLoss, a_message_of_the_largest_size_is_taken_and_one_of_a_byte_more_is_not) {
  for (const bool fits : {true, false}) {
    ChannelPair pair(GetParam(), {.max_message = fits ? 200U : 199U}, 150);
    EXPECT_EQ(pair.play(), fits);
    EXPECT_EQ(pair.server.seen.empty(), !fits);
  }
}

TEST_P(ChannelLoss, a_chain_of_60_kilobytes_goes_through) {
  ChannelPair pair(GetParam(), {}, 60000);
  pair.loses = [](int number) { return number % 17 == 5; };
  EXPECT_TRUE(pair.play());
  expect_complete(pair);
}

TEST_P(ChannelLoss, a_path_that_carries_only_600_bytes_is_found_out) {
  ChannelPair pair(GetParam());
  pair.loses = [&](int number) { return pair.log[static_cast<std::size_t>(number)].size() > 600; };
  EXPECT_TRUE(pair.play());
  expect_complete(pair);
}

TEST_P(ChannelLoss, a_path_that_carries_only_300_bytes_is_found_out) {
  ChannelPair pair(GetParam());
  pair.loses = [&](int number) { return pair.log[static_cast<std::size_t>(number)].size() > 300; };
  EXPECT_TRUE(pair.play(std::chrono::minutes(10)));
  expect_complete(pair);
}

TEST_P(ChannelLoss, the_timer_doubles_to_a_minute_and_counts) {
  ChannelPair pair(GetParam());
  pair.client.start(pair.now);
  Duration expected{1000};
  for (unsigned i = 0; i < 9; ++i) {
    EXPECT_FALSE(pair.poll(pair.client).empty());
    EXPECT_TRUE(pair.poll(pair.client).empty());
    EXPECT_EQ(pair.client.channel.timeouts(), i);
    ASSERT_EQ(pair.client.channel.deadline(), pair.now + expected);
    pair.now += expected - Duration(100);
    pair.client.channel.handle_timeout(pair.now);
    EXPECT_TRUE(pair.poll(pair.client).empty());
    pair.now += Duration(100);
    pair.client.channel.handle_timeout(pair.now);
    expected = std::min(2 * expected, Duration(60000));
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, ChannelLoss, testing::Values(wire::kDtls12, wire::kDtls13),
                         [](const auto& tested) {
                           return tested.param == wire::kDtls13 ? "dtls13" : "dtls12";
                         });

}  // namespace
}  // namespace dtls::handshake
