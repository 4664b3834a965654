// The mask over the sequence numbers of DTLS 1.3 records (RFC 9147 §4.2.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/aead.hpp"

namespace dtls::crypto {

// The mask is made of that much of a record's ciphertext.
inline constexpr std::size_t kMaskSampleSize = 16;

// RecordMask is an sn_key and nothing else, like AeadKey.
class RecordMask {
 public:
  // `sn_key` has aead_key_size bytes; of any other size makes a mask that fails.
  RecordMask(AeadAlgorithm algorithm, Bytes sn_key);

  // mask gives the two bytes to XOR the sequence number with (its one byte with the first). False
  // when libcrypto fails.
  [[nodiscard]] bool mask(std::span<const std::byte, kMaskSampleSize> sample,
                          std::span<std::byte, 2> out) const;

  // leave_thread: see CipherKey.
  void leave_thread() const noexcept { key_.leave_thread(); }

 private:
  CipherKey key_;
  AeadAlgorithm algorithm_;
};
static_assert(sizeof(RecordMask) <= 48);

}  // namespace dtls::crypto
