#include "wire/record_header.hpp"

namespace dtls::wire {

std::optional<Record> read_record(Reader& reader) {
  Record record;
  record.header.type = static_cast<ContentType>(reader.u8());
  record.header.version = reader.u16();
  record.header.epoch = reader.u16();
  record.header.sequence = reader.u48();
  record.header.length = reader.u16();
  if (record.header.length > kMaxCiphertext) {
    return std::nullopt;
  }
  record.fragment = reader.take(record.header.length);
  // RFC 5246 App. E.1 has servers accept any minor version in the record of a ClientHello.
  if (!reader.ok() || !is_dtls(record.header.version)) {
    return std::nullopt;
  }
  return record;
}

void write_record_header(Writer& writer, const RecordHeader& header) {
  writer.u8(static_cast<std::uint8_t>(header.type));
  writer.u16(header.version);
  writer.u16(header.epoch);
  writer.u48(header.sequence);
  writer.u16(header.length);
}

}  // namespace dtls::wire
