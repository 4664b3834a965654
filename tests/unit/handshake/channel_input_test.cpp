// What a Channel takes in: fragments, records of every type, and what strangers may send.
#include "handshake/channel.hpp"

#include <gtest/gtest.h>

#include "handshake/reassembly.hpp"
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

// What was judged by its first fragment, as a hello is by its cookie, cannot be changed by the
// next.
TEST_F(ChannelInput, fragments_with_other_bytes_than_before_are_fatal) {
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

}  // namespace
}  // namespace dtls::handshake
