// Signatures of handshakes: which schemes a key can sign with, signing and verifying.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "crypto/owned.hpp"
#include "crypto/secret.hpp"
#include "dtls/error.hpp"

namespace dtls::crypto {

// RFC 8446 §4.2.3. In DTLS 1.2 the same numbers are a hash and a signature algorithm (RFC 5246
// §7.4.1.4.1).
enum class SignatureScheme : std::uint16_t {
  kRsaPkcs1Sha1 = 0x0201,  // with SHA-1: only named, never accepted
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
  kRsaPssPssSha256 = 0x0809,
  kRsaPssPssSha384 = 0x080a,
  kRsaPssPssSha512 = 0x080b,
};

// What schemes_of gives at most.
inline constexpr std::size_t kMaxSchemesOfKey = 6;

// fits says whether a key can be used with a scheme at all: its kind, its size, the hash that it
// is bound to, and for DTLS 1.3 (`tls13`) its curve, and that PKCS #1 v1.5 is not used (RFC 8446
// §4.2.3). False for a scheme that we do not know.
bool fits(const EVP_PKEY* key, SignatureScheme scheme, bool tls13);

// schemes_of writes the schemes that a key can sign with, best first, and gives their number. It
// writes no more than `out` holds; kMaxSchemesOfKey always suffice. None for a key of a kind that
// no scheme is for.
std::size_t schemes_of(const EVP_PKEY* key, bool tls13, std::span<SignatureScheme> out);

// sign signs `message`, hashing it as the scheme says. Fails with kMisuse when the key does not
// fit the scheme, with kSystem when libcrypto fails. A key may be used by several threads.
Result<std::vector<std::byte>> sign(EVP_PKEY* key, SignatureScheme scheme, Bytes message);

// verify says whether `signature` is the key's over `message`. False also when the key does not
// fit the scheme by the rules of DTLS 1.2: for DTLS 1.3 the caller asks fits(key, scheme, true)
// too.
bool verify(EVP_PKEY* key, SignatureScheme scheme, Bytes message, Bytes signature);

}  // namespace dtls::crypto
