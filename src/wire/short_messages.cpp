#include "wire/short_messages.hpp"

namespace dtls::wire {

std::optional<ExtensionList> parse_encrypted_extensions(Bytes body) {
  Reader reader(body);
  const ExtensionList extensions = read_extension_list(reader);
  return reader.finished() ? std::optional(extensions) : std::nullopt;
}

std::optional<KeyUpdateRequest> parse_key_update(Bytes body) {
  Reader reader(body);
  const auto request = static_cast<KeyUpdateRequest>(reader.u8());
  return reader.finished() ? std::optional(request) : std::nullopt;
}

void write_key_update(Writer& writer, KeyUpdateRequest request) {
  writer.u8(static_cast<std::uint8_t>(request));
}

}  // namespace dtls::wire
