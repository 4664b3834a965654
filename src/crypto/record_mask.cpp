#include "crypto/record_mask.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>

#include "crypto/context_cache.hpp"
#include "crypto/libcrypto.hpp"
#include "crypto/per_thread.hpp"

namespace dtls::crypto {

RecordMask::RecordMask(AeadAlgorithm algorithm, Bytes sn_key)
    : key_(sn_key, aead_key_size(algorithm)), algorithm_(algorithm) {}

bool RecordMask::mask(std::span<const std::byte, kMaskSampleSize> sample,
                      std::span<std::byte, 2> out) const {
  if (key_.id() == 0) return false;
  std::array<std::byte, kMaskSampleSize> bytes{};
  const std::span<std::byte> block(bytes);
  const bool done = PerThread<ContextCache>::with([&](ContextCache& cache) {
    EVP_CIPHER_CTX* const context = cache.keyed({CipherUse::Task::kMask, algorithm_}, key_);
    if (context == nullptr) return false;
    int size = 0;
    if (algorithm_ != AeadAlgorithm::kChaCha20Poly1305) {
      return EVP_EncryptUpdate(context, raw(block), &size, raw(sample),
                               static_cast<int>(sample.size())) == 1 &&
             size == static_cast<int>(block.size());
    }
    // The first four bytes are the counter and the rest is the nonce; OpenSSL's ChaCha20 takes both
    // as one, in that order and byte order. The keystream is what zeros become.
    return EVP_EncryptInit_ex2(context, nullptr, nullptr, raw(sample), nullptr) == 1 &&
           EVP_EncryptUpdate(context, raw(block), &size, raw(Bytes(block)),
                             static_cast<int>(out.size())) == 1;
  });
  if (!done) {
    ERR_clear_error();
    return false;
  }
  std::copy_n(block.begin(), out.size(), out.begin());
  return true;
}

}  // namespace dtls::crypto
