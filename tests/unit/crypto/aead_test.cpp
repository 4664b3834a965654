#include "crypto/aead.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <random>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "crypto/owned.hpp"
#include "unit/wire/hello_bytes.hpp"

namespace dtls::crypto {
namespace {

using test::from_hex;
using enum AeadAlgorithm;
using Buffer = std::vector<std::byte>;

constexpr std::array kAll = {kAes128Gcm, kAes256Gcm, kChaCha20Poly1305, kAes128Ccm, kAes128Ccm8};

struct Vector {
  const char* name;
  AeadAlgorithm algorithm;
  std::string_view key, nonce, aad, plaintext, sealed;
};

constexpr std::string_view kGcmPlaintext =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

constexpr std::array kVectors = {
    // McGrew and Viega, "The Galois/Counter Mode of Operation", test cases 4 and 16.
    Vector{"Aes128Gcm", kAes128Gcm, "feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
           "feedfacedeadbeeffeedfacedeadbeefabaddad2", kGcmPlaintext,
           "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
           "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
           "5bc94fbc3221a5db94fae95ae7121a47"},
    Vector{"Aes256Gcm", kAes256Gcm,
           "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
           "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", kGcmPlaintext,
           "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
           "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
           "76fc6ece0f4e1768cddf8853bb2d551b"},
    // RFC 8439 §2.8.2.
    Vector{"ChaCha20Poly1305", kChaCha20Poly1305,
           "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
           "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
           "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
           "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
           "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
           "637265656e20776f756c642062652069742e",
           "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
           "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
           "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
           "3ff4def08e4b7a9de576d26586cec64b6116"
           "1ae10b594f09e26a7e902ecbd0600691"},
    // NIST SP 800-38C, example 3: a nonce of twelve bytes and a tag of eight.
    Vector{"Aes128Ccm8", kAes128Ccm8, "404142434445464748494a4b4c4d4e4f",
           "101112131415161718191a1b", "000102030405060708090a0b0c0d0e0f10111213",
           "202122232425262728292a2b2c2d2e2f3031323334353637",
           "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5"
           "484392fbc1b09951"},
};

AeadNonce nonce_of(const Buffer& bytes) {
  return AeadNonce(bytes.data(), kAeadNonceSize);
}

Buffer key_for(AeadAlgorithm algorithm, unsigned number = 0) {
  Buffer key(aead_key_size(algorithm), std::byte{0x5a});
  key[0] = static_cast<std::byte>(number & 0xffU);
  key[1] = static_cast<std::byte>(number >> 8U);
  return key;
}

const Buffer kNonce(kAeadNonceSize, std::byte{7});
const Buffer kAad(13, std::byte{9});

Buffer seal(const AeadKey& key, const Buffer& plaintext, const Buffer& nonce = kNonce,
            const Buffer& aad = kAad) {
  Buffer out(plaintext.size() + aead_tag_size(key.algorithm()));
  EXPECT_TRUE(key.seal(nonce_of(nonce), aad, plaintext, out));
  return out;
}

// What a context made for this one message says.
Buffer seal_bare(AeadAlgorithm algorithm, const Buffer& key, const Buffer& plaintext) {
  const OwnedBy<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context(EVP_CIPHER_CTX_new());
  const EVP_CIPHER* cipher = algorithm == kAes128Gcm          ? EVP_aes_128_gcm()
                             : algorithm == kAes256Gcm        ? EVP_aes_256_gcm()
                             : algorithm == kChaCha20Poly1305 ? EVP_chacha20_poly1305()
                                                              : EVP_aes_128_ccm();
  const bool ccm = algorithm == kAes128Ccm || algorithm == kAes128Ccm8;
  const int tag_size = static_cast<int>(aead_tag_size(algorithm));
  const auto raw = [](const Buffer& bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
  };
  Buffer out(plaintext.size() + aead_tag_size(algorithm));
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  int done = 0;
  EXPECT_EQ(EVP_EncryptInit_ex(context.get(), cipher, nullptr, nullptr, nullptr), 1);
  EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_IVLEN, kAeadNonceSize, nullptr);
  if (ccm) EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_size, nullptr);
  EXPECT_EQ(EVP_EncryptInit_ex(context.get(), nullptr, nullptr, raw(key), raw(kNonce)), 1);
  const int size = static_cast<int>(plaintext.size());
  if (ccm) EVP_EncryptUpdate(context.get(), nullptr, &done, nullptr, size);
  EVP_EncryptUpdate(context.get(), nullptr, &done, raw(kAad), static_cast<int>(kAad.size()));
  EXPECT_EQ(EVP_EncryptUpdate(context.get(), to, &done, raw(plaintext), size), 1);
  EXPECT_EQ(EVP_EncryptFinal_ex(context.get(), to + size, &done), 1);
  EXPECT_EQ(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_size, to + size), 1);
  return out;
}

