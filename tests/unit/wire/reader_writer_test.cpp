#include <gtest/gtest.h>

#include <array>

#include "unit/wire/hello_bytes.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {
namespace {

using test::from_hex;

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

}  // namespace
}  // namespace dtls::wire
