#include "wire/key_share.hpp"

namespace dtls::wire {

KeyShare read_key_share(Reader& reader) {
  const auto group = static_cast<NamedGroup>(reader.u16());
  return {group, reader.vector16(1, kMaxVector16)};
}

void write_key_share_entry(Writer& writer, const KeyShare& share) {
  writer.u16(static_cast<std::uint16_t>(share.group));
  writer.vector16(share.key_exchange);
}

std::optional<KeyShares> parse_key_shares(Bytes content) {
  Reader reader(content);
  const Bytes list = reader.vector16(0, kMaxVector16);
  return reader.finished() ? KeyShares::parse(list) : std::nullopt;
}

std::optional<KeyShare> parse_key_share(Bytes content) {
  Reader reader(content);
  const KeyShare share = read_key_share(reader);
  return reader.finished() ? std::optional(share) : std::nullopt;
}

void write_key_share(Writer& writer, const KeyShare& share) {
  const auto extension = begin_extension(writer, ExtensionType::kKeyShare);
  write_key_share_entry(writer, share);
  writer.end_vector(extension);
}

std::optional<NamedGroup> parse_requested_group(Bytes content) {
  Reader reader(content);
  const auto group = static_cast<NamedGroup>(reader.u16());
  return reader.finished() ? std::optional(group) : std::nullopt;
}

void write_requested_group(Writer& writer, NamedGroup group) {
  const auto extension = begin_extension(writer, ExtensionType::kKeyShare);
  writer.u16(static_cast<std::uint16_t>(group));
  writer.end_vector(extension);
}

}  // namespace dtls::wire