class KnownAnswer : public testing::TestWithParam<Vector> {};
INSTANTIATE_TEST_SUITE_P(Aead, KnownAnswer, testing::ValuesIn(kVectors),
                         [](const auto& about) { return std::string(about.param.name); });

TEST_P(KnownAnswer, is_sealed_and_opened) {
  const auto& vector = GetParam();
  const AeadKey key(vector.algorithm, from_hex(vector.key));
  const auto nonce = from_hex(vector.nonce);
  const auto aad = from_hex(vector.aad);
  const auto plaintext = from_hex(vector.plaintext);
  // Twice: the second time with a context that has worked before.
  for (int i = 0; i < 2; ++i) {
    auto sealed = seal(key, plaintext, nonce, aad);
    EXPECT_EQ(sealed, from_hex(vector.sealed));
    const auto size = key.open(nonce_of(nonce), aad, sealed);
    ASSERT_TRUE(size);
    sealed.resize(*size);
    EXPECT_EQ(sealed, plaintext);
  }
}

class EveryAead : public testing::TestWithParam<AeadAlgorithm> {};
INSTANTIATE_TEST_SUITE_P(Aead, EveryAead, testing::ValuesIn(kAll));

TEST_P(EveryAead, is_available) {
  EXPECT_TRUE(aead_is_available(GetParam()));
}

TEST_P(EveryAead, seals_as_a_context_of_its_own_would) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  for (const std::size_t size : {1U, 15U, 16U, 64U, 1200U, 16384U}) {
    const Buffer plaintext(size, std::byte{0x33});
    EXPECT_EQ(seal(key, plaintext), seal_bare(GetParam(), key_for(GetParam()), plaintext)) << size;
  }
}

TEST_P(EveryAead, seals_in_place) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  const Buffer plaintext(100, std::byte{0x44});
  Buffer out = plaintext;
  out.resize(plaintext.size() + aead_tag_size(GetParam()));
  ASSERT_TRUE(key.seal(nonce_of(kNonce), kAad, std::span(out).first(plaintext.size()), out));
  EXPECT_EQ(out, seal(key, plaintext));
}

// Additional data of a record of DTLS 1.2 with that much text.
std::array<std::byte, kTls12AadSize> record_aad(std::size_t size) {
  std::array<std::byte, kTls12AadSize> aad{std::byte{0}, std::byte{1}, std::byte{2}};
  aad[kTls12AadSize - 2] = static_cast<std::byte>(size >> 8U);
  aad[kTls12AadSize - 1] = static_cast<std::byte>(size);
  return aad;
}

