// What a Channel takes in: fragments, records of every type, and what strangers may send.
#include "handshake/flight/channel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "handshake/flight/reassembly.hpp"
#include "support/channel_pair.hpp"

namespace dtls::handshake {
namespace {

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
  // make_strict has the channel treat records without keys as BoGo demands.
  void make_strict() {
    ChannelSettings settings;
    settings.strict_plaintext = true;
    channel_ = Channel(true, settings);
  }
  // altered gives a fragment with one byte of its body changed.
  static Datagram altered(const Piece& piece, std::size_t byte) {
    Datagram content = content_of({piece});
    content.at(wire::kHandshakeHeaderSize + byte) ^= std::byte{1};
    return content;
  }
  // expect_message takes one with the bytes that content_of gives.
  void expect_message(const Piece& whole) {
    const auto came = message();
    ASSERT_TRUE(came);
    EXPECT_EQ(Datagram(came->raw.begin(), came->raw.end()), content_of({whole}));
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

TEST_F(ChannelInput, a_fragment_takes_memory_for_what_has_come_not_for_what_it_claims) {
  constexpr std::size_t kClaimed = 60000;
  constexpr std::size_t kSize = 1000;
  give({{.length = kClaimed, .offset = 0, .size = kSize}});
  EXPECT_FALSE(message());
  EXPECT_LT(channel_.held_bytes(), 2 * kSize);
  give({{.length = kClaimed, .offset = kClaimed - kSize, .size = kSize}});
  EXPECT_FALSE(message());
  EXPECT_LT(channel_.held_bytes(), 2 * kSize) << "too far ahead of what has come: dropped";
  give({{.length = kClaimed, .offset = 2 * kSize, .size = kSize}});
  EXPECT_FALSE(message());
  EXPECT_LT(channel_.held_bytes(), 8 * kSize);
  for (std::size_t at = 0; at < kClaimed; at += kSize) {
    EXPECT_FALSE(message());
    give({{.length = kClaimed, .offset = at, .size = kSize}});
  }
  const auto whole = message();
  ASSERT_TRUE(whole);
  EXPECT_TRUE(std::ranges::equal(whole->body, test::bytes_of(kClaimed, 0)));
}

TEST_F(ChannelInput, all_that_follows_a_lost_fragment_is_kept) {
  constexpr std::size_t kLength = 60000;
  constexpr std::size_t kSize = 1000;
  for (std::size_t at = kSize; at < kLength; at += kSize) {
    give({{.length = kLength, .offset = at, .size = kSize}});
    EXPECT_FALSE(message());
  }
  give({{.length = kLength, .offset = 0, .size = kSize}});
  EXPECT_TRUE(message());
}

// After a handshake a client may say little to its server.
TEST_F(ChannelInput, a_settled_server_refuses_long_messages_and_holds_few_ahead) {
  for (const bool is_13 : {false, true}) {
    ChannelSettings settings;
    settings.strict_plaintext = true;  // these have no keys
    channel_ = Channel(true, settings);
    channel_.set_version(is_13 ? wire::kDtls13 : wire::kDtls12);
    channel_.settle();
    const std::size_t most = is_13 ? settings.max_settled_13 : settings.max_settled_12;
    for (std::uint16_t seq = 1; seq < Reassembly::kWindow; ++seq) {
      give({{.length = most, .seq = seq, .offset = 0, .size = 100}});
      EXPECT_FALSE(message());
    }
    EXPECT_LT(channel_.held_bytes(), 2 * most + 4096);
    give({{.length = most + 1, .offset = 0, .size = 100}});
    EXPECT_EQ(fatal(), AlertDescription::kIllegalParameter);
    channel_.unsettle();
    give({{.length = most + 1, .offset = 0, .size = 100}});
    EXPECT_FALSE(fatal());
  }
}

TEST_F(ChannelInput, a_settled_server_holds_one_message_ahead_of_its_turn) {
  for (const bool is_13 : {false, true}) {
    const ChannelSettings settings;
    channel_ = Channel(true, settings);
    channel_.set_version(is_13 ? wire::kDtls13 : wire::kDtls12);
    channel_.settle();
    const std::size_t most = is_13 ? settings.max_settled_13 : settings.max_settled_12;
    for (std::uint16_t seq = 1; seq < Reassembly::kWindow; ++seq) {
      for (std::size_t at = 0; at < most; at += 512) {
        give({{.length = most, .seq = seq, .offset = at, .size = 512}});
        EXPECT_FALSE(message());
      }
    }
    EXPECT_GE(channel_.held_bytes(), most);
    EXPECT_LT(channel_.held_bytes(), most + 1024);
  }
}

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

TEST_F(ChannelInput, fragments_that_contradict_each_other_are_fatal_where_plaintext_is_strict) {
  make_strict();
  give({{.size = 4}});
  EXPECT_FALSE(message());
  give({{.length = 11, .offset = 4, .size = 4}});
  EXPECT_EQ(fatal(), AlertDescription::kIllegalParameter);
  give({{.type = HandshakeType::kFinished, .offset = 4, .size = 4}});
  EXPECT_EQ(fatal(), AlertDescription::kIllegalParameter);
}

TEST_F(ChannelInput, malformed_fragments_are_fatal_where_plaintext_is_strict) {
  make_strict();
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

TEST_F(ChannelInput, fragments_with_other_bytes_than_before_are_fatal_where_plaintext_is_strict) {
  make_strict();
  give({{.length = 10, .offset = 2, .size = 4}});
  EXPECT_FALSE(channel_.next());
  give({{.length = 10, .offset = 0, .size = 5}});
  EXPECT_FALSE(channel_.next());
  auto content = content_of({{.length = 10, .offset = 4, .size = 6}});
  content.at(wire::kHandshakeHeaderSize + 1) ^= std::byte{1};  // the last one that is known
  give(ContentType::kHandshake, content);
  EXPECT_EQ(fatal(), AlertDescription::kIllegalParameter);
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
  EXPECT_EQ(channel_.discarded().stray, 1U) << "the record of a type that does not exist";
}

TEST_F(ChannelInput, application_data_without_keys_is_fatal_where_plaintext_is_strict) {
  make_strict();
  give(ContentType::kApplicationData, Datagram(3));
  EXPECT_EQ(fatal(), AlertDescription::kUnexpectedMessage);
}

TEST_F(ChannelInput, a_change_of_ciphers_is_one_byte) {
  give(ContentType::kChangeCipherSpec, {std::byte{1}});
  const auto input = channel_.next();
  EXPECT_TRUE(input && std::holds_alternative<ChangeCipherSpec>(*input));
  make_strict();
  give(ContentType::kChangeCipherSpec, {std::byte{2}});
  EXPECT_EQ(fatal(), AlertDescription::kIllegalParameter);
}

TEST_F(ChannelInput, records_without_keys_that_break_the_protocol_are_dropped) {
  Datagram cut = content_of({Piece{}});
  cut.pop_back();
  const std::vector<std::pair<ContentType, Datagram>> records{
      {ContentType::kHandshake, cut},
      {ContentType::kHandshake, content_of({{.length = 9}})},
      {ContentType::kHandshake, content_of({{.length = 70000, .size = 1}})},
      {ContentType::kApplicationData, Datagram(3)},
      {ContentType::kChangeCipherSpec, {std::byte{2}}},
      {ContentType::kAlert, {std::byte{7}, std::byte{7}}},
      {static_cast<ContentType>(99), Datagram(1)},
  };
  for (const auto& [type, content] : records) {
    give(type, content);
    EXPECT_FALSE(channel_.next());
  }
  EXPECT_FALSE(channel_.has_buffered());
  give({Piece{}});
  expect_message(Piece{});
}

// One of the two is forged. The genuine one comes again, with the flight that it belongs to.
TEST_F(ChannelInput, newer_fragment_replaces_one_without_keys_that_it_contradicts) {
  const Piece first{.size = 6};
  const Piece second{.offset = 6, .size = 4};
  for (const Datagram& forged :
       {content_of({{.type = HandshakeType::kFinished, .offset = 4, .size = 4}}),
        content_of({{.length = 11, .offset = 4, .size = 4}}), altered(first, 5)}) {
    channel_ = Channel(true);
    give(ContentType::kHandshake, forged);
    EXPECT_FALSE(channel_.next());
    give({first});
    EXPECT_FALSE(channel_.next());
    give({second});
    expect_message(Piece{});

    channel_ = Channel(true);
    give({first});
    EXPECT_FALSE(channel_.next());
    give(ContentType::kHandshake, forged);
    for (const Piece& again : {first, second}) {
      EXPECT_FALSE(channel_.next());
      give({again});
    }
    expect_message(Piece{});
  }
}

// The endpoint has verified the cookie in the first fragment of a hello.
TEST_F(ChannelInput, fragment_that_contradicts_a_proven_hello_is_dropped) {
  const Piece first{.seq = 1, .size = 6};
  const Piece second{.seq = 1, .offset = 6, .size = 4};
  for (const Datagram& forged :
       {content_of({{.type = HandshakeType::kFinished, .seq = 1, .offset = 4, .size = 4}}),
        content_of({{.length = 11, .seq = 1, .offset = 4, .size = 4}}), altered(first, 5)}) {
    channel_ = Channel(true);
    channel_.continue_from(1, 1, 1);
    give({first});
    EXPECT_FALSE(channel_.next());
    give(ContentType::kHandshake, forged);
    EXPECT_FALSE(channel_.next());
    give({second});
    expect_message({.seq = 1});
  }
  channel_ = Channel(true);
  channel_.continue_from(1, 1, 1);
  give({first});
  EXPECT_FALSE(channel_.next());
  give(ContentType::kHandshake, altered({.seq = 1, .offset = 6, .size = 2}, 1));
  EXPECT_FALSE(channel_.next());
  give({second});
  expect_message({.seq = 1});
}

TEST_F(ChannelInput, message_that_was_put_back_is_expected_again) {
  give({{.type = HandshakeType::kFinished}});
  ASSERT_TRUE(message());
  channel_.put_back();
  EXPECT_FALSE(channel_.next());
  give({Piece{}});
  expect_message(Piece{});
}

TEST_F(ChannelInput, client_drops_a_hello_request_without_keys) {
  channel_ = Channel(false);
  give({{.type = HandshakeType::kHelloRequest, .length = 0, .size = 0}});
  EXPECT_FALSE(channel_.next());
  give({{.type = HandshakeType::kServerHello}});
  expect_message({.type = HandshakeType::kServerHello});
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

}  // namespace
}  // namespace dtls::handshake
