#include <gtest/gtest.h>

#include <array>

#include "unit/wire/hello_bytes.hpp"
#include "wire/alert.hpp"
#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"

namespace dtls::wire {
namespace {

using dtls::test::from_hex;

TEST(RecordHeader, every_field_survives_writing_and_reading) {
  std::array<std::byte, kRecordHeaderSize + 2> buffer{};
  Writer writer(buffer);
  write_record_header(writer, {.type = ContentType::kApplicationData,
                               .version = kDtls12,
                               .epoch = 0xfedc,
                               .sequence = 0xa1b2c3d4e5f6,
                               .length = 2});
  writer.u16(0x1234);
  ASSERT_TRUE(writer.ok());

  Reader reader(buffer);
  const auto record = read_record(reader);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->header.type, ContentType::kApplicationData);
  EXPECT_EQ(record->header.version, kDtls12);
  EXPECT_EQ(record->header.epoch, 0xfedcU);
  EXPECT_EQ(record->header.sequence, 0xa1b2c3d4e5f6U);
  EXPECT_EQ(record->fragment.size(), 2U);
  EXPECT_TRUE(reader.finished());
}

TEST(RecordHeader, several_records_of_one_datagram_are_read_in_turn) {
  const auto datagram = from_hex(
      "17fefd000100000000000500"
      "01aa"
      "15fefd000100000000000600"
      "02bbcc");
  Reader reader(datagram);
  const auto first = read_record(reader);
  const auto second = read_record(reader);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->header.sequence, 5U);
  EXPECT_EQ(second->header.type, ContentType::kAlert);
  EXPECT_EQ(second->fragment.size(), 2U);
  EXPECT_TRUE(reader.finished());
}

TEST(RecordHeader, a_record_that_is_cut_short_is_no_record) {
  const auto whole = from_hex(
      "17fefd000100000000000500"
      "02aabb");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Reader reader(Bytes(whole).first(size));
    EXPECT_FALSE(read_record(reader)) << size;
  }
}

TEST(RecordHeader, a_version_that_is_not_dtls_is_no_record) {
  const auto tls = from_hex(
      "160301000000000000000000"
      "01aa");
  Reader reader(tls);
  EXPECT_FALSE(read_record(reader));
}

// RFC 5246 §6.2.3: a ciphertext is at most 2^14 + 2048 bytes.
TEST(RecordHeader, a_fragment_longer_than_any_record_may_be_is_refused) {
  std::vector<std::byte> datagram(kRecordHeaderSize + kMaxCiphertext + 1);
  const auto write = [&](std::size_t length) {
    Writer writer(datagram);
    write_record_header(writer, {.type = ContentType::kApplicationData,
                                 .version = kDtls12,
                                 .epoch = 1,
                                 .sequence = 0,
                                 .length = static_cast<std::uint16_t>(length)});
  };
  write(kMaxCiphertext);
  Reader longest(datagram);
  EXPECT_TRUE(read_record(longest));
  write(kMaxCiphertext + 1);
  Reader longer(datagram);
  EXPECT_FALSE(read_record(longer));
}

TEST(HandshakeHeader, every_field_survives_writing_and_reading) {
  std::array<std::byte, kHandshakeHeaderSize + 1> buffer{};
  Writer writer(buffer);
  write_handshake_header(writer, {.type = HandshakeType::kCertificate,
                                  .length = 0x123456,
                                  .message_seq = 0x789a,
                                  .fragment_offset = 0x123455,
                                  .fragment_length = 1});
  writer.u8(0xee);
  ASSERT_TRUE(writer.ok());

  Reader reader(buffer);
  const auto fragment = read_handshake(reader);
  ASSERT_TRUE(fragment);
  EXPECT_EQ(fragment->header.type, HandshakeType::kCertificate);
  EXPECT_EQ(fragment->header.length, 0x123456U);
  EXPECT_EQ(fragment->header.message_seq, 0x789aU);
  EXPECT_EQ(fragment->header.fragment_offset, 0x123455U);
  EXPECT_FALSE(fragment->header.is_whole());
  EXPECT_EQ(fragment->body.size(), 1U);
}

TEST(HandshakeHeader, a_fragment_beyond_the_end_of_its_message_is_refused) {
  const auto bytes = from_hex(
      "0b"
      "000002"
      "0000"
      "000001"
      "000002"
      "aabb");
  Reader reader(bytes);
  EXPECT_FALSE(read_handshake(reader));
}

TEST(Alert, is_two_bytes_with_a_known_level) {
  const auto alert = parse_alert(from_hex("0228"));
  ASSERT_TRUE(alert);
  EXPECT_EQ(alert->level, AlertLevel::kFatal);
  EXPECT_EQ(alert_name(alert->description), "handshake_failure");
  EXPECT_FALSE(parse_alert(from_hex("02")));
  EXPECT_FALSE(parse_alert(from_hex("022800")));
  EXPECT_FALSE(parse_alert(from_hex("0328")));
}

TEST(Alert, a_number_without_a_name_is_unknown) {
  EXPECT_EQ(alert_name(0), "close_notify");
  EXPECT_EQ(alert_name(255), "unknown_alert");
}

TEST(Alert, is_written_as_it_is_read) {
  std::array<std::byte, kAlertSize> buffer{};
  Writer writer(buffer);
  write_alert(writer, {.level = AlertLevel::kWarning, .description = 100});
  EXPECT_EQ(buffer[0], std::byte{1});
  EXPECT_EQ(buffer[1], std::byte{100});
}

}  // namespace
}  // namespace dtls::wire
