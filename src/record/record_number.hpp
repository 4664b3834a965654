// RecordNumber: which record of an association it is (RFC 9147 §4: epoch and sequence number).
#pragma once

#include <compare>
#include <cstdint>

namespace dtls::record {

inline constexpr std::uint64_t kMaxSequence = (std::uint64_t{1} << 48U) - 1;  // RFC 6347 §4.1

// RecordNumber orders as ACKs list records (RFC 9147 §7): by epoch, then by sequence number.
struct RecordNumber {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;

  friend auto operator<=>(const RecordNumber&, const RecordNumber&) = default;
};

}  // namespace dtls::record
