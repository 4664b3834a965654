// Extensions (RFC 8446 §4.2): a list of numbers, each with bytes that only it understands.
//
// For all codecs of extensions in this folder: parse_x takes the content, as ExtensionList gives
// it; write_x appends the whole extension, with its type and length.
#pragma once

#include <optional>

#include "wire/list_view.hpp"
#include "wire/numbers.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {

inline constexpr std::size_t kMaxVector8 = 0xff;
inline constexpr std::size_t kMaxVector16 = 0xffff;
inline constexpr std::size_t kMaxVector24 = 0xffffff;

struct Extension {
  ExtensionType type{};  // as received: may be a value that ExtensionType does not name
  Bytes content;
};

Extension read_extension(Reader& reader);

// ExtensionList is a view: valid as long as the bytes that it was parsed from.
class ExtensionList : public ListView<Extension, read_extension> {
 public:
  constexpr ExtensionList() = default;
  constexpr explicit ExtensionList(Bytes bytes) : ListView(bytes) {}

  // parse accepts whole extensions to the last byte, none is fine too; without a length in front.
  static std::optional<ExtensionList> parse(Bytes bytes);

  // find gives the content of the first extension of that type; nullopt if absent.
  [[nodiscard]] std::optional<Bytes> find(ExtensionType type) const;
  [[nodiscard]] bool has(ExtensionType type) const { return find(type).has_value(); }
  // has_duplicate: two of the same type end a handshake (RFC 8446 §4.2). Takes linear time.
  [[nodiscard]] bool has_duplicate() const;
  // last gives the type of the last extension: where pre_shared_key must be (RFC 8446 §4.2.11).
  [[nodiscard]] std::optional<ExtensionType> last() const;
};

// read_extension_list takes a list with its length in front; parts of messages end in one.
ExtensionList read_extension_list(Reader& reader, std::size_t min = 0,
                                  std::size_t max = kMaxVector16);

// begin_extension writes the type and leaves room for the length; Writer::end_vector ends it.
[[nodiscard]] Writer::VectorMark begin_extension(Writer& writer, ExtensionType type);
// write_extension appends an extension whose content is those bytes; without any it is the empty
// one, which is all that extended_master_secret is (RFC 7627 §5.1), and the server's answer to
// server_name (RFC 6066 §3).
void write_extension(Writer& writer, ExtensionType type, Bytes content = {});

}  // namespace dtls::wire
