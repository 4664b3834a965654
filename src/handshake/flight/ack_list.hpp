// AckList: which records of the peer are to be acknowledged (RFC 9147 §7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "record/record_number.hpp"

namespace dtls::handshake {

// AckList remembers the newest records whose handshake messages were processed. A record stays in
// it when it was acknowledged: that ACK may have been lost (RFC 9147 §7.1: as many as fit).
class AckList {
 public:
  // 514 bytes of ACK, and more than any usual flight has records.
  static constexpr std::size_t kMost = 32;

  void add(record::RecordNumber number);
  void clear() { *this = {}; }
  [[nodiscard]] bool empty() const { return numbers_.empty(); }

  // write gives the content of an ACK with the newest records that fit, in order (RFC 9147 §7),
  // and its size; 0 when `out` has no room for one. Where that leaves out some that no ACK has
  // named yet, has_more: the next one names the newest of those.
  std::size_t write(std::span<std::byte> out);
  [[nodiscard]] bool has_more() const { return unnamed_ > 0; }

 private:
  std::vector<record::RecordNumber> numbers_;  // oldest first
  std::size_t unnamed_ = 0;                    // how many no ACK has named yet
  std::size_t named_ = 0;                      // how many newer ones than those have been named
};

}  // namespace dtls::handshake
