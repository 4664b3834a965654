#include "crypto/signature.hpp"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace dtls::crypto {
namespace {

using enum SignatureScheme;
using Schemes = std::vector<SignatureScheme>;

enum class Kind { kP256, kP384, kP521, kEd25519, kRsa, kRsaPss, kX25519 };

OwnedKey make_key(Kind kind, int rsa_bits = 2048) {
  const auto bits = static_cast<std::size_t>(rsa_bits);
  switch (kind) {
    case Kind::kP256:
      return OwnedKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
    case Kind::kP384:
      return OwnedKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
    case Kind::kP521:
      return OwnedKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-521"));
    case Kind::kEd25519:
      return OwnedKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    case Kind::kRsa:
      return OwnedKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", bits));
    case Kind::kX25519:
      return OwnedKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"));
    case Kind::kRsaPss:
      break;
  }
  const OwnedBy<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(context.get());
  EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), rsa_bits);
  EVP_PKEY_keygen(context.get(), &key);
  return OwnedKey(key);
}

// A key that may only be used with SHA-384 (RFC 4055 §3.1).
OwnedKey make_bound_pss_key() {
  const OwnedBy<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_keygen_init(context.get());
  EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 2048);
  EVP_PKEY_CTX_set_rsa_pss_keygen_md(context.get(), EVP_sha384());
  EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(context.get(), EVP_sha384());
  EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(context.get(), 48);
  EVP_PKEY_keygen(context.get(), &key);
  return OwnedKey(key);
}

Schemes schemes(const OwnedKey& key, bool tls13) {
  std::array<SignatureScheme, kMaxSchemesOfKey> out{};
  const std::size_t count = schemes_of(key.get(), tls13, out);
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count)};
}

const std::array kMessage = {std::byte{1}, std::byte{2}, std::byte{3}};

constexpr std::array kAllSchemes = {kRsaPkcs1Sha1,     kEcdsaSha1,
                                    kRsaPkcs1Sha256,   kEcdsaSecp256r1Sha256,
                                    kRsaPkcs1Sha384,   kEcdsaSecp384r1Sha384,
                                    kRsaPkcs1Sha512,   kEcdsaSecp521r1Sha512,
                                    kRsaPssRsaeSha256, kRsaPssRsaeSha384,
                                    kRsaPssRsaeSha512, kEd25519,
                                    kRsaPssPssSha256,  kRsaPssPssSha384,
                                    kRsaPssPssSha512};

struct Expected {
  const char* name;
  Kind kind;
  Schemes tls12;
  Schemes tls13;
};

class EveryKey : public testing::TestWithParam<Expected> {};
INSTANTIATE_TEST_SUITE_P(
    Signature, EveryKey,
    testing::Values(
        // In DTLS 1.2 a hash goes with any curve (RFC 5246 §7.4.1.4.1).
        Expected{"P256",
                 Kind::kP256,
                 {kEcdsaSecp256r1Sha256, kEcdsaSecp384r1Sha384, kEcdsaSecp521r1Sha512},
                 {kEcdsaSecp256r1Sha256}},
        Expected{"P384",
                 Kind::kP384,
                 {kEcdsaSecp384r1Sha384, kEcdsaSecp256r1Sha256, kEcdsaSecp521r1Sha512},
                 {kEcdsaSecp384r1Sha384}},
        Expected{"P521",
                 Kind::kP521,
                 {kEcdsaSecp521r1Sha512, kEcdsaSecp256r1Sha256, kEcdsaSecp384r1Sha384},
                 {kEcdsaSecp521r1Sha512}},
        Expected{"Ed25519", Kind::kEd25519, {kEd25519}, {kEd25519}},
        Expected{"Rsa",
                 Kind::kRsa,
                 {kRsaPssRsaeSha256, kRsaPssRsaeSha384, kRsaPssRsaeSha512, kRsaPkcs1Sha256,
                  kRsaPkcs1Sha384, kRsaPkcs1Sha512},
                 {kRsaPssRsaeSha256, kRsaPssRsaeSha384, kRsaPssRsaeSha512}},
        Expected{"RsaPss",
                 Kind::kRsaPss,
                 {kRsaPssPssSha256, kRsaPssPssSha384, kRsaPssPssSha512},
                 {kRsaPssPssSha256, kRsaPssPssSha384, kRsaPssPssSha512}},
        Expected{"X25519", Kind::kX25519, {}, {}}),
    [](const auto& about) { return std::string(about.param.name); });

TEST_P(EveryKey, has_the_schemes_of_each_version) {
  const auto key = make_key(GetParam().kind);
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(schemes(key, false), GetParam().tls12);
  EXPECT_EQ(schemes(key, true), GetParam().tls13);
}

