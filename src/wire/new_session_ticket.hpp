// NewSessionTicket (RFC 5077 §3.3, RFC 8446 §4.6.1).
#pragma once

#include <cstdint>
#include <optional>

#include "wire/extension_list.hpp"

namespace dtls::wire {

// DTLS 1.2. An empty ticket: the server has changed its mind and issues none.
struct NewSessionTicket12 {
  std::uint32_t lifetime_hint_s = 0;  // 0: not said
  Bytes ticket;
};
std::optional<NewSessionTicket12> parse_new_session_ticket_12(Bytes body);
void write_new_session_ticket_12(Writer& writer, const NewSessionTicket12& message);

// DTLS 1.3
struct NewSessionTicket13 {
  std::uint32_t lifetime_s = 0;
  std::uint32_t age_add = 0;
  Bytes nonce;   // 0 to 255 bytes
  Bytes ticket;  // 1 byte at least
  ExtensionList extensions;
};
std::optional<NewSessionTicket13> parse_new_session_ticket_13(Bytes body);
// write_new_session_ticket_13 writes `message.extensions` too: empty for most.
void write_new_session_ticket_13(Writer& writer, const NewSessionTicket13& message);

}  // namespace dtls::wire
