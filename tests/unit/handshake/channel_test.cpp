// What a Channel does over time: flights, repetitions, alerts, keys; and what it costs.
#include "handshake/flight/channel.hpp"

#include <gtest/gtest.h>

#include "support/channel_pair.hpp"

namespace dtls::handshake {
namespace {

using test::ChannelPair;
using test::Datagram;
using wire::AlertDescription;
using wire::ContentType;
using namespace std::chrono_literals;

// RFC 6347 §4.2.4: who sends last repeats it when the peer does, once each time.
TEST(ChannelLastFlight, is_sent_again_when_the_peer_repeats_its_own) {
  ChannelPair pair(wire::kDtls12);
  pair.client.start(pair.now);
  while (!pair.server.is_done)
    ASSERT_TRUE(pair.step());
  const auto last = pair.poll(pair.server);
  ASSERT_EQ(last.size(), 1U);  // lost
  EXPECT_EQ(pair.server.channel.deadline(), std::nullopt);
  for (int i = 0; i < 5; ++i) {
    pair.now = *pair.client.channel.deadline();
    pair.client.channel.handle_timeout(pair.now);
    for (const Datagram& datagram : pair.poll(pair.client))
      pair.give(pair.server, datagram);
    EXPECT_EQ(pair.poll(pair.server).size(), 1U);
  }
  pair.server.channel.handle_timeout(pair.server.channel.linger_deadline().value());
  EXPECT_EQ(pair.server.channel.linger_deadline(), std::nullopt);
  pair.now = *pair.client.channel.deadline();
  pair.client.channel.handle_timeout(pair.now);
  for (const Datagram& datagram : pair.poll(pair.client))
    pair.give(pair.server, datagram);
  EXPECT_TRUE(pair.poll(pair.server).empty());
}

TEST(ChannelLastFlight, cannot_be_called_for_by_strangers) {
  ChannelPair pair(wire::kDtls12);
  ASSERT_TRUE(pair.play());
  Datagram forged = pair.log.back();
  forged.back() ^= std::byte{1};
  pair.give(pair.server, forged);
  record::Outbound stranger;
  Datagram content(wire::kHandshakeHeaderSize);
  content[5] = std::byte{3};  // message_seq of the client's Finished
  Datagram plain(100);
  stranger.continue_from(0, 1000);
  plain.resize(stranger.seal(0, ContentType::kHandshake, content, plain));
  pair.give(pair.server, plain);
  EXPECT_TRUE(pair.poll(pair.server).empty());
}

TEST(ChannelFlights, a_repeated_flight_hurries_ours_at_most_once_in_a_while) {
  ChannelPair pair(wire::kDtls12);
  pair.client.start(pair.now);
  const auto hello = pair.poll(pair.client);
  pair.give(pair.server, hello.front());
  const std::size_t count = pair.poll(pair.server).size();
  EXPECT_GT(count, 0U);
  record::Outbound out;
  const auto repeat = [&](std::uint64_t sequence) {
    wire::Reader reader(hello.front());
    const auto content = wire::read_record(reader)->fragment;
    Datagram datagram(hello.front().size());
    out.continue_from(0, sequence);
    datagram.resize(out.seal(0, ContentType::kHandshake, content, datagram));
    pair.give(pair.server, datagram);
    return pair.poll(pair.server).size();
  };
  EXPECT_EQ(repeat(10), 0U);
  pair.now += 250ms;
  EXPECT_EQ(repeat(11), count);
  EXPECT_EQ(repeat(12), 0U);
}

TEST(ChannelFlights, records_take_new_numbers_when_they_are_sent_again) {
  ChannelPair pair(wire::kDtls12);
  pair.client.start(pair.now);
  const auto first = pair.poll(pair.client);
  pair.now += 1s;
  pair.client.channel.handle_timeout(pair.now);
  const auto second = pair.poll(pair.client);
  ASSERT_EQ(first.size(), second.size());
  EXPECT_EQ(second.front()[10], std::byte{1});
  EXPECT_EQ(first.front()[10], std::byte{0});
}

TEST(ChannelFlights, a_datagram_is_filled_before_the_next_begins) {
  ChannelPair pair(wire::kDtls13, {.mtu = 500}, 3000);
  ASSERT_TRUE(pair.play());
  std::size_t full = 0;
  for (const Datagram& datagram : pair.log)
    full += datagram.size() == 500 ? 1U : 0U;
  EXPECT_GE(full, 12U);  // of 2 x 3000 bytes and little else
}

// RFC 8449 §4: of records that keys protect, from the first of them on.
TEST(ChannelFlights, a_record_size_limit_of_the_peer_is_kept_to_where_keys_protect) {
  ChannelPair pair(wire::kDtls13, {}, 1000);
  constexpr std::size_t kLimit = 80;  // less than the ServerHello has
  pair.server.channel.set_record_size_limits(2, wire::kMaxPlaintext, kLimit);
  ASSERT_TRUE(pair.play());
  std::size_t largest_plain = 0;
  int in_bounds = 0;
  for (const Datagram& datagram : pair.log) {
    const bool from_server = datagram[0] == std::byte{22} && datagram[13] == std::byte{2};
    if (!from_server) continue;
    for (std::size_t at = 0; at < datagram.size();) {
      const bool is_protected = datagram[at] != std::byte{22};
      const std::size_t header = is_protected ? 5 : wire::kRecordHeaderSize;
      const auto high = std::to_integer<std::size_t>(datagram[at + header - 2]);
      const auto length = high * 256 + std::to_integer<std::size_t>(datagram[at + header - 1]);
      if (is_protected) {
        EXPECT_LE(length, kLimit + 1 + 16);  // type and tag
        in_bounds += length > kLimit / 2 ? 1 : 0;
      } else {
        largest_plain = std::max(largest_plain, length);
      }
      at += header + length;
    }
  }
  EXPECT_GT(largest_plain, kLimit);
  EXPECT_GT(in_bounds, 0);
}

TEST(ChannelAlerts, go_out_under_the_newest_keys) {
  ChannelPair pair(wire::kDtls13);
  ASSERT_TRUE(pair.play());
  pair.server.channel.send_alert({.level = wire::AlertLevel::kWarning, .description = 100});
  pair.server.channel.send_alert({.level = wire::AlertLevel::kWarning, .description = 0});
  const auto datagrams = pair.poll(pair.server);
  ASSERT_EQ(datagrams.size(), 1U);
  pair.give(pair.client, datagrams.front());
  EXPECT_EQ(pair.client.alerts, (std::vector<std::uint8_t>{100, 0}));
}

TEST(ChannelKeys, messages_under_old_keys_are_fatal_in_dtls13) {
  ChannelPair pair(wire::kDtls13);
  ASSERT_TRUE(pair.play());
  record::Outbound out;
  out.install(2, test::test_keys(wire::kDtls13, 2, true));
  out.continue_from(2, 40);
  Datagram content(wire::kHandshakeHeaderSize);
  content[5] = std::byte{3};  // the message_seq that is next
  Datagram record(100);
  record.resize(out.seal(2, ContentType::kHandshake, content, record));
  pair.give(pair.server, record);
  ASSERT_TRUE(pair.server.fatal);
  EXPECT_EQ(pair.server.fatal->alert, AlertDescription::kUnexpectedMessage);
}

TEST(ChannelKeys, plaintext_is_ignored_after_the_handshake) {
  for (const wire::Version version : {wire::kDtls12, wire::kDtls13}) {
    ChannelPair pair(version);
    ASSERT_TRUE(pair.play());
    record::Outbound out;
    out.continue_from(0, 1000);
    for (const auto type : {ContentType::kAlert, ContentType::kHandshake,
                            ContentType::kApplicationData, ContentType::kChangeCipherSpec}) {
      Datagram record(100);
      record.resize(out.seal(0, type, Datagram(2), record));
      pair.give(pair.server, record);
      pair.give(pair.client, record);
    }
    EXPECT_FALSE(pair.server.fatal || pair.client.fatal);
    EXPECT_TRUE(pair.server.alerts.empty() && pair.client.alerts.empty());
  }
}

// A record of an epoch that will never be is held in case it has overtaken its keys.
TEST(ChannelCost, what_strangers_send_does_not_outlive_the_lingering) {
  ChannelPair pair(wire::kDtls12);
  ASSERT_TRUE(pair.play());
  Datagram junk(wire::kRecordHeaderSize);
  wire::Writer writer(junk);
  wire::write_record_header(writer, {ContentType::kApplicationData, wire::kDtls12, 2, 0, 0});
  pair.give(pair.server, junk);
  pair.server.channel.handle_timeout(pair.server.channel.linger_deadline().value());
  EXPECT_EQ(pair.server.channel.linger_deadline(), std::nullopt) << "nothing is left to be freed";
}

TEST(ChannelCost, an_idle_channel_is_small) {
  EXPECT_LE(sizeof(Channel), 900U);
  ChannelPair pair(wire::kDtls13);
  ASSERT_TRUE(pair.play());
  pair.now = pair.client.channel.linger_deadline().value();
  pair.client.channel.handle_timeout(pair.now);
  EXPECT_EQ(pair.client.channel.deadline(), std::nullopt);
  EXPECT_EQ(pair.client.channel.linger_deadline(), std::nullopt);
  pair.give(pair.client, pair.server.seal("still works"));
  EXPECT_EQ(pair.client.received, std::vector<std::string>{"still works"});
}

TEST(ChannelCost, a_timer_set_anew_is_rescaled) {
  ChannelPair pair(wire::kDtls12);
  pair.client.start(pair.now);
  static_cast<void>(pair.poll(pair.client));
  pair.client.channel.set_first_timeout(400ms);
  EXPECT_EQ(pair.client.channel.deadline(), pair.now + 400ms);
  pair.now += 400ms;
  pair.client.channel.handle_timeout(pair.now);
  EXPECT_EQ(pair.client.channel.deadline(), pair.now + 800ms);
  pair.client.channel.set_first_timeout(1000ms);
  EXPECT_EQ(pair.client.channel.deadline(), pair.now + 2000ms);
}

}  // namespace
}  // namespace dtls::handshake
