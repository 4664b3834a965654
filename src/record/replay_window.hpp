// ReplayWindow: which sequence numbers of one epoch have been seen (RFC 6347 §4.1.2.6).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace dtls::record {

// ReplayWindow remembers the highest number that was accepted and which of the 255 before it were.
// Ask `accepts` first; tell `update` only after the record proved authentic, so that forged
// numbers never move the window.
class ReplayWindow {
 public:
  static constexpr std::uint64_t kWidth = 256;  // RFC 6347 §4.1.2.6: at least 32, better 64

  // accepts is false for a number that was seen and for one too old to tell.
  [[nodiscard]] constexpr bool accepts(std::uint64_t sequence) const {
    if (sequence >= next_) return true;
    const std::uint64_t age = next_ - 1 - sequence;
    if (age >= kWidth) return false;
    return (seen_[age / 64] >> (age % 64) & 1U) == 0;
  }

  constexpr void update(std::uint64_t sequence) {
    if (sequence >= next_) {
      slide(sequence + 1 - next_);
      next_ = sequence + 1;
    }
    const std::uint64_t age = next_ - 1 - sequence;
    if (age < kWidth) seen_[age / 64] |= std::uint64_t{1} << (age % 64);
  }

  // next is one more than the highest number accepted; 0 before the first.
  [[nodiscard]] constexpr std::uint64_t next() const { return next_; }

 private:
  constexpr void slide(std::uint64_t by) {
    const std::uint64_t words = by / 64;
    const std::uint64_t bits = by % 64;
    for (std::size_t i = seen_.size(); i-- > 0;) {
      const std::uint64_t above = i >= words ? seen_[i - words] << bits : 0;
      const std::uint64_t below = bits != 0 && i > words ? seen_[i - words - 1] >> (64 - bits) : 0;
      seen_[i] = above | below;
    }
  }

  std::uint64_t next_ = 0;
  std::array<std::uint64_t, kWidth / 64> seen_{};  // bit i: next_ - 1 - i was seen
};

}  // namespace dtls::record
