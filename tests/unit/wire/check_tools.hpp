// What the checks of messages and of extensions are made of (message_checks.hpp).
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "unit/wire/message_checks.hpp"
#include "wire/extension_list.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

namespace dtls::wire::test {

inline void require(bool holds, const char* what) {
  if (!holds) {
    throw std::logic_error(what);
  }
}

inline void require_inside(Bytes part, Bytes whole) {
  // std::less orders pointers of different arrays too.
  const std::less_equal<> before;
  require(part.empty() || (before(whole.data(), part.data()) &&
                           before(part.data() + part.size(), whole.data() + whole.size())),
          "a view leads out of the bytes that were parsed");
}

inline void require_inside(std::string_view part, Bytes whole) {
  require_inside(std::as_bytes(std::span(part)), whole);
}

// What `write` writes, behind its first `skip` bytes, is `bytes`.
template <typename Write>
void require_writes(Bytes bytes, std::size_t skip, const Write& write) {
  std::vector<std::byte> buffer(skip + bytes.size());
  Writer writer(buffer);
  write(writer);
  require(writer.ok(), "what was read cannot be written");
  require(writer.written() == buffer.size() &&
              std::ranges::equal(std::span(buffer).subspan(skip), bytes),
          "what was written is not what was read");
  // One byte less is too little room, and nobody writes beyond it.
  if (!buffer.empty()) {
    Writer narrow(std::span<std::byte>(buffer).first(buffer.size() - 1));
    write(narrow);
    require(!narrow.ok() && narrow.written() == 0, "a write that does not fit was not noticed");
  }
}

inline constexpr std::size_t kExtensionHead = 4;

template <typename Write>
void require_writes_extension(Bytes content, const Write& write) {
  require_writes(content, kExtensionHead, write);
}

template <typename View>
auto elements(const View& view) {
  std::vector<typename View::Iterator::value_type> found;
  for (const auto element : view) {
    found.push_back(element);
  }
  return found;
}

inline void walk(const ExtensionList& extensions, Bytes whole) {
  for (const Extension extension : extensions) {
    require_inside(extension.content, whole);
  }
  static_cast<void>(extensions.has_duplicate());
  require(extensions.last().has_value() == !extensions.empty(), "the last of none");
}

// The checks of what one function reads and one writes, and that has no further structure.
template <auto Parse, auto Write>
bool message(Bytes body) {
  const auto value = Parse(body);
  if (value) {
    require_writes(body, 0, [&](Writer& writer) { Write(writer, *value); });
  }
  return value.has_value();
}

template <auto Parse, auto Write>
bool extension(Bytes content) {
  const auto value = Parse(content);
  if (value) {
    require_writes_extension(content, [&](Writer& writer) { Write(writer, *value); });
  }
  return value.has_value();
}

template <auto Parse, auto Write>
bool list_extension(Bytes content) {
  const auto list = Parse(content);
  if (list) {
    require_writes_extension(content, [&](Writer& writer) { Write(writer, elements(*list)); });
  }
  return list.has_value();
}

}  // namespace dtls::wire::test
