#include "crypto/hash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unit/wire/hello_bytes.hpp"

namespace dtls::crypto {
namespace {

using test::bytes_of;
using test::from_hex;
using enum HashAlgorithm;

bool is(const Digest& digest, std::string_view hex) {
  return std::ranges::equal(digest.view(), from_hex(hex));
}

// FIPS 180-4, the message "abc".
constexpr std::string_view kAbc256 =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view kAbc384 =
    "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
    "8086072ba1e7cc2358baeca134c825a7";

TEST(Hash, gives_the_digests_of_the_standards_examples) {
  EXPECT_TRUE(is(hash(kSha256, {bytes_of("abc")}), kAbc256));
  EXPECT_TRUE(is(hash(kSha384, {bytes_of("abc")}), kAbc384));
}

TEST(Hash, takes_parts_for_one_message) {
  EXPECT_TRUE(is(hash(kSha256, {bytes_of("a"), {}, bytes_of("bc")}), kAbc256));
  EXPECT_TRUE(std::ranges::equal(hash(kSha384, {}).view(), hash(kSha384, {Bytes()}).view()));
}

TEST(Hash, both_algorithms_are_available) {
  EXPECT_TRUE(hash_is_available(kSha256));
  EXPECT_TRUE(hash_is_available(kSha384));
}

TEST(RunningHash, goes_on_after_a_snapshot) {
  RunningHash running(kSha256);
  running.update(bytes_of("ab"));
  EXPECT_FALSE(is(running.snapshot(), kAbc256));
  running.update(bytes_of("c"));
  EXPECT_TRUE(is(running.snapshot(), kAbc256));
  EXPECT_TRUE(is(running.snapshot(), kAbc256));
}

TEST(RunningHash, a_clone_goes_its_own_way) {
  RunningHash running(kSha384);
  running.update(bytes_of("ab"));
  auto clone = running.clone();
  running.update(bytes_of("x"));
  clone.update(bytes_of("c"));
  EXPECT_TRUE(is(clone.snapshot(), kAbc384));
  EXPECT_FALSE(is(running.snapshot(), kAbc384));
}

TEST(RunningHash, goes_on_where_it_was_moved_to) {
  RunningHash running(kSha256);
  running.update(bytes_of("ab"));
  RunningHash moved(std::move(running));
  moved.update(bytes_of("c"));
  EXPECT_TRUE(is(moved.snapshot(), kAbc256));
}

// RFC 4231 §4.3.
TEST(Hmac, gives_the_digests_of_the_rfcs_short_key) {
  const auto message = bytes_of("what do ya want for nothing?");
  EXPECT_TRUE(is(hmac(kSha256, bytes_of("Jefe"), {message}),
                 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
  EXPECT_TRUE(is(hmac(kSha384, bytes_of("Jefe"), {message.first(5), message.subspan(5)}),
                 "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
                 "8e2240ca5e69e2c78b3239ecfab21649"));
}

// RFC 4231 §4.7.
TEST(Hmac, hashes_a_key_that_is_longer_than_a_block) {
  const std::vector<std::byte> key(131, std::byte{0xaa});
  const auto message = bytes_of("Test Using Larger Than Block-Size Key - Hash Key First");
  EXPECT_TRUE(is(hmac(kSha256, key, {message}),
                 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
  EXPECT_TRUE(is(hmac(kSha384, key, {message}),
                 "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
                 "0c2ef6ab4030fe8296248df163f44952"));
}

TEST(Hmac, an_empty_key_is_one_of_zeros) {
  const std::vector<std::byte> zeros(64);
  EXPECT_TRUE(std::ranges::equal(hmac(kSha256, {}, {bytes_of("x")}).view(),
                                 hmac(kSha256, zeros, {bytes_of("x")}).view()));
}

TEST(Secret, holds_nothing_after_it_was_moved_from) {
  Secret secret(bytes_of("very secret"));
  Secret other = std::move(secret);
  EXPECT_TRUE(secret.empty());  // NOLINT(bugprone-use-after-move): what is tested
  EXPECT_TRUE(std::ranges::equal(other.view(), bytes_of("very secret")));
  secret = other.copy();
  EXPECT_TRUE(std::ranges::equal(secret.view(), other.view()));
}

TEST(Secret, never_holds_more_than_it_has_room_for) {
  const std::string long_text(100, 'x');
  EXPECT_EQ(Secret(bytes_of(long_text)).size(), 48U);
  EXPECT_EQ(SharedSecret(bytes_of(long_text)).size(), 64U);
}

}  // namespace
}  // namespace dtls::crypto
