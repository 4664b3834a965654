#include "wire/unified_header.hpp"

namespace dtls::wire {
namespace {

constexpr unsigned kFixedBits = 0x20;
constexpr unsigned kWithId = 0x10;
constexpr unsigned kWithTwoByteSequence = 0x08;
constexpr unsigned kWithLength = 0x04;
constexpr unsigned kEpochBits = 0x03;

}  // namespace

std::optional<UnifiedRecord> read_unified_record(Reader& reader, std::size_t id_size) {
  UnifiedRecord record;
  Reader start = reader;
  const unsigned flags = reader.u8();
  if (!reader.ok() || !has_unified_header(static_cast<std::byte>(flags))) {
    return std::nullopt;
  }
  std::size_t header_size = 1;
  if ((flags & kWithId) != 0) {
    if (id_size == 0 || id_size > kMaxConnectionId) {
      return std::nullopt;
    }
    record.connection_id = reader.take(id_size);
    header_size += id_size;
  }
  record.epoch_bits = static_cast<std::uint8_t>(flags & kEpochBits);
  record.sequence_at = static_cast<std::uint16_t>(header_size);
  record.sequence_size = (flags & kWithTwoByteSequence) != 0 ? 2 : 1;
  reader.take(record.sequence_size);
  header_size += record.sequence_size;
  record.has_length = (flags & kWithLength) != 0;
  std::size_t length = reader.remaining();
  if (record.has_length) {
    length = reader.u16();
    header_size += 2;
  }
  record.ciphertext = reader.take(length);
  if (!reader.ok() || length > kMaxCiphertext13) {
    return std::nullopt;
  }
  record.header = start.take(header_size);
  return record;
}

void write_unified_header(Writer& writer, const UnifiedHeader& header) {
  const unsigned flags = kFixedBits | kWithTwoByteSequence | (header.length ? kWithLength : 0U) |
                         static_cast<unsigned>(header.epoch & kEpochBits);
  writer.u8(static_cast<std::uint8_t>(flags));
  writer.u16(static_cast<std::uint16_t>(header.sequence & 0xffffU));
  if (header.length) {
    writer.u16(*header.length);
  }
}

}  // namespace dtls::wire
