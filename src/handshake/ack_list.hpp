// ACKs (RFC 9147 §7): which records of the peer are to be acknowledged, and their content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "record/record_number.hpp"
#include "wire/reader.hpp"

namespace dtls::handshake {

inline constexpr std::size_t kRecordNumberSize = 16;

// AckList remembers the newest records whose handshake messages were processed. A record stays in
// it when it was acknowledged: that ACK may have been lost (RFC 9147 §7.1: as many as fit).
class AckList {
 public:
  // 514 bytes of ACK, and more than any usual flight has records.
  static constexpr std::size_t kMost = 32;

  void add(record::RecordNumber number);
  void clear() { numbers_ = {}; }
  [[nodiscard]] bool empty() const { return numbers_.empty(); }

  // write gives the content of an ACK with the newest records that fit, in order (RFC 9147 §7),
  // and its size; 0 when `out` has no room for one.
  std::size_t write(std::span<std::byte> out) const;

 private:
  std::vector<record::RecordNumber> numbers_;  // oldest first
};

// AckReader gives the record numbers in an ACK's content. Ask ok() after the last one.
class AckReader {
 public:
  explicit AckReader(wire::Bytes content);

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::optional<record::RecordNumber> next();
  // ok is false for content that is no ACK: of another length than it says, or cut short.
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  wire::Bytes rest_;
  bool ok_ = false;
};

}  // namespace dtls::handshake
