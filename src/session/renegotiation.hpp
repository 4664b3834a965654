// How often a peer may begin a renegotiation, and how a server asks for one.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "dtls/time.hpp"

namespace dtls::session {

// RenegotiationLimit counts the renegotiations that the peer began: each costs us a signature and a
// key agreement for one small datagram of the peer.
class RenegotiationLimit {
 public:
  static constexpr std::size_t kMost = 3;
  static constexpr Duration kWindow = std::chrono::minutes(10);

  [[nodiscard]] bool allows(TimePoint now) const {
    const auto& oldest = begun_[next_];
    return !oldest || now - *oldest >= kWindow;
  }
  void count(TimePoint now) {
    begun_[next_] = now;
    next_ = (next_ + 1) % kMost;
  }

 private:
  std::array<std::optional<TimePoint>, kMost> begun_;  // a ring
  std::size_t next_ = 0;                               // the oldest
};

// HelloRequestRepeat sends a HelloRequest until it is answered: libssl sends it once, and had it
// been lost, the message numbers of the two sides would no longer meet. Each time it is the very
// same datagram, which the peer's replay window lets through once (RFC 6347 §4.1.2.6).
class HelloRequestRepeat {
 public:
  HelloRequestRepeat(std::vector<std::byte> datagram, Duration first, TimePoint now,
                     Duration patience)
      : datagram_(std::move(datagram)), wait_(first), due_(now + first), end_(now + patience) {}

  [[nodiscard]] TimePoint due() const { return due_; }
  [[nodiscard]] bool has_ended(TimePoint now) const { return now >= end_; }
  // again gives what to send now and waits twice as long for the next time.
  [[nodiscard]] const std::vector<std::byte>& again(TimePoint now) {
    wait_ = std::min(wait_ * 2, kLongest);
    due_ = std::min(now + wait_, end_);
    return datagram_;
  }

 private:
  static constexpr Duration kLongest{60000};  // RFC 6347 §4.2.4.1

  std::vector<std::byte> datagram_;
  Duration wait_;
  TimePoint due_;
  TimePoint end_;
};

}  // namespace dtls::session
