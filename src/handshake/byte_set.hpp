// ByteSet: which bytes of a message have arrived, or were acknowledged.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace dtls::handshake {

struct ByteRange {
  std::size_t begin = 0;
  std::size_t end = 0;

  [[nodiscard]] bool empty() const { return begin >= end; }
};

// ByteSet counts from the front, and takes a bit per byte only once there is a gap: what comes in
// order, as almost everything does, costs nothing.
class ByteSet {
 public:
  ByteSet() = default;
  explicit ByteSet(std::size_t size) : size_(size) {}

  [[nodiscard]] bool complete() const { return prefix_ == size_; }
  // prefix is the number of bytes from the front without a gap.
  [[nodiscard]] std::size_t prefix() const { return prefix_; }

  // add takes a range; what lies beyond the size is cut off.
  void add(ByteRange range) {
    const std::size_t end = std::min(range.end, size_);
    const std::size_t begin = std::max(range.begin, prefix_);
    if (begin >= end) return;
    if (begin == prefix_) {
      prefix_ = end;
    } else {
      if (bits_.empty()) bits_.resize(size_);
      std::fill(bits_.begin() + offset(begin), bits_.begin() + offset(end), true);
    }
    if (bits_.empty()) return;
    prefix_ = offset_of(false, prefix_);
    if (complete()) bits_ = {};
  }

  // next_missing gives the first range at or after `from` that is not in the set; empty: none.
  [[nodiscard]] ByteRange next_missing(std::size_t from) const {
    const std::size_t begin = std::max(from, prefix_);
    if (begin >= size_ || bits_.empty()) return {.begin = begin, .end = size_};
    const std::size_t first = offset_of(false, begin);
    return {.begin = first, .end = offset_of(true, first)};
  }

 private:
  static std::ptrdiff_t offset(std::size_t index) { return static_cast<std::ptrdiff_t>(index); }
  [[nodiscard]] std::size_t offset_of(bool value, std::size_t from) const {
    const auto found = std::find(bits_.begin() + offset(from), bits_.end(), value);
    return static_cast<std::size_t>(found - bits_.begin());
  }

  std::size_t size_ = 0;
  std::size_t prefix_ = 0;
  std::vector<bool> bits_;  // empty, or size_: bytes beyond the prefix
};

}  // namespace dtls::handshake
