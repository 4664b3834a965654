#include "crypto/signature.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "crypto/libcrypto.hpp"

namespace dtls::crypto {
namespace {

enum class Kind : std::uint8_t { kEcdsa, kEd25519, kPkcs1, kPssOfRsaKey, kPssOfPssKey };

struct SchemeTraits {
  SignatureScheme scheme;
  Kind kind;
  const char* digest;  // null: the algorithm hashes by itself
  std::size_t digest_size;
  const char* curve;  // that DTLS 1.3 binds it to
};

using enum SignatureScheme;
constexpr const char* kSha256 = OSSL_DIGEST_NAME_SHA2_256;
constexpr const char* kSha384 = OSSL_DIGEST_NAME_SHA2_384;
constexpr const char* kSha512 = OSSL_DIGEST_NAME_SHA2_512;

// Best first, which is the cheapest where none is weak: a longer hash makes no RSA key stronger.
// Names of curves as EVP_PKEY_get_group_name gives them.
constexpr std::array kSchemes = {
    SchemeTraits{kEcdsaSecp256r1Sha256, Kind::kEcdsa, kSha256, 32, "prime256v1"},
    SchemeTraits{kEcdsaSecp384r1Sha384, Kind::kEcdsa, kSha384, 48, "secp384r1"},
    SchemeTraits{kEcdsaSecp521r1Sha512, Kind::kEcdsa, kSha512, 64, "secp521r1"},
    SchemeTraits{kEd25519, Kind::kEd25519, nullptr, 0, nullptr},
    SchemeTraits{kRsaPssRsaeSha256, Kind::kPssOfRsaKey, kSha256, 32, nullptr},
    SchemeTraits{kRsaPssRsaeSha384, Kind::kPssOfRsaKey, kSha384, 48, nullptr},
    SchemeTraits{kRsaPssRsaeSha512, Kind::kPssOfRsaKey, kSha512, 64, nullptr},
    SchemeTraits{kRsaPssPssSha256, Kind::kPssOfPssKey, kSha256, 32, nullptr},
    SchemeTraits{kRsaPssPssSha384, Kind::kPssOfPssKey, kSha384, 48, nullptr},
    SchemeTraits{kRsaPssPssSha512, Kind::kPssOfPssKey, kSha512, 64, nullptr},
    SchemeTraits{kRsaPkcs1Sha256, Kind::kPkcs1, kSha256, 32, nullptr},
    SchemeTraits{kRsaPkcs1Sha384, Kind::kPkcs1, kSha384, 48, nullptr},
    SchemeTraits{kRsaPkcs1Sha512, Kind::kPkcs1, kSha512, 64, nullptr},
};

const SchemeTraits* find(SignatureScheme scheme) {
  const auto* const found = std::ranges::find(kSchemes, scheme, &SchemeTraits::scheme);
  return found == kSchemes.end() ? nullptr : found;
}

// The bytes of a modulus that PKCS #1 v1.5 fills with all but the hash (RFC 8017 §9.2).
constexpr std::size_t kPkcs1Overhead = 19 + 11;

bool is_large_enough(const EVP_PKEY* key, const SchemeTraits& traits) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < 1) return false;
  const auto size = static_cast<std::size_t>(bits);
  if (traits.kind == Kind::kPkcs1) return (size + 7) / 8 >= traits.digest_size + kPkcs1Overhead;
  // EMSA-PSS has room for hash and salt, which is as long, and two bytes, in one bit less than the
  // modulus has (RFC 8017 §9.1.1, RFC 8446 §4.2.3).
  return (size - 1 + 7) / 8 >= 2 * traits.digest_size + 2;
}

// A key of RSASSA-PSS may be bound to one hash (RFC 4055 §3.1).
bool is_bound_elsewhere(const EVP_PKEY* key, const SchemeTraits& traits) {
  constexpr int kMandatory = 2;
  std::array<char, 64> name{};
  // The function only reads its key, which OpenSSL 3.0 declares without const.
  if (EVP_PKEY_get_default_digest_name(const_cast<EVP_PKEY*>(key), name.data(), name.size()) !=
      kMandatory) {
    ERR_clear_error();
    return false;
  }
  const OwnedBy<EVP_MD, EVP_MD_free> digest(EVP_MD_fetch(nullptr, name.data(), nullptr));
  ERR_clear_error();
  return digest == nullptr || EVP_MD_is_a(digest.get(), traits.digest) != 1;
}

// OwnTraits is what the rules ask of a key again and again, asked of libcrypto once.
class OwnTraits {
 public:
  explicit OwnTraits(const EVP_PKEY* key) : key_(key) {}

  // A number where libcrypto has one for the kind; to look up its name takes 0.3 µs.
  [[nodiscard]] bool is_a(int id, const char* name) const {
    const int own = EVP_PKEY_get_id(key_);
    return own > 0 ? own == id : EVP_PKEY_is_a(key_, name) == 1;
  }
  bool is_on_curve(std::string_view curve) {
    if (!asked_) {
      asked_ = true;
      if (EVP_PKEY_get_group_name(key_, curve_.data(), curve_.size(), &size_) != 1) size_ = 0;
    }
    return std::string_view(curve_.data(), size_) == curve;
  }
  [[nodiscard]] const EVP_PKEY* key() const { return key_; }

 private:
  const EVP_PKEY* key_;
  std::array<char, 64> curve_{};
  std::size_t size_ = 0;
  bool asked_ = false;
};

