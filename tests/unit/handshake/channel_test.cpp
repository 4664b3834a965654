// What a Channel takes from its peer and from strangers, and what it costs.
#include "handshake/channel.hpp"

#include <gtest/gtest.h>

#include "handshake/reassembly.hpp"
#include "support/channel_pair.hpp"

namespace dtls::handshake {
namespace {

using test::ChannelPair;
using test::Datagram;
using wire::AlertDescription;
using wire::ContentType;
using wire::HandshakeType;
using namespace std::chrono_literals;

struct Piece {
  HandshakeType type = HandshakeType::kClientHello;
  std::size_t length = 10;
  std::uint16_t seq = 0;
  std::size_t offset = 0;
  std::size_t size = 10;
};

// A server that is given plaintext records.
class ChannelInput : public testing::Test {
 protected:
  static Datagram content_of(std::initializer_list<Piece> pieces) {
    Datagram content;
    for (const Piece& piece : pieces) {
      Datagram fragment(wire::kHandshakeHeaderSize + piece.size);
      wire::Writer writer(fragment);
      wire::write_handshake_header(writer,
                                   {.type = piece.type,
                                    .length = static_cast<std::uint32_t>(piece.length),
                                    .message_seq = piece.seq,
                                    .fragment_offset = static_cast<std::uint32_t>(piece.offset),
                                    .fragment_length = static_cast<std::uint32_t>(piece.size)});
      const Datagram whole = test::bytes_of(piece.offset + piece.size, piece.seq);
      writer.bytes(wire::Bytes(whole).subspan(piece.offset));
      content.insert(content.end(), fragment.begin(), fragment.end());
    }
    return content;
  }
  void give(ContentType type, const Datagram& content) {
    Datagram datagram(content.size() + wire::kRecordHeaderSize);
    datagram.resize(peer_.seal(0, type, content, datagram));
    last_ = datagram;
    channel_.receive(last_, now_);
  }
  void give(std::initializer_list<Piece> pieces) {
    give(ContentType::kHandshake, content_of(pieces));
  }
  std::optional<HandshakeMessage> message() {
    const auto input = channel_.next();
    if (!input || !std::holds_alternative<HandshakeMessage>(*input)) return std::nullopt;
    return std::get<HandshakeMessage>(*input);
  }
  std::optional<AlertDescription> fatal() {
    const auto input = channel_.next();
    if (!input || !std::holds_alternative<Fatal>(*input)) return std::nullopt;
    return std::get<Fatal>(*input).alert;
  }

  record::Outbound peer_;
  Channel channel_{true};
  Datagram last_;
  TimePoint now_{1h};
};

TEST_F(ChannelInput, fragments_in_any_order_and_overlapping_become_one_message) {
  give({{.offset = 6, .size = 4}});
  EXPECT_FALSE(message());
  EXPECT_TRUE(channel_.has_buffered());
  give({{.offset = 3, .size = 5}});
  EXPECT_FALSE(message());
  give({{.offset = 0, .size = 0}, {.offset = 0, .size = 4}});
  const auto whole = message();
  ASSERT_TRUE(whole);
  EXPECT_EQ(Datagram(whole->body.begin(), whole->body.end()), test::bytes_of(10, 0));
  EXPECT_EQ(Datagram(whole->raw.begin(), whole->raw.end()), content_of({Piece{}}));
  EXPECT_FALSE(message());
  EXPECT_FALSE(channel_.has_buffered());
}

TEST_F(ChannelInput, messages_come_in_order) {
  give({{.seq = 2}});
  EXPECT_FALSE(message());
  give({{.length = 0, .seq = 1, .size = 0}});
  EXPECT_FALSE(message());
  give({{.seq = 0}});
  for (int seq = 0; seq < 3; ++seq) {
    const auto next = message();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->seq, seq);
  }
  EXPECT_FALSE(message());
}

TEST_F(ChannelInput, what_follows_in_the_record_is_told) {
  give({{.seq = 0}, {.seq = 1, .size = 3}});
  const auto first = message();
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->last_in_record);
  give({{.seq = 1, .offset = 3, .size = 7}});
  const auto second = message();
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->last_in_record);
}

TEST_F(ChannelInput, fragments_that_contradict_each_other_are_fatal) {
  give({{.size = 4}});
  EXPECT_FALSE(message());
  give({{.length = 11, .offset = 4, .size = 4}});
  EXPECT_EQ(fatal(), AlertDescription::kIllegalParameter);
  give({{.type = HandshakeType::kFinished, .offset = 4, .size = 4}});
  EXPECT_EQ(fatal(), AlertDescription::kIllegalParameter);
}

