// Secrets in memory: wiped when they go, compared without telling where they differ.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace dtls::crypto {

// wipe overwrites the bytes with zeros; no optimiser removes it.
void wipe(std::span<std::byte> bytes) noexcept;

// equal_in_constant_time compares in a time that depends on the sizes only.
bool equal_in_constant_time(std::span<const std::byte> left,
                            std::span<const std::byte> right) noexcept;

// SecretBytes owns N secret bytes, in place, and wipes them in its destructor.
// Movable: what was moved from holds zeros. Not copyable, so that no copy is forgotten.
template <std::size_t N>
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::span<const std::byte, N> source) {
    std::copy(source.begin(), source.end(), bytes_.begin());
  }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  SecretBytes(SecretBytes&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  SecretBytes& operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }
  ~SecretBytes() { wipe(bytes_); }

  [[nodiscard]] std::span<const std::byte, N> view() const { return bytes_; }
  [[nodiscard]] std::span<std::byte, N> writable() { return bytes_; }

 private:
  std::array<std::byte, N> bytes_{};
};

}  // namespace dtls::crypto
