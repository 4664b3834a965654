// Time as the library uses it: a monotonic clock that callers hand in.
#pragma once

#include <chrono>
#include <optional>

#include "dtls/require_cpp20.hpp"

namespace dtls {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = std::chrono::milliseconds;

// Timeout of a blocking call: nullopt waits for ever, zero does not wait at all.
using Timeout = std::optional<Duration>;

}  // namespace dtls
