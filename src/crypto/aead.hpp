// The AEAD ciphers that protect records (RFC 5116), with keys that cost an idle association 48
// bytes and no OpenSSL context.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "crypto/cipher_key.hpp"
#include "crypto/secret.hpp"

namespace dtls::crypto {

enum class AeadAlgorithm : std::uint8_t {
  kAes128Gcm,
  kAes256Gcm,
  kChaCha20Poly1305,
  kAes128Ccm,
  kAes128Ccm8,
};

inline constexpr std::size_t kAeadNonceSize = 12;
inline constexpr std::size_t kMaxAeadKeySize = kMaxCipherKeySize;
inline constexpr std::size_t kMaxAeadTagSize = 16;
using AeadNonce = std::span<const std::byte, kAeadNonceSize>;
// The end of a nonce, where records of DTLS 1.2 carry it (RFC 5288 §3, RFC 6655 §3).
inline constexpr std::size_t kExplicitNonceSize = 8;
// Additional data of a record of DTLS 1.2 (RFC 5246 §6.2.3.3).
inline constexpr std::size_t kTls12AadSize = 13;

constexpr std::size_t aead_key_size(AeadAlgorithm algorithm) {
  return algorithm == AeadAlgorithm::kAes256Gcm || algorithm == AeadAlgorithm::kChaCha20Poly1305
             ? 32
             : 16;
}
constexpr std::size_t aead_tag_size(AeadAlgorithm algorithm) {
  return algorithm == AeadAlgorithm::kAes128Ccm8 ? 8 : 16;
}

// aead_is_available says whether libcrypto, as configured, offers the algorithm. Any thread.
bool aead_is_available(AeadAlgorithm algorithm);

// AeadKey is a key and nothing else. The contexts that work with it are its thread's (see
// crypto/context_cache.hpp). Move-only; one that was moved from fails at everything. One thread at
// a time, but any thread.
class AeadKey {
 public:
  // `key` has aead_key_size bytes; of any other size makes a key that fails at everything.
  AeadKey(AeadAlgorithm algorithm, Bytes key);

  [[nodiscard]] AeadAlgorithm algorithm() const { return algorithm_; }

  // seal writes ciphertext and tag to `out`, which has exactly plaintext.size() + aead_tag_size
  // bytes. `plaintext` may be the front of `out`, but must not overlap it otherwise. False, and
  // nothing to be sent, when libcrypto fails or the sizes do not fit.
  [[nodiscard]] bool seal(AeadNonce nonce, Bytes aad, Bytes plaintext,
                          std::span<std::byte> out) const;

  // seal_with_nonce writes the explicit nonce, ciphertext and tag of a record of DTLS 1.2: `out`
  // has kExplicitNonceSize bytes more than for seal, and `plaintext` may lie in it behind those.
  // The last two bytes of `aad` are the size of `plaintext`. libcrypto has AES-GCM for just that,
  // in half of the calls.
  [[nodiscard]] bool seal_with_nonce(AeadNonce nonce, std::span<const std::byte, kTls12AadSize> aad,
                                     Bytes plaintext, std::span<std::byte> out) const;

  // open decrypts in place and gives the size of the plaintext, which is at the front of `sealed`.
  // nullopt when the bytes are not authentic; `sealed` then holds nothing of use.
  [[nodiscard]] std::optional<std::size_t> open(AeadNonce nonce, Bytes aad,
                                                std::span<std::byte> sealed) const;

  // open_with_nonce opens such a record in place: its text is behind the explicit nonce then, and
  // its size is given. The explicit nonce is that of `sealed`; the first bytes of `nonce` come
  // before it. The last two bytes of `aad` are the size of the text.
  [[nodiscard]] std::optional<std::size_t> open_with_nonce(
      AeadNonce nonce, std::span<const std::byte, kTls12AadSize> aad,
      std::span<std::byte> sealed) const;

  // leave_thread: see CipherKey.
  void leave_thread() const noexcept { key_.leave_thread(); }

 private:
  CipherKey key_;
  AeadAlgorithm algorithm_;
};
static_assert(sizeof(AeadKey) <= 48);

}  // namespace dtls::crypto
