#include "handshake/ack_list.hpp"

#include <algorithm>

#include "wire/writer.hpp"

namespace dtls::handshake {
namespace {

constexpr std::size_t kLengthSize = 2;

void write_u64(wire::Writer& writer, std::uint64_t value) {
  writer.u16(static_cast<std::uint16_t>(value >> 48U));
  writer.u48(value & record::kMaxSequence);
}

std::uint64_t read_u64(wire::Reader& reader) {
  const std::uint64_t high = reader.u16();
  return high << 48U | reader.u48();
}

}  // namespace

void AckList::add(record::RecordNumber number) {
  if (numbers_.size() == kMost) numbers_.erase(numbers_.begin());
  numbers_.push_back(number);
}

std::size_t AckList::write(std::span<std::byte> out) const {
  if (out.size() < kLengthSize) return 0;
  const std::size_t count =
      std::min(numbers_.size(), (out.size() - kLengthSize) / kRecordNumberSize);
  if (count == 0 && !numbers_.empty()) return 0;
  std::vector<record::RecordNumber> sorted(numbers_.end() - static_cast<std::ptrdiff_t>(count),
                                           numbers_.end());
  std::sort(sorted.begin(), sorted.end());
  wire::Writer writer(out);
  writer.u16(static_cast<std::uint16_t>(count * kRecordNumberSize));
  for (const record::RecordNumber& number : sorted) {
    write_u64(writer, number.epoch);
    write_u64(writer, number.sequence);
  }
  return writer.written();
}

AckReader::AckReader(wire::Bytes content) {
  wire::Reader reader(content);
  rest_ = reader.vector16(0, 0xffff);
  ok_ = reader.finished() && rest_.size() % kRecordNumberSize == 0;
  if (!ok_) rest_ = {};
}

std::optional<record::RecordNumber> AckReader::next() {
  if (rest_.empty()) return std::nullopt;
  wire::Reader reader(rest_);
  record::RecordNumber number;
  number.epoch = read_u64(reader);
  number.sequence = read_u64(reader);
  rest_ = rest_.subspan(kRecordNumberSize);
  return number;
}

}  // namespace dtls::handshake
