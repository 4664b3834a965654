#include <gtest/gtest.h>

#include <array>

#include "unit/wire/hello_bytes.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {
namespace {

using dtls::test::from_hex;

TEST(Reader, integers_are_read_in_network_order) {
  const auto bytes = from_hex(
      "01"
      "0203"
      "040506"
      "0708090a0b0c");
  Reader reader(bytes);
  EXPECT_EQ(reader.u8(), 0x01U);
  EXPECT_EQ(reader.u16(), 0x0203U);
  EXPECT_EQ(reader.u24(), 0x040506U);
  EXPECT_EQ(reader.u48(), 0x0708090a0b0cU);
  EXPECT_TRUE(reader.finished());
}

TEST(Reader, a_read_past_the_end_gives_zero_and_fails_for_good) {
  const auto bytes = from_hex("0102");
  Reader reader(bytes);
  EXPECT_EQ(reader.u24(), 0U);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0U) << "what was left is not read after a failure";
  EXPECT_TRUE(reader.empty());
  EXPECT_FALSE(reader.finished());
}

TEST(Reader, a_vector_longer_than_what_is_left_fails) {
  const auto bytes = from_hex(
      "0003"
      "0102");
  Reader reader(bytes);
  EXPECT_TRUE(reader.vector16(0, 0xffff).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(Reader, a_vector_outside_its_bounds_fails) {
  const auto bytes = from_hex(
      "02"
      "0102");
  Reader too_long(bytes);
  too_long.vector8(0, 1);
  EXPECT_FALSE(too_long.ok());
  Reader too_short(bytes);
  too_short.vector8(3, 9);
  EXPECT_FALSE(too_short.ok());
  Reader fits(bytes);
  EXPECT_EQ(fits.vector8(2, 2).size(), 2U);
  EXPECT_TRUE(fits.finished());
}

TEST(Writer, writes_what_the_reader_reads) {
  std::array<std::byte, 12> buffer{};
  Writer writer(buffer);
  writer.u8(0x01);
  writer.u16(0x0203);
  writer.u24(0x040506);
  writer.u48(0x0708090a0b0c);
  EXPECT_EQ(writer.written(), buffer.size());
  const auto expected = from_hex("0102030405060708090a0b0c");
  EXPECT_TRUE(std::equal(buffer.begin(), buffer.end(), expected.begin()));
}

TEST(Writer, a_write_that_does_not_fit_writes_nothing_and_fails_for_good) {
  std::array<std::byte, 3> buffer{};
  Writer writer(buffer);
  writer.u16(0xffff);
  writer.u16(0xffff);
  writer.u8(0xff);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.written(), 0U);
  EXPECT_EQ(buffer[2], std::byte{0});
}

TEST(Writer, integers_and_vectors_of_every_width_are_read_back) {
  std::array<std::byte, 4 + 8 + 2 + 3 + 4> buffer{};
  const auto content = from_hex("ab");
  Writer writer(buffer);
  writer.u32(0xdeadbeef);
  writer.u64(0x0123456789abcdef);
  writer.vector8(content);
  writer.vector16(content);
  writer.vector24(content);
  ASSERT_EQ(writer.written(), buffer.size());
  Reader reader(buffer);
  EXPECT_EQ(reader.u32(), 0xdeadbeefU);
  EXPECT_EQ(reader.u64(), 0x0123456789abcdefU);
  EXPECT_EQ(reader.vector8(1, 1).size(), 1U);
  EXPECT_EQ(reader.vector16(1, 1).size(), 1U);
  EXPECT_EQ(reader.vector24(1, 1)[0], std::byte{0xab});
  EXPECT_TRUE(reader.finished());
}

TEST(Writer, a_length_that_is_known_afterwards_is_filled_in) {
  std::array<std::byte, 12> buffer{};
  Writer writer(buffer);
  const auto outer = writer.begin_vector24();
  const auto inner = writer.begin_vector16();
  writer.u8(7);
  writer.end_vector(inner);
  const auto empty = writer.begin_vector8();
  writer.end_vector(empty);
  const auto dropped = writer.begin_vector16();
  writer.end_optional_vector(dropped);
  writer.end_vector(outer);
  const auto expected = from_hex(
      "000004"
      "000107"
      "00");
  ASSERT_EQ(writer.written(), expected.size());
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), buffer.begin()));
}

TEST(Writer, content_that_is_too_long_for_its_length_fails) {
  std::array<std::byte, 600> buffer{};
  const std::array<std::byte, 256> content{};
  Writer at_once(buffer);
  at_once.vector8(content);
  EXPECT_FALSE(at_once.ok());
  Writer afterwards(buffer);
  const auto mark = afterwards.begin_vector8();
  afterwards.bytes(content);
  afterwards.end_vector(mark);
  EXPECT_FALSE(afterwards.ok());
  Writer fits(buffer);
  fits.vector8(std::span(content).first(255));
  EXPECT_EQ(fits.written(), 256U);
}

TEST(Reader, that_its_user_fails_has_nothing_left) {
  const auto bytes = from_hex("0102");
  Reader reader(bytes);
  reader.fail();
  EXPECT_TRUE(reader.take_rest().empty());
  EXPECT_FALSE(reader.ok());
}

}  // namespace
}  // namespace dtls::wire