TEST_P(EveryKey, verifies_what_it_signed_and_nothing_else) {
  const auto key = make_key(GetParam().kind);
  const auto stranger = make_key(GetParam().kind);
  for (const auto scheme : schemes(key, false)) {
    const auto signature = sign(key.get(), scheme, kMessage);
    ASSERT_TRUE(signature) << signature.error().message;
    EXPECT_TRUE(verify(key.get(), scheme, kMessage, *signature));
    EXPECT_FALSE(verify(stranger.get(), scheme, kMessage, *signature));
    EXPECT_FALSE(verify(key.get(), scheme, Bytes(kMessage).first(2), *signature));
    EXPECT_FALSE(verify(key.get(), scheme, kMessage, {}));
    auto changed = *signature;
    changed.back() ^= std::byte{1};
    EXPECT_FALSE(verify(key.get(), scheme, kMessage, changed));
    changed = *signature;
    changed.push_back(std::byte{0});
    EXPECT_FALSE(verify(key.get(), scheme, kMessage, changed));
    // The same signature under the name of another scheme.
    for (const auto other : kAllSchemes) {
      if (other != scheme) {
        EXPECT_FALSE(verify(key.get(), other, kMessage, *signature));
      }
    }
  }
}

TEST_P(EveryKey, signs_with_no_scheme_that_is_not_its_own) {
  const auto key = make_key(GetParam().kind);
  for (const auto scheme : kAllSchemes) {
    const bool own = std::ranges::find(GetParam().tls12, scheme) != GetParam().tls12.end();
    EXPECT_EQ(fits(key.get(), scheme, false), own);
    const auto signature = sign(key.get(), scheme, kMessage);
    EXPECT_EQ(static_cast<bool>(signature), own);
    if (!signature) {
      EXPECT_EQ(signature.error().kind, ErrorKind::kMisuse);
    }
  }
}

// EMSA-PSS of SHA-512 with as much salt needs 1041 bits (RFC 8017 §9.1.1).
TEST(Signature, a_small_rsa_key_has_only_the_hashes_that_fit) {
  const auto key = make_key(Kind::kRsa, 1024);
  EXPECT_EQ(schemes(key, true), (Schemes{kRsaPssRsaeSha256, kRsaPssRsaeSha384}));
  EXPECT_FALSE(sign(key.get(), kRsaPssRsaeSha512, kMessage));
  EXPECT_TRUE(sign(key.get(), kRsaPssRsaeSha384, kMessage));
}

TEST(Signature, a_key_that_is_bound_to_a_hash_has_only_the_scheme_of_that) {
  const auto key = make_bound_pss_key();
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(schemes(key, true), Schemes{kRsaPssPssSha384});
  const auto signature = sign(key.get(), kRsaPssPssSha384, kMessage);
  ASSERT_TRUE(signature);
  EXPECT_TRUE(verify(key.get(), kRsaPssPssSha384, kMessage, *signature));
}

// RFC 8446 §4.2.3: the salt is as long as the digest.
TEST(Signature, a_salt_of_another_length_is_refused) {
  const auto key = make_key(Kind::kRsa);
  const OwnedBy<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* details = nullptr;
  ASSERT_EQ(EVP_DigestSignInit(context.get(), &details, EVP_sha256(), nullptr, key.get()), 1);
  EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING);
  EVP_PKEY_CTX_set_rsa_pss_saltlen(details, 20);
  std::vector<std::byte> signature(256);
  std::size_t size = signature.size();
  ASSERT_EQ(
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(kMessage.data()), kMessage.size()),
      1);
  EXPECT_FALSE(verify(key.get(), kRsaPssRsaeSha256, kMessage, signature));
}

TEST(Signature, the_output_is_never_overrun) {
  const auto key = make_key(Kind::kRsa);
  std::array<SignatureScheme, 2> out{};
  EXPECT_EQ(schemes_of(key.get(), false, out), 2U);
  EXPECT_EQ(schemes_of(key.get(), false, {}), 0U);
}

TEST(Signature, no_key_has_no_scheme) {
  EXPECT_TRUE(schemes(nullptr, true).empty());
  EXPECT_FALSE(fits(nullptr, kEd25519, true));
  EXPECT_FALSE(sign(nullptr, kEd25519, kMessage));
  EXPECT_FALSE(verify(nullptr, kEd25519, kMessage, kMessage));
}

TEST(Signature, an_unknown_scheme_is_nobodys) {
  const auto key = make_key(Kind::kP256);
  EXPECT_FALSE(fits(key.get(), SignatureScheme{0xfefe}, false));
  EXPECT_FALSE(verify(key.get(), SignatureScheme{0x0403 + 0x100}, kMessage, kMessage));
}

}  // namespace
}  // namespace dtls::crypto
