#include "handshake/v13/post_handshake.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "handshake/handshake.hpp"
#include "wire/new_session_ticket.hpp"
#include "wire/short_messages.hpp"

namespace dtls::handshake {
namespace {

using wire::AlertDescription;
using wire::HandshakeType;

// A server may send several tickets; nobody needs more of one association.
constexpr std::size_t kMaxTickets = 8;

record::Protection protection(const Secrets13& secrets, const crypto::Secret& traffic) {
  return record::Protection::tls13(secrets.suite->aead, secrets.suite->hash, traffic.view());
}

}  // namespace

Step PostHandshake::on_message(Core& core, const HandshakeMessage& message) {
  // The channel gives messages of the newest epoch only (RFC 9147 §6.1).
  switch (message.type) {
    case HandshakeType::kNewSessionTicket:
      if (core.settings->is_server) break;
      return take_ticket(core, message);
    case HandshakeType::kKeyUpdate:
      return take_key_update(core, message);
    default:
      break;
  }
  return broken(AlertDescription::kUnexpectedMessage,
                "it sent a message that has no place after the handshake");
}

Step PostHandshake::take_ticket(Core& core, const HandshakeMessage& message) {
  const auto ticket = wire::parse_new_session_ticket_13(message.body);
  if (!ticket) return broken(AlertDescription::kDecodeError, "its NewSessionTicket is malformed");
  if (ticket->extensions.has_duplicate()) {
    return broken(AlertDescription::kIllegalParameter, "it sent an extension twice");
  }
  const auto& secrets = std::get<Secrets13>(core.secrets);
  if (ticket->lifetime_s == 0 || !core.settings->tickets || core.tickets.size() >= kMaxTickets) {
    return {};
  }
  SessionState state;
  state.version = wire::kDtls13;
  state.suite = core.negotiated.suite;
  state.secret = ticket_psk(secrets.suite->hash, secrets.resumption.view(), ticket->nonce);
  set_life(state, core, ticket->lifetime_s);
  state.age_add = ticket->age_add;
  state.server_name = core.decisions->server_name();
  state.alpn = core.negotiated.alpn;
  state.peer_leaf = core.peer_leaf;
  state.peer_authorized = core.peer_authorized;
  core.tickets.push_back({Buffer(ticket->ticket.begin(), ticket->ticket.end()), std::move(state)});
  return {};
}

Step PostHandshake::take_key_update(Core& core, const HandshakeMessage& message) {
  const auto request = wire::parse_key_update(message.body);
  if (!request) return broken(AlertDescription::kDecodeError, "its KeyUpdate is malformed");
  if (*request != wire::KeyUpdateRequest::kRequested &&
      *request != wire::KeyUpdateRequest::kNotRequested) {
    return broken(AlertDescription::kIllegalParameter, "its KeyUpdate asks for nothing known");
  }
  if (!message.last_in_record || core.channel.has_buffered()) {  // RFC 8446 §5.1
    return broken(AlertDescription::kUnexpectedMessage, "it sent more after its KeyUpdate");
  }
  auto& secrets = std::get<Secrets13>(core.secrets);
  secrets.read_traffic = next_traffic(secrets.suite->hash, secrets.read_traffic.view());
  core.channel.install_read(core.channel.read_epoch() + 1,
                            protection(secrets, secrets.read_traffic));
  // One of ours that crossed it is no answer, but one answer does for several requests (RFC 8446
  // §4.6.3); a second one must wait for the ACK of the first (RFC 9147 §8).
  if (*request == wire::KeyUpdateRequest::kRequested) {
    if (!can_update(core))
      return unable("the peer asked for more key updates than there are message numbers");
    if (update_) {
      owes_update_ |= !answers_;
    } else {
      send_update(core, false, true);
    }
  }
  return {};
}

bool PostHandshake::can_update(const Core& core) {
  return core.channel.next_message_out() <= std::numeric_limits<std::uint16_t>::max();
}

void PostHandshake::send_update(Core& core, bool ask_peer, bool answers) {
  std::array<std::byte, 1> body{};
  wire::Writer writer(body);
  wire::write_key_update(writer, ask_peer ? wire::KeyUpdateRequest::kRequested
                                          : wire::KeyUpdateRequest::kNotRequested);
  update_ = static_cast<std::uint16_t>(core.channel.next_message_out());
  answers_ = answers;
  core.channel.forget_round_trip();
  core.channel.begin_flight();
  core.channel.add_message(HandshakeType::kKeyUpdate, body);
  core.channel.end_flight(Channel::Then::kAwaitAck, core.now);
}

void PostHandshake::follow(Core& core) {
  if (!update_ || !core.channel.is_acked(*update_)) return;
  update_.reset();
  auto& secrets = std::get<Secrets13>(core.secrets);
  secrets.write_traffic = next_traffic(secrets.suite->hash, secrets.write_traffic.view());
  core.channel.install_write(core.channel.write_epoch() + 1,
                             protection(secrets, secrets.write_traffic));
  if (std::exchange(owes_update_, false) && can_update(core)) send_update(core, false, true);
}

}  // namespace dtls::handshake
