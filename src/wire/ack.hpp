// ACK (RFC 9147 §7): the numbers of records that were processed or kept.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "wire/list_view.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {

struct RecordNumber {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;

  bool operator==(const RecordNumber&) const = default;
};

RecordNumber read_record_number(Reader& reader);
using RecordNumbers = ListView<RecordNumber, read_record_number>;

// parse_ack reads the content of an ACK record. An empty list is one too (RFC 9147 §7.1).
std::optional<RecordNumbers> parse_ack(Bytes content);
void write_ack(Writer& writer, std::span<const RecordNumber> numbers);

constexpr std::size_t ack_size(std::size_t count) {
  return 2 + 16 * count;
}

}  // namespace dtls::wire