TEST_P(EveryAead, seals_a_record_with_its_nonce_as_without) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  Buffer nonce = kNonce;
  for (const std::size_t size : {0U, 1U, 16U, 64U, 1200U, 16384U, 65527U}) {
    nonce[kAeadNonceSize - 1] = static_cast<std::byte>(size + 1);
    const Buffer plaintext(size, std::byte{0x33});
    const auto aad = record_aad(size);
    Buffer expected(nonce.end() - kExplicitNonceSize, nonce.end());
    const Buffer rest = seal(key, plaintext, nonce, Buffer(aad.begin(), aad.end()));
    expected.insert(expected.end(), rest.begin(), rest.end());

    Buffer copied(expected.size());
    ASSERT_TRUE(key.seal_with_nonce(nonce_of(nonce), aad, plaintext, copied)) << size;
    EXPECT_EQ(copied, expected) << size;

    Buffer in_place(expected.size());
    std::ranges::copy(plaintext, in_place.begin() + kExplicitNonceSize);
    ASSERT_TRUE(key.seal_with_nonce(
        nonce_of(nonce), aad, std::span(in_place).subspan(kExplicitNonceSize, size), in_place));
    EXPECT_EQ(in_place, expected) << size;
  }
}

TEST_P(EveryAead, a_record_with_its_nonce_of_the_wrong_size_is_refused) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  const Buffer plaintext(10, std::byte{1});
  const std::size_t right = kExplicitNonceSize + plaintext.size() + aead_tag_size(GetParam());
  for (const std::size_t size : {std::size_t{0}, kExplicitNonceSize - 1, right - 1, right + 1}) {
    Buffer out(size);
    EXPECT_FALSE(key.seal_with_nonce(nonce_of(kNonce), record_aad(10), plaintext, out)) << size;
  }
}

TEST_P(EveryAead, opens_a_record_with_its_own_explicit_nonce) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  Buffer other = kNonce;  // its end is not what the record says
  std::fill_n(other.end() - kExplicitNonceSize, kExplicitNonceSize, std::byte{0x77});
  for (const std::size_t size : {0U, 1U, 16U, 64U, 1200U, 16384U, 65511U}) {
    const Buffer plaintext(size, std::byte{0x33});
    const auto aad = record_aad(size);
    Buffer sealed(kExplicitNonceSize + size + aead_tag_size(GetParam()));
    ASSERT_TRUE(key.seal_with_nonce(nonce_of(kNonce), aad, plaintext, sealed)) << size;
    ASSERT_EQ(key.open_with_nonce(nonce_of(other), aad, sealed), size);
    EXPECT_TRUE(std::ranges::equal(std::span(sealed).subspan(kExplicitNonceSize, size), plaintext));
  }
}

TEST_P(EveryAead, refuses_every_change_of_a_record_and_shows_nothing_of_it) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  const Buffer plaintext(40, std::byte{0x11});
  const auto aad = record_aad(plaintext.size());
  Buffer sealed(kExplicitNonceSize + plaintext.size() + aead_tag_size(GetParam()));
  ASSERT_TRUE(key.seal_with_nonce(nonce_of(kNonce), aad, plaintext, sealed));
  const auto expect_refused = [&](Buffer record, AeadNonce nonce, const auto& with) {
    EXPECT_FALSE(key.open_with_nonce(nonce, with, record));
    const auto text = std::span(record).subspan(kExplicitNonceSize, plaintext.size());
    EXPECT_TRUE(std::ranges::all_of(text, [](std::byte byte) { return byte == std::byte{0}; }));
  };
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    auto forged = sealed;
    forged[at] ^= std::byte{0x80};
    expect_refused(forged, nonce_of(kNonce), aad);
    auto genuine = sealed;
    ASSERT_EQ(key.open_with_nonce(nonce_of(kNonce), aad, genuine), plaintext.size()) << at;
  }
  auto other_salt = kNonce;
  other_salt[0] ^= std::byte{1};
  expect_refused(sealed, nonce_of(other_salt), aad);
  for (std::size_t at = 0; at < kTls12AadSize - 2; ++at) {
    auto other_aad = aad;
    other_aad[at] ^= std::byte{1};
    expect_refused(sealed, nonce_of(kNonce), other_aad);
  }
}

