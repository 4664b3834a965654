#include "handshake/suites.hpp"

#include <algorithm>
#include <array>

namespace dtls::handshake {
namespace {

using enum crypto::AeadAlgorithm;
using enum crypto::HashAlgorithm;
using Id = wire::CipherSuite;
constexpr auto kEcdhe = KeyExchange::kEcdhe;
constexpr auto kEcdsa = Authentication::kEcdsa;
constexpr auto kRsa = Authentication::kRsa;
constexpr auto kByPsk = Authentication::kPsk;
constexpr wire::Version k12 = wire::kDtls12;
constexpr wire::Version k13 = wire::kDtls13;
constexpr auto kFree = KeyExchange::kByExtensions;
constexpr auto kAnyone = Authentication::kByExtensions;

constexpr std::array kSuites = {
    // RFC 8446 App. B.4
    Suite{Id::kAes128GcmSha256, "TLS_AES_128_GCM_SHA256", k13, kFree, kAnyone, kAes128Gcm, kSha256},
    Suite{Id::kAes256GcmSha384, "TLS_AES_256_GCM_SHA384", k13, kFree, kAnyone, kAes256Gcm, kSha384},
    Suite{Id::kChaCha20Poly1305Sha256, "TLS_CHACHA20_POLY1305_SHA256", k13, kFree, kAnyone,
          kChaCha20Poly1305, kSha256},
    Suite{Id::kAes128CcmSha256, "TLS_AES_128_CCM_SHA256", k13, kFree, kAnyone, kAes128Ccm, kSha256},
    Suite{Id::kAes128Ccm8Sha256, "TLS_AES_128_CCM_8_SHA256", k13, kFree, kAnyone, kAes128Ccm8,
          kSha256},
    // RFC 5289, RFC 7905, RFC 7251
    Suite{Id::kEcdheEcdsaAes128GcmSha256, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", k12, kEcdhe,
          kEcdsa, kAes128Gcm, kSha256},
    Suite{Id::kEcdheRsaAes128GcmSha256, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", k12, kEcdhe, kRsa,
          kAes128Gcm, kSha256},
    Suite{Id::kEcdheEcdsaAes256GcmSha384, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", k12, kEcdhe,
          kEcdsa, kAes256Gcm, kSha384},
    Suite{Id::kEcdheRsaAes256GcmSha384, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", k12, kEcdhe, kRsa,
          kAes256Gcm, kSha384},
    Suite{Id::kEcdheEcdsaChaCha20Poly1305Sha256, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
          k12, kEcdhe, kEcdsa, kChaCha20Poly1305, kSha256},
    Suite{Id::kEcdheRsaChaCha20Poly1305Sha256, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", k12,
          kEcdhe, kRsa, kChaCha20Poly1305, kSha256},
    Suite{Id::kEcdheEcdsaAes128Ccm, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", k12, kEcdhe, kEcdsa,
          kAes128Ccm, kSha256},
    Suite{Id::kEcdheEcdsaAes128Ccm8, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", k12, kEcdhe, kEcdsa,
          kAes128Ccm8, kSha256},
    // RFC 8442, RFC 7905, RFC 5487, RFC 6655
    Suite{Id::kEcdhePskAes128GcmSha256, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256", k12,
          KeyExchange::kEcdhePsk, kByPsk, kAes128Gcm, kSha256},
    Suite{Id::kEcdhePskChaCha20Poly1305Sha256, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", k12,
          KeyExchange::kEcdhePsk, kByPsk, kChaCha20Poly1305, kSha256},
    Suite{Id::kEcdhePskAes128Ccm8Sha256, "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256", k12,
          KeyExchange::kEcdhePsk, kByPsk, kAes128Ccm8, kSha256},
    Suite{Id::kPskAes128GcmSha256, "TLS_PSK_WITH_AES_128_GCM_SHA256", k12, KeyExchange::kPsk,
          kByPsk, kAes128Gcm, kSha256},
    Suite{Id::kPskChaCha20Poly1305Sha256, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", k12,
          KeyExchange::kPsk, kByPsk, kChaCha20Poly1305, kSha256},
    Suite{Id::kPskAes128Ccm8, "TLS_PSK_WITH_AES_128_CCM_8", k12, KeyExchange::kPsk, kByPsk,
          kAes128Ccm8, kSha256},
};

constexpr std::array kDefaults = {
    Id::kAes128GcmSha256,
    Id::kAes256GcmSha384,
    Id::kChaCha20Poly1305Sha256,
    Id::kEcdheEcdsaAes128GcmSha256,
    Id::kEcdheRsaAes128GcmSha256,
    Id::kEcdheEcdsaChaCha20Poly1305Sha256,
    Id::kEcdheRsaChaCha20Poly1305Sha256,
    Id::kEcdheEcdsaAes256GcmSha384,
    Id::kEcdheRsaAes256GcmSha384,
    Id::kEcdheEcdsaAes128Ccm,
};

constexpr std::array kPsks = {
    Id::kEcdhePskAes128GcmSha256,   Id::kEcdhePskChaCha20Poly1305Sha256,
    Id::kEcdhePskAes128Ccm8Sha256,  Id::kPskAes128GcmSha256,
    Id::kPskChaCha20Poly1305Sha256, Id::kPskAes128Ccm8,
};

}  // namespace

const Suite* find_suite(wire::CipherSuite id) {
  const auto* found = std::ranges::find(kSuites, id, &Suite::id);
  return found == kSuites.end() ? nullptr : found;
}

std::span<const Suite> all_suites() {
  return kSuites;
}

std::span<const wire::CipherSuite> default_suites() {
  return kDefaults;
}

std::span<const wire::CipherSuite> psk_suites() {
  return kPsks;
}

}  // namespace dtls::handshake
