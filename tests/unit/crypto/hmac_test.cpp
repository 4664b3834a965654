#include "crypto/hmac.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "unit/wire/hello_bytes.hpp"

namespace dtls::crypto {
namespace {

using test::bytes_of;
using test::from_hex;

// RFC 4231 §4.3, test case 2.
constexpr std::string_view kJefeDigest =
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

TEST(HmacSha256, gives_the_digest_of_the_rfcs_test_vector) {
  auto hmac = HmacSha256::create(bytes_of("Jefe"));
  ASSERT_TRUE(hmac);
  const auto digest = hmac->digest({bytes_of("what do ya want for nothing?")});
  ASSERT_TRUE(digest);
  EXPECT_TRUE(std::ranges::equal(*digest, from_hex(kJefeDigest)));
}

// Some releases of OpenSSL 3.0 went on with the old message here.
TEST(HmacSha256, starts_anew_for_every_digest) {
  auto hmac = HmacSha256::create(bytes_of("Jefe"));
  ASSERT_TRUE(hmac);
  for (int i = 0; i < 3; ++i) {
    const auto digest = hmac->digest({bytes_of("what do ya want "), {}, bytes_of("for nothing?")});
    ASSERT_TRUE(digest);
    EXPECT_TRUE(std::ranges::equal(*digest, from_hex(kJefeDigest)));
  }
}

TEST(HmacSha256, moves_with_its_key) {
  auto made = HmacSha256::create(bytes_of("Jefe"));
  ASSERT_TRUE(made);
  HmacSha256 hmac = *std::move(made);
  const auto digest = hmac.digest({bytes_of("what do ya want for nothing?")});
  ASSERT_TRUE(digest);
  EXPECT_TRUE(std::ranges::equal(*digest, from_hex(kJefeDigest)));
}

TEST(HmacSha256, refuses_an_empty_key) {
  const auto hmac = HmacSha256::create({});
  ASSERT_FALSE(hmac);
  EXPECT_EQ(hmac.error().kind, ErrorKind::kMisuse);
  EXPECT_EQ(hmac.error().sys_errno, EINVAL);
}

}  // namespace
}  // namespace dtls::crypto
