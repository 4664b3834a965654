// Negotiated: what both sides of an association agreed upon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "dtls/require_cpp20.hpp"

namespace dtls {

// ProtocolVersion is a version of DTLS that is spoken here: RFC 6347, RFC 9147.
enum class ProtocolVersion : std::uint8_t { kDtls12, kDtls13 };

// SrtpProfile says how SRTP protects media (RFC 5764 §4.1.2, RFC 7714 §14.2); the numbers are
// IANA's.
enum class SrtpProfile : std::uint16_t {
  kAes128CmHmacSha1Tag80 = 1,
  kAes128CmHmacSha1Tag32 = 2,
  kAeadAes128Gcm = 7,
  kAeadAes256Gcm = 8,
};

// Negotiated is a plain value. A renegotiation may change it.
struct Negotiated {
  ProtocolVersion version = ProtocolVersion::kDtls12;
  // As IANA's registry has it: "TLS_AES_128_GCM_SHA256",
  // "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".
  std::string cipher_suite;
  // Of the key agreement, as IANA has it: "x25519", "secp256r1", "secp384r1", "X25519MLKEM768".
  // Empty where there was none: a resumed session of DTLS 1.2, a suite with nothing but a PSK,
  // psk_ke in DTLS 1.3 (see PskKeyExchange).
  std::string group;
  std::string alpn;                         // the application protocol (RFC 7301); empty: none
  std::optional<SrtpProfile> srtp_profile;  // RFC 5764
  std::string psk_identity;  // of the pre-shared key that took the place of certificates
  bool resumed = false;      // keys come from an earlier session (RFC 5077, RFC 8446 §2.2)
  // The most bytes that the peer takes in one message: 2^14, or less where it has said so
  // (RFC 8449).
  std::size_t max_message = 16384;
};

}  // namespace dtls
