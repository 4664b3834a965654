// Secret and SharedSecret: secrets of a size known at run time, in place and wiped when they go.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "crypto/wipe.hpp"

namespace dtls::crypto {

using Bytes = std::span<const std::byte>;

// SecretBuffer holds up to `Capacity` secret bytes. Movable: what was moved from is empty. Copied
// only by copy(), so that nobody makes one more by accident.
template <std::size_t Capacity>
class SecretBuffer {
 public:
  SecretBuffer() = default;
  // Zeros, to be filled through writable(). A size beyond the capacity gives the capacity.
  explicit SecretBuffer(std::size_t size)
      : size_(static_cast<std::uint8_t>(std::min(size, Capacity))) {}
  // A copy of `bytes`, cut at the capacity.
  explicit SecretBuffer(Bytes bytes) : SecretBuffer(bytes.size()) {
    std::copy_n(bytes.begin(), size_, bytes_.begin());
  }
  SecretBuffer(const SecretBuffer&) = delete;
  SecretBuffer& operator=(const SecretBuffer&) = delete;
  SecretBuffer(SecretBuffer&& other) noexcept
      : bytes_(other.bytes_), size_(std::exchange(other.size_, std::uint8_t{0})) {
    wipe(other.bytes_);
  }
  SecretBuffer& operator=(SecretBuffer&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      size_ = std::exchange(other.size_, std::uint8_t{0});
      wipe(other.bytes_);
    }
    return *this;
  }
  ~SecretBuffer() { wipe(bytes_); }

  [[nodiscard]] SecretBuffer copy() const { return SecretBuffer(view()); }
  [[nodiscard]] Bytes view() const { return Bytes(bytes_).first(size_); }
  [[nodiscard]] std::span<std::byte> writable() { return std::span(bytes_).first(size_); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

 private:
  static_assert(Capacity <= UINT8_MAX);
  std::array<std::byte, Capacity> bytes_{};
  std::uint8_t size_ = 0;
};

// A secret of a key schedule: as long as SHA-384's digest, or as TLS 1.2's master secret.
using Secret = SecretBuffer<48>;
// What a key agreement gives: a coordinate, or the two halves of a hybrid.
using SharedSecret = SecretBuffer<64>;

}  // namespace dtls::crypto
