#include "crypto/key_derivation.hpp"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "crypto/owned.hpp"
#include "unit/wire/hello_bytes.hpp"

namespace dtls::crypto {
namespace {

using test::bytes_of;
using test::from_hex;
using enum HashAlgorithm;
using Buffer = std::vector<std::byte>;

const char* name_of(HashAlgorithm algorithm) {
  return algorithm == kSha256 ? "SHA2-256" : "SHA2-384";
}

Buffer sequence(std::size_t size, unsigned first) {
  Buffer made(size);
  for (auto& byte : made)
    byte = static_cast<std::byte>(first++ & 0xffU);
  return made;
}

// What libcrypto's own key derivation functions say.
struct Kdf {
  const char* algorithm;
  HashAlgorithm hash;
  std::vector<std::pair<const char*, Buffer>> inputs;
  int mode = -1;

  [[nodiscard]] Buffer run(std::size_t size) const {
    const OwnedBy<EVP_KDF, EVP_KDF_free> kdf(EVP_KDF_fetch(nullptr, algorithm, nullptr));
    const OwnedBy<EVP_KDF_CTX, EVP_KDF_CTX_free> context(EVP_KDF_CTX_new(kdf.get()));
    std::vector<OSSL_PARAM> params;
    std::string digest = name_of(hash);
    int chosen = mode;
    params.push_back(OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0));
    if (mode >= 0) params.push_back(OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &chosen));
    auto copies = inputs;
    for (auto& [name, value] : copies)
      params.push_back(OSSL_PARAM_construct_octet_string(name, value.data(), value.size()));
    params.push_back(OSSL_PARAM_construct_end());
    Buffer out(size);
    EXPECT_EQ(EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()),
                             out.size(), params.data()),
              1);
    return out;
  }
};

class KeyDerivation : public testing::TestWithParam<HashAlgorithm> {};
INSTANTIATE_TEST_SUITE_P(BothHashes, KeyDerivation, testing::Values(kSha256, kSha384));

TEST_P(KeyDerivation, extracts_as_libcrypto_does) {
  for (const std::size_t salt_size : {32U, 48U, 200U}) {
    const auto salt = sequence(salt_size, 0x10);
    const auto input = sequence(70, 0x80);
    const auto expected = Kdf{"HKDF",
                              GetParam(),
                              {{OSSL_KDF_PARAM_KEY, input}, {OSSL_KDF_PARAM_SALT, salt}},
                              EVP_KDF_HKDF_MODE_EXTRACT_ONLY}
                              .run(digest_size(GetParam()));
    EXPECT_TRUE(std::ranges::equal(hkdf_extract(GetParam(), salt, input).view(), expected));
  }
}

// RFC 5869 §2.2.
TEST_P(KeyDerivation, an_empty_salt_is_one_of_zeros) {
  const Buffer zeros(digest_size(GetParam()));
  const auto input = sequence(32, 1);
  EXPECT_TRUE(std::ranges::equal(hkdf_extract(GetParam(), {}, input).view(),
                                 hkdf_extract(GetParam(), zeros, input).view()));
}

// RFC 8446 §7.1, RFC 9147 §5.9.
TEST_P(KeyDerivation, expands_labels_as_libcrypto_expands_their_encoding) {
  const auto secret = sequence(digest_size(GetParam()), 3);
  for (const std::size_t size : {1U, 12U, 16U, 32U, 48U, 49U, 300U}) {
    for (const std::size_t context_size : {0U, 32U, 255U}) {
      const auto context = sequence(context_size, 0x77);
      Buffer info{static_cast<std::byte>(size >> 8U), static_cast<std::byte>(size & 0xffU),
                  std::byte{12}};
      std::ranges::copy(bytes_of("dtls13derive"), std::back_inserter(info));
      info.push_back(static_cast<std::byte>(context_size));
      std::ranges::copy(context, std::back_inserter(info));
      const auto expected = Kdf{"HKDF",
                                GetParam(),
                                {{OSSL_KDF_PARAM_KEY, secret}, {OSSL_KDF_PARAM_INFO, info}},
                                EVP_KDF_HKDF_MODE_EXPAND_ONLY}
                                .run(size);
      Buffer out(size);
      hkdf_expand_label(GetParam(), secret, "derive", context, out);
      EXPECT_EQ(out, expected) << size << " bytes, context of " << context_size;
    }
  }
}

TEST_P(KeyDerivation, the_longest_output_and_the_longest_label_are_given) {
  Buffer out(255 * digest_size(GetParam()));
  const std::string label(kMaxExpandLabel, 'l');
  hkdf_expand_label(GetParam(), sequence(32, 1), label, {}, out);
  const auto last = std::span(out).last(digest_size(GetParam()));
  EXPECT_FALSE(std::ranges::all_of(last, [](auto byte) { return byte == std::byte{0}; }));
}

TEST(KeyDerivationDeathTest, a_label_that_cannot_be_encoded_ends_the_process) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  Buffer out(16);
  EXPECT_DEATH(hkdf_expand_label(kSha256, {}, std::string(kMaxExpandLabel + 1, 'l'), {}, out),
               "could not be computed");
}

// RFC 5246 §5.
TEST_P(KeyDerivation, prf_is_libcryptos) {
  for (const std::size_t secret_size : {1U, 32U, 48U, 200U}) {
    for (const std::size_t size : {12U, 32U, 48U, 104U, 1000U}) {
      const auto secret = sequence(secret_size, 0x21);
      const auto seed = sequence(64, 0x42);
      Buffer labelled;
      std::ranges::copy(bytes_of("key expansion"), std::back_inserter(labelled));
      labelled.insert(labelled.end(), seed.begin(), seed.end());
      const auto expected = Kdf{"TLS1-PRF",
                                GetParam(),
                                {{OSSL_KDF_PARAM_SECRET, secret}, {OSSL_KDF_PARAM_SEED, labelled}}}
                                .run(size);
      Buffer out(size);
      const auto parts = std::span<const std::byte>(seed);
      prf(GetParam(), secret, "key expansion", {parts.first(32), {}, parts.subspan(32)}, out);
      EXPECT_EQ(out, expected) << size << " bytes of a secret of " << secret_size;
    }
  }
}

// The test vector for P_SHA256 that the IETF's TLS working group circulated.
TEST(Prf, gives_the_known_answer_for_sha256) {
  const auto secret = from_hex("9bbe436ba940f017b17652849a71db35");
  const auto seed = from_hex("a0ba9f936cda311827a6f796ffd5198c");
  Buffer out(100);
  prf(kSha256, secret, "test label", {seed}, out);
  EXPECT_TRUE(std::ranges::equal(
      out, from_hex("e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
                    "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
                    "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
                    "87347b66")));
}

}  // namespace
}  // namespace dtls::crypto
