// The cipher suites we know, and what each of them stands for.
#pragma once

#include <cstdint>
#include <span>

#include "crypto/aead.hpp"
#include "crypto/hash.hpp"
#include "wire/numbers.hpp"
#include "wire/version.hpp"

namespace dtls::handshake {

// How the keys are agreed upon; in DTLS 1.3 extensions say that, not the suite.
enum class KeyExchange : std::uint8_t { kByExtensions, kEcdhe, kPsk, kEcdhePsk };
// What the server signs with. Ed25519 goes with the suites of ECDSA (RFC 8422 §5.10).
enum class Authentication : std::uint8_t { kByExtensions, kEcdsa, kRsa, kPsk };

struct Suite {
  wire::CipherSuite id{};
  const char* name = "";  // IANA's
  wire::Version version = 0;
  KeyExchange key_exchange{};
  Authentication authentication{};
  crypto::AeadAlgorithm aead{};
  crypto::HashAlgorithm hash{};
};

// find_suite gives a suite's row; null for one that we do not know.
const Suite* find_suite(wire::CipherSuite id);

// all_suites in our order of preference, those of DTLS 1.3 first.
std::span<const Suite> all_suites();
// default_suites are those with certificates that need no word of the program's, in our order of
// preference, AES-GCM first, which the CPU does, and after them AES-CCM in 1.2: what engines that
// are driven without a session's options are told to speak.
std::span<const wire::CipherSuite> default_suites();
// psk_suites are the suites of DTLS 1.2 with a PSK, with ephemeral keys first.
std::span<const wire::CipherSuite> psk_suites();

constexpr bool uses_ccm(const Suite& suite) {
  return suite.aead == crypto::AeadAlgorithm::kAes128Ccm ||
         suite.aead == crypto::AeadAlgorithm::kAes128Ccm8;
}
constexpr bool uses_psk(const Suite& suite) {
  return suite.key_exchange == KeyExchange::kPsk || suite.key_exchange == KeyExchange::kEcdhePsk;
}
constexpr bool uses_ecdhe(const Suite& suite) {
  return suite.key_exchange != KeyExchange::kPsk;
}

}  // namespace dtls::handshake
