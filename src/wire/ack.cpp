#include "wire/ack.hpp"

namespace dtls::wire {

RecordNumber read_record_number(Reader& reader) {
  const std::uint64_t epoch = reader.u64();
  return {epoch, reader.u64()};
}

std::optional<RecordNumbers> parse_ack(Bytes content) {
  Reader reader(content);
  const Bytes list = reader.vector16(0, 0xffff);
  return reader.finished() ? RecordNumbers::parse(list) : std::nullopt;
}

void write_ack(Writer& writer, std::span<const RecordNumber> numbers) {
  const auto list = writer.begin_vector16();
  for (const RecordNumber& number : numbers) {
    writer.u64(number.epoch);
    writer.u64(number.sequence);
  }
  writer.end_vector(list);
}

}  // namespace dtls::wire
