// RecordNumber: which record of an association it is.
#pragma once

#include <cstdint>

#include "wire/ack.hpp"

namespace dtls::record {

using wire::RecordNumber;

inline constexpr std::uint64_t kMaxSequence = (std::uint64_t{1} << 48U) - 1;  // RFC 6347 §4.1

}  // namespace dtls::record