bool fits(OwnTraits& own, const SchemeTraits& traits, bool tls13) {
  switch (traits.kind) {
    case Kind::kEcdsa:
      return own.is_a(EVP_PKEY_EC, "EC") && (!tls13 || own.is_on_curve(traits.curve));
    case Kind::kEd25519:
      return own.is_a(EVP_PKEY_ED25519, "ED25519");
    case Kind::kPkcs1:
      return !tls13 && own.is_a(EVP_PKEY_RSA, "RSA") && is_large_enough(own.key(), traits);
    case Kind::kPssOfRsaKey:
      return own.is_a(EVP_PKEY_RSA, "RSA") && is_large_enough(own.key(), traits);
    case Kind::kPssOfPssKey:
      return own.is_a(EVP_PKEY_RSA_PSS, "RSA-PSS") && is_large_enough(own.key(), traits) &&
             !is_bound_elsewhere(own.key(), traits);
  }
  return false;
}

using OwnedContext = OwnedBy<EVP_MD_CTX, EVP_MD_CTX_free>;
using OwnedKeyContext = OwnedBy<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

// ECDSA signs a digest and nothing else (FIPS 186-5 §6.4), so it is made here, with what is fetched
// already: EVP_DigestSign sets up as much again as a signature on P-256 takes to a third.
std::optional<Digest> digest_for(const SchemeTraits& traits, Bytes message) {
  if (traits.scheme == kEcdsaSecp256r1Sha256) return hash(HashAlgorithm::kSha256, {message});
  if (traits.scheme == kEcdsaSecp384r1Sha384) return hash(HashAlgorithm::kSha384, {message});
  return std::nullopt;
}

// prepare makes a context with which to sign, or to verify.
template <typename Init>
OwnedContext prepare(Init init, EVP_PKEY* key, const SchemeTraits& traits) {
  OwnedContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* details = nullptr;  // the context's own
  if (context == nullptr ||
      init(context.get(), &details, traits.digest, nullptr, nullptr, key, nullptr) != 1) {
    return nullptr;
  }
  const bool is_pss = traits.kind == Kind::kPssOfRsaKey || traits.kind == Kind::kPssOfPssKey;
  // RFC 8446 §4.2.3: the salt is as long as the digest; MGF1 has the same hash, as is the default.
  if (is_pss && (EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) != 1 ||
                 EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return nullptr;
  }
  return context;
}

}  // namespace

bool fits(const EVP_PKEY* key, SignatureScheme scheme, bool tls13) {
  const auto* const traits = find(scheme);
  if (key == nullptr || traits == nullptr) return false;
  OwnTraits own(key);
  return fits(own, *traits, tls13);
}

std::size_t schemes_of(const EVP_PKEY* key, bool tls13, std::span<SignatureScheme> out) {
  std::size_t count = 0;
  const auto add = [&](const SchemeTraits& traits) {
    if (count < out.size()) out[count++] = traits.scheme;
  };
  if (key == nullptr) return 0;
  OwnTraits own(key);
  // First the scheme of the key's own curve, which in DTLS 1.2 is not the only one.
  const auto is_own = [&](const SchemeTraits& traits) {
    return traits.kind == Kind::kEcdsa && fits(own, traits, true);
  };
  for (const auto& traits : kSchemes) {
    if (is_own(traits)) add(traits);
  }
  for (const auto& traits : kSchemes) {
    if (!is_own(traits) && fits(own, traits, tls13)) add(traits);
  }
  return count;
}

Result<std::vector<std::byte>> sign(EVP_PKEY* key, SignatureScheme scheme, Bytes message) {
  const auto* const traits = find(scheme);
  if (key == nullptr || traits == nullptr || !fits(key, scheme, false)) {
    return Error{.kind = ErrorKind::kMisuse,
                 .sys_errno = EINVAL,
                 .message = "the signature scheme does not fit the private key",
                 .alert = {}};
  }
  const int most = EVP_PKEY_get_size(key);
  std::vector<std::byte> signature(static_cast<std::size_t>(std::max(most, 0)));
  std::size_t size = signature.size();
  if (const auto digest = digest_for(*traits, message)) {
    const OwnedKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (context == nullptr || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_sign(context.get(), raw(std::span(signature)), &size, raw(digest->view()),
                      digest->size()) != 1) {
      return libcrypto_failed("sign with the private key");
    }
    signature.resize(size);
    return signature;
  }
  const auto context = prepare(EVP_DigestSignInit_ex, key, *traits);
  if (context == nullptr) return libcrypto_failed("prepare a signature");
  if (EVP_DigestSign(context.get(), raw(std::span(signature)), &size, raw(message),
                     message.size()) != 1) {
    return libcrypto_failed("sign with the private key");
  }
  signature.resize(size);
  return signature;
}

bool verify(EVP_PKEY* key, SignatureScheme scheme, Bytes message, Bytes signature) {
  const auto* const traits = find(scheme);
  if (key == nullptr || traits == nullptr || !fits(key, scheme, false)) return false;
  bool right = false;
  if (const auto digest = digest_for(*traits, message)) {
    const OwnedKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    right = context != nullptr && EVP_PKEY_verify_init(context.get()) == 1 &&
            EVP_PKEY_verify(context.get(), raw(signature), signature.size(), raw(digest->view()),
                            digest->size()) == 1;
  } else {
    const auto context = prepare(EVP_DigestVerifyInit_ex, key, *traits);
    right = context != nullptr && EVP_DigestVerify(context.get(), raw(signature), signature.size(),
                                                   raw(message), message.size()) == 1;
  }
  if (!right) ERR_clear_error();
  return right;
}

}  // namespace dtls::crypto
