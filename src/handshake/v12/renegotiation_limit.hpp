// How often a peer may begin a renegotiation.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "dtls/time.hpp"

namespace dtls::handshake {

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

}  // namespace dtls::handshake
