#include "crypto/record_mask.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "crypto/owned.hpp"
#include "unit/wire/hello_bytes.hpp"

namespace dtls::crypto {
namespace {

using enum AeadAlgorithm;
using Buffer = std::vector<std::byte>;
using Mask = std::array<std::byte, 2>;

std::span<const std::byte, kMaskSampleSize> sample_of(const Buffer& bytes) {
  return std::span<const std::byte, kMaskSampleSize>(bytes.data(), kMaskSampleSize);
}

Mask mask(const RecordMask& with, const Buffer& sample) {
  Mask out{};
  EXPECT_TRUE(with.mask(sample_of(sample), out));
  return out;
}

// The block cipher or the stream cipher itself, on `input`.
Mask bare(const EVP_CIPHER* cipher, const Buffer& key, const Buffer* iv, const Buffer& input) {
  const OwnedBy<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context(EVP_CIPHER_CTX_new());
  const auto raw = [](const Buffer& bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
  };
  std::array<unsigned char, 32> out{};
  int size = 0;
  EXPECT_EQ(EVP_EncryptInit_ex(context.get(), cipher, nullptr, raw(key),
                               iv == nullptr ? nullptr : raw(*iv)),
            1);
  EXPECT_EQ(EVP_EncryptUpdate(context.get(), out.data(), &size, raw(input), 16), 1);
  return {std::byte{out[0]}, std::byte{out[1]}};
}

// FIPS 197, appendix C.1 and C.3.
TEST(RecordMask, is_the_first_bytes_of_the_aes_block) {
  const auto sample = test::from_hex("00112233445566778899aabbccddeeff");
  const auto key128 = test::from_hex("000102030405060708090a0b0c0d0e0f");
  const auto key256 =
      test::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const Mask expected128{std::byte{0x69}, std::byte{0xc4}};
  const Mask expected256{std::byte{0x8e}, std::byte{0xa2}};
  for (const auto algorithm : {kAes128Gcm, kAes128Ccm, kAes128Ccm8})
    EXPECT_EQ(mask(RecordMask(algorithm, key128), sample), expected128);
  EXPECT_EQ(mask(RecordMask(kAes256Gcm, key256), sample), expected256);
}

// RFC 8439 §2.3.2: a counter of 1 and the nonce 00:00:00:09:00:00:00:4a:00:00:00:00.
TEST(RecordMask, is_the_first_bytes_of_the_chacha20_block) {
  const auto key =
      test::from_hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  const auto sample = test::from_hex("01000000000000090000004a00000000");
  const Mask expected{std::byte{0x10}, std::byte{0xf1}};
  const RecordMask with(kChaCha20Poly1305, key);
  EXPECT_EQ(mask(with, sample), expected);
  EXPECT_EQ(mask(with, sample), expected);
}

TEST(RecordMask, follows_the_sample_however_many_keys_there_are) {
  constexpr std::size_t kKeys = 200;
  std::vector<RecordMask> aes;
  std::vector<RecordMask> chacha;
  std::vector<Buffer> keys;
  for (std::size_t i = 0; i < kKeys; ++i) {
    keys.emplace_back(32, static_cast<std::byte>(i));
    aes.emplace_back(kAes256Gcm, keys.back());
    chacha.emplace_back(kChaCha20Poly1305, keys.back());
  }
  const Buffer zeros(16);
  for (std::size_t round = 0; round < 1000; ++round) {
    const std::size_t i = round * 37 % kKeys;
    const Buffer sample(16, static_cast<std::byte>(round & 0xffU));
    ASSERT_EQ(mask(aes[i], sample), bare(EVP_aes_256_ecb(), keys[i], nullptr, sample));
    ASSERT_EQ(mask(chacha[i], sample), bare(EVP_chacha20(), keys[i], &sample, zeros));
  }
}

TEST(RecordMask, a_key_of_the_wrong_size_or_one_that_was_moved_from_masks_nothing) {
  Mask out{};
  const Buffer sample(16);
  EXPECT_FALSE(RecordMask(kAes128Gcm, Buffer(32)).mask(sample_of(sample), out));
  RecordMask with(kAes128Gcm, Buffer(16));
  const RecordMask moved(std::move(with));
  EXPECT_FALSE(with.mask(sample_of(sample), out));  // NOLINT(bugprone-use-after-move): tested
  EXPECT_TRUE(moved.mask(sample_of(sample), out));
}

}  // namespace
}  // namespace dtls::crypto
