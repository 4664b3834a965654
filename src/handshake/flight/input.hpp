// What a Channel gives to the state machine that drives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "wire/alert.hpp"
#include "wire/handshake_header.hpp"
#include "wire/numbers.hpp"
#include "wire/reader.hpp"

namespace dtls::handshake {

// A whole handshake message, in order: every message_seq once. `raw` and `body` are valid until the
// next call of Channel::next, receive or shrink.
struct HandshakeMessage {
  wire::HandshakeType type{};  // as received: may be a value that HandshakeType does not name
  std::uint16_t seq = 0;
  std::uint64_t epoch = 0;  // of the records that carried it
  wire::Bytes raw;          // 12 bytes of header as if it were one fragment, then the body
  wire::Bytes body;
  // Nothing of a later message came in a record of this one: keys may change after it
  // (RFC 8446 §5.1). See also Channel::has_buffered.
  bool last_in_record = true;
};

struct ChangeCipherSpec {};

struct AlertIn {
  wire::Alert alert;
  std::uint64_t epoch = 0;  // 0: anybody may have sent it
};

struct ApplicationData {
  std::span<std::byte> content;  // in the datagram given to receive
  std::uint64_t epoch = 0;
};

// The peer breaks the protocol: `alert` is what it is to be told.
struct Fatal {
  wire::AlertDescription alert{};
  const char* what = "";  // for a log, in words
};

using Input = std::variant<HandshakeMessage, ChangeCipherSpec, AlertIn, ApplicationData, Fatal>;

}  // namespace dtls::handshake
