// RecordCipher: the least that protects a datagram: a record header, an explicit nonce and
// AES-128-GCM by libcrypto's EVP, with contexts that are made and keyed once. No handshake (both
// sides know the key), no replay window, no epochs, no alerts: what a DTLS library costs beyond it
// is the library's own.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/owned.hpp"

namespace dtls::bench {

class RecordCipher {
 public:
  static constexpr std::size_t kHeader = 13 + 8;  // RFC 6347 §4.1, RFC 5288 §3
  static constexpr std::size_t kTag = 16;

  RecordCipher();
  // seal writes a record of the message and gives its size.
  std::size_t seal(std::span<const std::byte> message, std::span<std::byte> out);
  // open decrypts in place and gives the message; empty if the record is not authentic.
  std::span<std::byte> open(std::span<std::byte> record);

 private:
  using OwnedContext = crypto::OwnedBy<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

  OwnedContext sealer_;
  OwnedContext opener_;
  std::uint64_t sequence_ = 0;
};

}  // namespace dtls::bench
