// The numbers that IANA's TLS registries assign, as far as we know them. A number from the network
// may be one that has no name here; the casts are defined, since each enum has a fixed type.
#pragma once

#include <cstdint>

namespace dtls::wire {

enum class CipherSuite : std::uint16_t {
  // Signals in the place of a suite
  kEmptyRenegotiationInfoScsv = 0x00ff,  // RFC 5746 §3.3
  kFallbackScsv = 0x5600,                // RFC 7507 §2
  // DTLS 1.3 (RFC 8446 App. B.4)
  kAes128GcmSha256 = 0x1301,
  kAes256GcmSha384 = 0x1302,
  kChaCha20Poly1305Sha256 = 0x1303,
  kAes128CcmSha256 = 0x1304,
  kAes128Ccm8Sha256 = 0x1305,
  // DTLS 1.2 with certificates: RFC 5289, RFC 7251, RFC 7905
  kEcdheEcdsaAes128GcmSha256 = 0xc02b,
  kEcdheEcdsaAes256GcmSha384 = 0xc02c,
  kEcdheRsaAes128GcmSha256 = 0xc02f,
  kEcdheRsaAes256GcmSha384 = 0xc030,
  kEcdheEcdsaAes128Ccm = 0xc0ac,
  kEcdheEcdsaAes128Ccm8 = 0xc0ae,
  kEcdheRsaChaCha20Poly1305Sha256 = 0xcca8,
  kEcdheEcdsaChaCha20Poly1305Sha256 = 0xcca9,
  // DTLS 1.2 with a PSK: RFC 5487, RFC 6655, RFC 7905, RFC 8442
  kPskAes128GcmSha256 = 0x00a8,
  kPskAes128Ccm8 = 0xc0a8,
  kPskChaCha20Poly1305Sha256 = 0xccab,
  kEcdhePskChaCha20Poly1305Sha256 = 0xccac,
  kEcdhePskAes128GcmSha256 = 0xd001,
  kEcdhePskAes128Ccm8Sha256 = 0xd003,
};

// RFC 8446 §4.2.7, RFC 8422 §5.1.1
enum class NamedGroup : std::uint16_t {
  kSecp256r1 = 23,
  kSecp384r1 = 24,
  kSecp521r1 = 25,
  kX25519 = 29,
  kX448 = 30,
  kX25519MlKem768 = 0x11ec,  // draft-ietf-tls-ecdhe-mlkem §4
};

// RFC 8446 §4.2.3. DTLS 1.2 writes the same values as a pair of hash and signature
// (RFC 5246 §7.4.1.4.1).
enum class SignatureScheme : std::uint16_t {
  kRsaPkcs1Sha1 = 0x0201,
  kEcdsaSha1 = 0x0203,
  kRsaPkcs1Sha256 = 0x0401,
  kEcdsaSecp256r1Sha256 = 0x0403,
  kRsaPkcs1Sha384 = 0x0501,
  kEcdsaSecp384r1Sha384 = 0x0503,
  kRsaPkcs1Sha512 = 0x0601,
  kEcdsaSecp521r1Sha512 = 0x0603,
  kRsaPssRsaeSha256 = 0x0804,
  kRsaPssRsaeSha384 = 0x0805,
  kRsaPssRsaeSha512 = 0x0806,
  kEd25519 = 0x0807,
  kEd448 = 0x0808,
  kRsaPssPssSha256 = 0x0809,
  kRsaPssPssSha384 = 0x080a,
  kRsaPssPssSha512 = 0x080b,
};

// RFC 8446 §4.2, and where a line says so.
enum class ExtensionType : std::uint16_t {
  kServerName = 0,
  kStatusRequest = 5,
  kSupportedGroups = 10,
  kEcPointFormats = 11,  // RFC 8422 §5.1.2
  kSignatureAlgorithms = 13,
  kUseSrtp = 14,
  kAlpn = 16,
  kExtendedMasterSecret = 23,  // RFC 7627 §5.1
  kRecordSizeLimit = 28,       // RFC 8449 §4
  kSessionTicket = 35,         // RFC 5077 §3.2
  kPreSharedKey = 41,
  kEarlyData = 42,
  kSupportedVersions = 43,
  kCookie = 44,
  kPskKeyExchangeModes = 45,
  kCertificateAuthorities = 47,
  kSignatureAlgorithmsCert = 50,
  kKeyShare = 51,
  kConnectionId = 54,          // RFC 9146 §3
  kRenegotiationInfo = 0xff01  // RFC 5746 §3.2
};

// RFC 8446 §4.2.9
enum class PskKeyExchangeMode : std::uint8_t { kPsk = 0, kPskWithDhe = 1 };

// RFC 8422 §5.1.2; the other formats are deprecated.
enum class EcPointFormat : std::uint8_t { kUncompressed = 0 };

// RFC 5764 §4.1.2, RFC 7714 §14.2
enum class SrtpProfile : std::uint16_t {
  kAes128CmHmacSha1Tag80 = 0x0001,
  kAes128CmHmacSha1Tag32 = 0x0002,
  kAeadAes128Gcm = 0x0007,
  kAeadAes256Gcm = 0x0008,
};

// RFC 5246 §7.4.4; RFC 8422 §5.5 has ecdsa_sign stand for Ed25519 too.
enum class ClientCertificateType : std::uint8_t { kRsaSign = 1, kEcdsaSign = 64 };

// RFC 8446 §6, RFC 5246 §7.2, and where a line says so.
enum class AlertDescription : std::uint8_t {
  kCloseNotify = 0,
  kUnexpectedMessage = 10,
  kBadRecordMac = 20,
  kRecordOverflow = 22,
  kHandshakeFailure = 40,
  kBadCertificate = 42,
  kUnsupportedCertificate = 43,
  kCertificateRevoked = 44,
  kCertificateExpired = 45,
  kCertificateUnknown = 46,
  kIllegalParameter = 47,
  kUnknownCa = 48,
  kAccessDenied = 49,
  kDecodeError = 50,
  kDecryptError = 51,
  kTooManyCidsRequested = 52,  // RFC 9147 §9
  kProtocolVersion = 70,
  kInsufficientSecurity = 71,
  kInternalError = 80,
  kInappropriateFallback = 86,  // RFC 7507 §3
  kUserCanceled = 90,
  kNoRenegotiation = 100,
  kMissingExtension = 109,
  kUnsupportedExtension = 110,
  kUnrecognizedName = 112,  // RFC 6066 §9
  kBadCertificateStatusResponse = 113,
  kUnknownPskIdentity = 115,  // RFC 4279 §6
  kCertificateRequired = 116,
  kNoApplicationProtocol = 120,  // RFC 7301 §3.2
};

}  // namespace dtls::wire
