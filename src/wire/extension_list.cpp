#include "wire/extension_list.hpp"

#include <bitset>

namespace dtls::wire {

Extension read_extension(Reader& reader) {
  const auto type = static_cast<ExtensionType>(reader.u16());
  return {type, reader.vector16(0, kMaxVector16)};
}

std::optional<ExtensionList> ExtensionList::parse(Bytes bytes) {
  if (!ListView::parse(bytes)) {
    return std::nullopt;
  }
  return ExtensionList(bytes);
}

std::optional<Bytes> ExtensionList::find(ExtensionType type) const {
  for (const Extension extension : *this) {
    if (extension.type == type) {
      return extension.content;
    }
  }
  return std::nullopt;
}

bool ExtensionList::has_duplicate() const {
  // A bit for every number that there is, 8 KiB: 16,000 extensions of a hostile hello take no
  // longer, each, than ten of an honest one.
  std::bitset<1U << 16U> seen;
  for (const Extension extension : *this) {
    const auto type = static_cast<std::size_t>(extension.type);
    if (seen[type]) {
      return true;
    }
    seen[type] = true;
  }
  return false;
}

std::optional<ExtensionType> ExtensionList::last() const {
  std::optional<ExtensionType> type;
  for (const Extension extension : *this) {
    type = extension.type;
  }
  return type;
}

ExtensionList read_extension_list(Reader& reader, std::size_t min, std::size_t max) {
  const auto list = ExtensionList::parse(reader.vector16(min, max));
  if (!list) {
    reader.fail();
    return {};
  }
  return *list;
}

Writer::VectorMark begin_extension(Writer& writer, ExtensionType type) {
  writer.u16(static_cast<std::uint16_t>(type));
  return writer.begin_vector16();
}

void write_extension(Writer& writer, ExtensionType type, Bytes content) {
  writer.u16(static_cast<std::uint16_t>(type));
  writer.vector16(content);
}

}  // namespace dtls::wire
