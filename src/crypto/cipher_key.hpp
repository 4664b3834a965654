// CipherKey: the bytes of a key with a number that no other key of the process ever has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "crypto/secret.hpp"

namespace dtls::crypto {

inline constexpr std::size_t kMaxCipherKeySize = 32;

// CipherKey is wiped when it goes. Movable: what was moved from is no key (id 0).
class CipherKey {
 public:
  // A key of another size than `size` (at most kMaxCipherKeySize) gives no key.
  CipherKey(Bytes key, std::size_t size);
  CipherKey(CipherKey&& other) noexcept
      : id_(std::exchange(other.id_, std::uint64_t{0})), bytes_(other.bytes_) {
    wipe(other.bytes_);
  }
  CipherKey& operator=(CipherKey&& other) noexcept {
    CipherKey taken(std::move(other));
    std::swap(id_, taken.id_);
    std::swap(bytes_, taken.bytes_);
    return *this;
  }
  CipherKey(const CipherKey&) = delete;
  CipherKey& operator=(const CipherKey&) = delete;
  // Takes the key from this thread's contexts too, not from those of other threads: leave_thread
  // does that there.
  ~CipherKey();

  // leave_thread takes the key from this thread's contexts, before another thread works with it.
  void leave_thread() const noexcept;

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] Bytes first(std::size_t size) const { return Bytes(bytes_).first(size); }

 private:
  std::uint64_t id_ = 0;
  std::array<std::byte, kMaxCipherKeySize> bytes_{};
};

}  // namespace dtls::crypto
