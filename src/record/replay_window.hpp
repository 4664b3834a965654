// ReplayWindow: which sequence numbers of one epoch have been seen (RFC 6347 §4.1.2.6).
#pragma once

#include <cstdint>
#include <optional>

namespace dtls::record {

// ReplayWindow remembers the highest number that was accepted and which of the 127 before it were.
// Ask `accepts` first; tell `update` only after the record proved authentic, so that forged
// numbers never move the window.
class ReplayWindow {
 public:
  static constexpr std::uint64_t kWidth = 128;  // RFC 6347 §4.1.2.6: at least 32, better 64

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
    if (by >= kWidth) {
      seen_[0] = seen_[1] = 0;
    } else if (by >= 64) {
      seen_[1] = seen_[0] << (by - 64);
      seen_[0] = 0;
    } else {
      seen_[1] = seen_[1] << by | seen_[0] >> (64 - by);
      seen_[0] <<= by;
    }
  }

  std::uint64_t next_ = 0;
  std::uint64_t seen_[2] = {0, 0};  // bit i: next_ - 1 - i was seen
};

}  // namespace dtls::record
