// What the sources of this folder share to call libcrypto.
#pragma once

#include <openssl/evp.h>

#include <cstddef>
#include <span>

#include "crypto/hash.hpp"
#include "crypto/secret.hpp"
#include "dtls/error.hpp"

namespace dtls::crypto {

inline const unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
inline unsigned char* raw(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

// fetched gives the digest, fetched once for the process: a fetch costs more than a short message.
// Null where no provider has it.
EVP_MD* fetched(HashAlgorithm algorithm);

// hmac_of is hmac for parts whose number is not known where the call is written.
Digest hmac_of(HashAlgorithm algorithm, Bytes key, std::span<const Bytes> parts);

// require ends the process where `done` is false; hash.hpp says why.
void require(bool done);

// libcrypto_failed is the error for what must not fail but by want of memory or of a provider. It
// empties the thread's OpenSSL error queue.
Error libcrypto_failed(const char* what);

}  // namespace dtls::crypto