TEST_F(ChannelInput, malformed_fragments_are_fatal) {
  Datagram cut = content_of({Piece{}});
  cut.pop_back();
  give(ContentType::kHandshake, cut);
  EXPECT_EQ(fatal(), AlertDescription::kDecodeError);
  give({{.length = 9}});
  EXPECT_EQ(fatal(), AlertDescription::kDecodeError);
  give({{.length = 70000, .size = 1}});
  EXPECT_EQ(fatal(), AlertDescription::kIllegalParameter);
}

TEST_F(ChannelInput, what_waits_for_an_earlier_message_is_bounded) {
  give({{.length = Reassembly::kMaxAhead - 5, .seq = 1, .size = 1}});
  EXPECT_FALSE(message());
  give({{.length = 10, .seq = 2}});  // no room
  EXPECT_FALSE(message());
  give({{.seq = Reassembly::kWindow}});
  EXPECT_FALSE(message());
  give({{.seq = 0}});
  EXPECT_TRUE(message());
  constexpr std::size_t kRest = Reassembly::kMaxAhead - 6;
  give({{.length = kRest + 1, .seq = 1, .offset = 1, .size = 8000}});
  EXPECT_FALSE(message());
  give({{.length = kRest + 1, .seq = 1, .offset = 8001, .size = kRest - 8000}});
  EXPECT_TRUE(message());
  EXPECT_FALSE(message());
  give({{.length = 10, .seq = 2}});
  EXPECT_TRUE(message());
  EXPECT_FALSE(channel_.has_buffered());
}

TEST_F(ChannelInput, noise_in_epoch_0_is_no_input) {
  give(ContentType::kAlert, Datagram(1));
  EXPECT_FALSE(channel_.next());
  give(static_cast<ContentType>(99), Datagram(1));
  EXPECT_FALSE(channel_.next());
  give(ContentType::kHandshake, {});
  EXPECT_FALSE(channel_.next());
  give(ContentType::kAck, Datagram(7));
  EXPECT_FALSE(channel_.next());
  EXPECT_EQ(channel_.deadline(), std::nullopt);
}

TEST_F(ChannelInput, application_data_without_keys_is_fatal) {
  give(ContentType::kApplicationData, Datagram(3));
  EXPECT_EQ(fatal(), AlertDescription::kUnexpectedMessage);
}

TEST_F(ChannelInput, a_change_of_ciphers_is_one_byte) {
  give(ContentType::kChangeCipherSpec, {std::byte{1}});
  const auto input = channel_.next();
  EXPECT_TRUE(input && std::holds_alternative<ChangeCipherSpec>(*input));
  give(ContentType::kChangeCipherSpec, {std::byte{2}});
  EXPECT_EQ(fatal(), AlertDescription::kIllegalParameter);
}

TEST_F(ChannelInput, a_server_without_state_goes_on_with_the_right_numbers) {
  channel_.continue_from(1, 1, 1);
  give({{.seq = 0}});
  EXPECT_FALSE(message());
  give({{.seq = 1}});
  EXPECT_TRUE(message());
  channel_.set_version(wire::kDtls12);
  channel_.begin_flight();
  channel_.add_message(HandshakeType::kServerHello, test::bytes_of(70, 1));
  channel_.end_flight(Channel::Then::kAwaitAnswer, now_);
  Datagram out(1500);
  out.resize(channel_.poll_transmit(out, now_));
  wire::Reader records(out);
  const auto record = wire::read_record(records);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->header.sequence, 1U);
  wire::Reader fragments(record->fragment);
  EXPECT_EQ(wire::read_handshake(fragments)->header.message_seq, 1U);
}

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
  pair.server.channel.shrink();
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

TEST(ChannelFlights, a_record_size_limit_of_the_peer_is_kept_to) {
  ChannelPair pair(wire::kDtls12, {}, 1000);
  pair.server.channel.set_record_size_limits(wire::kMaxPlaintext, 200);
  ASSERT_TRUE(pair.play());
  for (const Datagram& datagram : pair.log) {
    if (datagram[13] != std::byte{2}) continue;  // ServerHello in front: from the server
    wire::Reader reader(datagram);
    while (const auto record = wire::read_record(reader)) {
      EXPECT_LE(record->fragment.size(), 200U);
    }
  }
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

TEST(ChannelCost, an_idle_channel_is_small) {
  EXPECT_LE(sizeof(Channel), 900U);
  ChannelPair pair(wire::kDtls13);
  ASSERT_TRUE(pair.play());
  pair.client.channel.shrink();
  EXPECT_EQ(pair.client.channel.deadline(), std::nullopt);
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
