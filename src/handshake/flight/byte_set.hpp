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

  // count is the number of bytes in the set.
  [[nodiscard]] std::size_t count() const { return count_; }

  [[nodiscard]] std::size_t held_bytes() const { return bits_.capacity() / 8; }

  // add takes a range; what lies beyond the size is cut off.
  void add(ByteRange range) {
    const std::size_t end = std::min(range.end, size_);
    const std::size_t begin = std::max(range.begin, prefix_);
    if (begin >= end) return;
    const std::size_t known_end = std::clamp(bits_.size(), begin, end);
    if (known_end > begin) {
      count_ -= static_cast<std::size_t>(
          std::count(bits_.begin() + offset(begin), bits_.begin() + offset(known_end), true));
    }
    count_ += end - begin;
    if (begin == prefix_) {
      prefix_ = end;
    } else {
      if (bits_.size() < end) bits_.resize(end);
      std::fill(bits_.begin() + offset(begin), bits_.begin() + offset(end), true);
    }
    if (prefix_ < bits_.size()) prefix_ = offset_of(false, prefix_);
    if (prefix_ >= bits_.size()) bits_ = {};
  }

  // next_missing gives the first range at or after `from` that is not in the set; empty: none.
  [[nodiscard]] ByteRange next_missing(std::size_t from) const {
    const std::size_t begin = std::max(from, prefix_);
    if (begin >= bits_.size()) return {.begin = begin, .end = size_};
    const std::size_t first = offset_of(false, begin);
    const std::size_t end = offset_of(true, first);
    return {.begin = first, .end = end == bits_.size() ? size_ : end};
  }

 private:
  static std::ptrdiff_t offset(std::size_t index) { return static_cast<std::ptrdiff_t>(index); }
  [[nodiscard]] std::size_t offset_of(bool value, std::size_t from) const {
    const auto found = std::find(bits_.begin() + offset(from), bits_.end(), value);
    return static_cast<std::size_t>(found - bits_.begin());
  }

  std::size_t size_ = 0;
  std::size_t prefix_ = 0;
  std::size_t count_ = 0;
  std::vector<bool> bits_;  // bytes beyond the prefix, up to the last that is in the set
};

}  // namespace dtls::handshake
