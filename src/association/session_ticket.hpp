// The inside of a client's ticket: when it may be used.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

#include "dtls/config.hpp"
#include "dtls/session_ticket.hpp"
#include "handshake/settings.hpp"

namespace dtls {

struct SessionTicket::Inside {
  // The hash of what must be the same in the handshake that resumes: see binding_of.
  using Binding = std::array<std::byte, 32>;

  Inside(handshake::Ticket came, const Binding& bound) : ticket(std::move(came)), binding(bound) {}

  const handshake::Ticket ticket;
  const Binding binding;
  std::mutex mutex;  // of what follows
  bool used = false;

  // use gives a copy of the ticket, if it may be used: with `must_verify` only where the server was
  // verified in that session, because nothing is verified in a resumed one. A ticket of DTLS 1.3 is
  // used once: who sees it twice learns that it is the same client (RFC 8446 §C.4).
  std::optional<handshake::Ticket> use(const Binding& wanted, bool must_verify);
};

namespace association {

// binding_of hashes what decides whether the server that is asked now is the one that was verified
// then, and whether it would know us as the same: name, trust, client certificate, pre-shared key;
// and the address, where nothing else tells servers apart.
SessionTicket::Inside::Binding binding_of(const ClientConfig& config);
SessionTicket::Inside::Binding bind_to_peer(const SessionTicket::Inside::Binding& binding,
                                            const Address& peer);

}  // namespace association
}  // namespace dtls
