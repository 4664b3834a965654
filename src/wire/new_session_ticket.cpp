#include "wire/new_session_ticket.hpp"

namespace dtls::wire {

std::optional<NewSessionTicket12> parse_new_session_ticket_12(Bytes body) {
  NewSessionTicket12 message;
  Reader reader(body);
  message.lifetime_hint_s = reader.u32();
  message.ticket = reader.vector16(0, kMaxVector16);
  return reader.finished() ? std::optional(message) : std::nullopt;
}

void write_new_session_ticket_12(Writer& writer, const NewSessionTicket12& message) {
  writer.u32(message.lifetime_hint_s);
  writer.vector16(message.ticket);
}

std::optional<NewSessionTicket13> parse_new_session_ticket_13(Bytes body) {
  NewSessionTicket13 message;
  Reader reader(body);
  message.lifetime_s = reader.u32();
  message.age_add = reader.u32();
  message.nonce = reader.vector8(0, kMaxVector8);
  message.ticket = reader.vector16(1, kMaxVector16);
  message.extensions = read_extension_list(reader, 0, kMaxVector16 - 1);
  return reader.finished() ? std::optional(message) : std::nullopt;
}

void write_new_session_ticket_13(Writer& writer, const NewSessionTicket13& message) {
  writer.u32(message.lifetime_s);
  writer.u32(message.age_add);
  writer.vector8(message.nonce);
  writer.vector16(message.ticket);
  writer.vector16(message.extensions.bytes());
}

}  // namespace dtls::wire
