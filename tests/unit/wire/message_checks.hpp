// Every parser of src/wire with what must hold for whatever it accepts: for tests and the fuzzer.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "wire/reader.hpp"

namespace dtls::wire::test {

// MessageCheck parses the bytes, walks through all that the result points to, and, where there is
// one way only to say the same thing, writes it again. False: refused. Throws std::logic_error
// when a view leads out of the bytes, or what was written is not what was read.
struct MessageCheck {
  std::string_view name;
  bool (*accepts)(Bytes bytes);
};

// The files of the fuzzer's corpus begin with the number of a check: that of a message is its place
// in the first list, that of an extension's content its place in the second, plus kExtensionChecks.
// New ones go to the end.
std::span<const MessageCheck> message_checks();
std::span<const MessageCheck> extension_checks();
inline constexpr std::size_t kExtensionChecks = 0x80;

// MessageSample is something that a check accepts.
struct MessageSample {
  std::string_view name;
  std::string_view check;
  std::vector<std::byte> bytes;
  // The one size to which it can be cut and still be accepted, that without extensions; 0: none.
  std::size_t bare_size = 0;
};

std::vector<MessageSample> message_samples();

}  // namespace dtls::wire::test