TEST_P(EveryAead, refuses_a_record_that_is_shorter_than_nonce_and_tag) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  for (std::size_t size = 0; size < kExplicitNonceSize + aead_tag_size(GetParam()); ++size) {
    Buffer sealed(size);
    EXPECT_FALSE(key.open_with_nonce(nonce_of(kNonce), record_aad(0), sealed)) << size;
  }
}

// A record of DTLS 1.2 may have no content (RFC 5246 §6.2.1).
TEST_P(EveryAead, an_empty_text_has_a_tag_too) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  auto sealed = seal(key, {});
  EXPECT_EQ(sealed.size(), aead_tag_size(GetParam()));
  auto forged = sealed;
  forged[0] ^= std::byte{1};
  EXPECT_FALSE(key.open(nonce_of(kNonce), kAad, forged));
  EXPECT_EQ(key.open(nonce_of(kNonce), kAad, sealed), 0U);
}

TEST_P(EveryAead, additional_data_may_be_empty) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  const Buffer plaintext(20, std::byte{1});
  auto sealed = seal(key, plaintext, kNonce, {});
  auto same = sealed;
  EXPECT_FALSE(key.open(nonce_of(kNonce), kAad, same));
  EXPECT_EQ(key.open(nonce_of(kNonce), {}, sealed), plaintext.size());
}

TEST_P(EveryAead, refuses_every_change_and_goes_on_with_the_genuine_record) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  const Buffer plaintext(40, std::byte{0x11});
  const auto sealed = seal(key, plaintext);
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    auto forged = sealed;
    forged[at] ^= std::byte{0x80};
    ASSERT_FALSE(key.open(nonce_of(kNonce), kAad, forged)) << at;
    auto genuine = sealed;
    ASSERT_EQ(key.open(nonce_of(kNonce), kAad, genuine), plaintext.size()) << at;
  }
  auto other_nonce = kNonce;
  other_nonce[11] ^= std::byte{1};
  auto other_aad = kAad;
  other_aad[0] ^= std::byte{1};
  auto copy = sealed;
  EXPECT_FALSE(key.open(nonce_of(other_nonce), kAad, copy));
  copy = sealed;
  EXPECT_FALSE(key.open(nonce_of(kNonce), other_aad, copy));
}

TEST_P(EveryAead, what_is_not_authentic_is_not_shown) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  const Buffer plaintext(40, std::byte{0x11});
  auto forged = seal(key, plaintext);
  forged.back() ^= std::byte{1};
  EXPECT_FALSE(key.open(nonce_of(kNonce), kAad, forged));
  forged.resize(plaintext.size());
  EXPECT_EQ(forged, Buffer(plaintext.size()));
}

TEST_P(EveryAead, refuses_what_is_shorter_than_a_tag) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  for (std::size_t size = 0; size < aead_tag_size(GetParam()); ++size) {
    Buffer sealed(size);
    EXPECT_FALSE(key.open(nonce_of(kNonce), kAad, sealed));
  }
}

TEST_P(EveryAead, an_output_of_the_wrong_size_is_refused) {
  const AeadKey key(GetParam(), key_for(GetParam()));
  const Buffer plaintext(10);
  for (const std::size_t size : {0U, 10U, 17U, 27U}) {
    Buffer out(size);
    EXPECT_FALSE(key.seal(nonce_of(kNonce), kAad, plaintext, out)) << size;
  }
}

TEST_P(EveryAead, a_key_of_the_wrong_size_is_no_key) {
  const AeadKey key(GetParam(), Buffer(aead_key_size(GetParam()) - 1));
  Buffer out(10 + aead_tag_size(GetParam()));
  EXPECT_FALSE(key.seal(nonce_of(kNonce), kAad, Buffer(10), out));
  EXPECT_FALSE(key.open(nonce_of(kNonce), kAad, out));
}

