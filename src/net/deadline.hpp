// From a timeout to a point in time, without overflow.
#pragma once

#include <algorithm>
#include <optional>

#include "dtls/time.hpp"

namespace dtls::net {

// deadline_after gives now + timeout; nullopt, for ever, also for a timeout of more than a century.
inline std::optional<TimePoint> deadline_after(TimePoint now, Timeout timeout) {
  constexpr Duration kCentury = std::chrono::hours(24 * 36'525);
  if (!timeout || *timeout > kCentury) return std::nullopt;
  return now + std::max(*timeout, Duration::zero());
}

// left_until is the inverse, rounded up: zero from the deadline on.
inline Timeout left_until(std::optional<TimePoint> deadline, TimePoint now) {
  if (!deadline) return std::nullopt;
  return std::max(std::chrono::ceil<Duration>(*deadline - now), Duration::zero());
}

}  // namespace dtls::net
