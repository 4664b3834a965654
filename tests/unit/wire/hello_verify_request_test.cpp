#include "wire/hello_verify_request.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "unit/wire/hello_bytes.hpp"

namespace dtls::wire {
namespace {

using dtls::test::from_hex;

// RFC 6347 §4.2.1, byte by byte: DTLS 1.0 as version, the record sequence number repeated.
TEST(HelloVerifyRequest, is_written_as_the_rfc_has_it) {
  std::array<std::byte, 100> out{};
  const auto cookie = from_hex("c0ffee");
  const std::size_t size =
      write_hello_verify_request(out, {.record_sequence = 0x0102030405, .message_seq = 0}, cookie);
  const auto expected = from_hex(
      "16"
      "feff"
      "0000"
      "000102030405"
      "0012"
      "03"
      "000006"
      "0000"
      "000000"
      "000006"
      "feff"
      "03"
      "c0ffee");
  ASSERT_EQ(size, expected.size());
  EXPECT_EQ(size, hello_verify_request_size(cookie.size()));
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), out.begin()));
}

// RFC 6347 §4.2.2: each message of one side counts one more.
TEST(HelloVerifyRequest, to_a_second_hello_is_the_second_message) {
  std::array<std::byte, 100> out{};
  const auto cookie = from_hex("c0ffee");
  write_hello_verify_request(out, {.record_sequence = 1, .message_seq = 1}, cookie);
  EXPECT_EQ(out[kRecordHeaderSize + 5], std::byte{1});
}

TEST(HelloVerifyRequest, that_does_not_fit_is_not_written) {
  std::array<std::byte, hello_verify_request_size(3) - 1> out{};
  const auto cookie = from_hex("c0ffee");
  EXPECT_EQ(write_hello_verify_request(out, {}, cookie), 0U);
  std::array<std::byte, 400> large{};
  const std::vector<std::byte> longest(kMaxCookie + 1);
  EXPECT_EQ(write_hello_verify_request(large, {}, longest), 0U);
}

TEST(HelloVerifyRequest, gives_back_its_cookie) {
  const auto body = from_hex(
      "feff"
      "03"
      "c0ffee");
  const auto cookie = parse_hello_verify_request(body);
  ASSERT_TRUE(cookie);
  EXPECT_TRUE(std::ranges::equal(*cookie, from_hex("c0ffee")));
  EXPECT_TRUE(
      parse_hello_verify_request(from_hex("fefd"
                                          "00")));
  EXPECT_FALSE(
      parse_hello_verify_request(from_hex("0303"
                                          "00")));
  EXPECT_FALSE(
      parse_hello_verify_request(from_hex("feff"
                                          "02"
                                          "c0ffee")));
  EXPECT_FALSE(
      parse_hello_verify_request(from_hex("feff"
                                          "04"
                                          "c0ffee")));
}

}  // namespace
}  // namespace dtls::wire
