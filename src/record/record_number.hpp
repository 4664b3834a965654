// RecordNumber: which record of an association it is.
#pragma once

#include <cstdint>

#include "wire/ack.hpp"

namespace dtls::record {

using wire::RecordNumber;

inline constexpr std::uint64_t kMaxSequence = (std::uint64_t{1} << 48U) - 1;  // RFC 6347 §4.1

// The epochs of DTLS 1.3 (RFC 9147 §6.1): 0 has no keys, 1 is that of early data, and each
// KeyUpdate adds one.
inline constexpr std::uint64_t kHandshakeEpoch = 2;
inline constexpr std::uint64_t kApplicationEpoch = 3;

}  // namespace dtls::record