TEST_P(EveryAead, a_key_that_was_moved_from_is_no_key) {
  AeadKey key(GetParam(), key_for(GetParam()));
  const Buffer plaintext(10);
  const auto sealed = seal(key, plaintext);
  const AeadKey moved(std::move(key));
  Buffer out(sealed.size());
  // NOLINTNEXTLINE(bugprone-use-after-move): what is tested
  EXPECT_FALSE(key.seal(nonce_of(kNonce), kAad, plaintext, out));
  EXPECT_EQ(seal(moved, plaintext), sealed);
  key = AeadKey(GetParam(), key_for(GetParam(), 1));
  EXPECT_NE(seal(key, plaintext), sealed);
}

// Several times as many keys as a thread has contexts for, in an order that reuses each slot.
TEST_P(EveryAead, more_keys_than_contexts_never_take_one_for_another) {
  constexpr unsigned kKeys = 300;
  const Buffer plaintext(30, std::byte{0x22});
  std::vector<AeadKey> keys;
  std::vector<Buffer> expected;
  for (unsigned i = 0; i < kKeys; ++i) {
    keys.emplace_back(GetParam(), key_for(GetParam(), i));
    expected.push_back(seal_bare(GetParam(), key_for(GetParam(), i), plaintext));
  }
  std::minstd_rand random(1);
  for (int round = 0; round < 5000; ++round) {
    const std::size_t i = random() % kKeys;
    ASSERT_EQ(seal(keys[i], plaintext), expected[i]);
    const std::size_t k = random() % kKeys;
    auto sealed = expected[k];
    ASSERT_EQ(keys[k].open(nonce_of(kNonce), kAad, sealed), plaintext.size());
    if (round % 7 == 0)
      keys[i] = AeadKey(GetParam(), key_for(GetParam(), static_cast<unsigned>(i)));
  }
}

TEST_P(EveryAead, a_key_works_in_one_thread_after_the_other) {
  const Buffer plaintext(30, std::byte{0x22});
  AeadKey key(GetParam(), key_for(GetParam()));
  const auto expected = seal(key, plaintext);
  for (int i = 0; i < 3; ++i) {
    std::thread([&] {
      EXPECT_EQ(seal(key, plaintext), expected);
      // Dies here, though the first thread has worked with it too.
      if (i == 2) key = AeadKey(GetParam(), key_for(GetParam(), 1));
    }).join();
  }
  EXPECT_NE(seal(key, plaintext), expected);
}

TEST(AeadThreads, each_works_with_keys_of_its_own) {
  std::vector<std::thread> threads;
  for (unsigned number = 0; number < 4; ++number) {
    threads.emplace_back([number] {
      const Buffer plaintext(30, std::byte{0x22});
      for (const auto algorithm : kAll) {
        const auto expected = seal_bare(algorithm, key_for(algorithm, number), plaintext);
        for (int i = 0; i < 100; ++i) {
          const AeadKey key(algorithm, key_for(algorithm, number));
          EXPECT_EQ(seal(key, plaintext), expected);
        }
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
}

// A thread's own objects go in the reverse order of their making: this one after the contexts.
TEST(AeadThreads, a_key_still_works_when_the_contexts_of_its_thread_are_gone) {
  struct SealsAtTheEnd {
    SealsAtTheEnd() = default;
    SealsAtTheEnd(const SealsAtTheEnd&) = delete;
    SealsAtTheEnd& operator=(const SealsAtTheEnd&) = delete;
    ~SealsAtTheEnd() {
      if (sealed != nullptr) *sealed = seal(key, Buffer(30));
    }
    AeadKey key{kAes128Gcm, key_for(kAes128Gcm)};
    Buffer* sealed = nullptr;
  };
  Buffer first;
  Buffer last;
  std::thread([&] {
    static thread_local SealsAtTheEnd at_end;
    at_end.sealed = &last;
    first = seal(at_end.key, Buffer(30));
  }).join();
  EXPECT_EQ(first, last);
}

}  // namespace
}  // namespace dtls::crypto
