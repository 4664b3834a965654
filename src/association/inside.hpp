// The inside of Context: what all its sessions share.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "association/host_identities.hpp"
#include "association/session_ticket.hpp"
#include "crypto/owned.hpp"
#include "dtls/session.hpp"
#include "handshake/settings.hpp"

namespace dtls {

namespace association {
class KeyLog;

// PeerRule says what becomes of the peer's certificate.
struct PeerRule {
  bool asks = false;     // it is asked for and checked at all
  bool enforce = false;  // a rejected one ends the handshake
};
}  // namespace association

struct Context::Inside {
  std::shared_ptr<const handshake::Settings> settings;
  association::PeerRule peer_rule;  // where no host's identity has one of its own
  Duration handshake_timeout{};
  bool select_by_address = false;
  std::shared_ptr<association::KeyLog> key_log;  // null: none is kept
  PskCallback psk_callback;                      // empty: there is none

  // Server
  std::unique_ptr<association::HostIdentities> hosts;
  std::map<std::string, Psk, std::less<>> psks;  // by identity

  // Client
  std::string server_name;  // checked and, unless an IP literal, sent as SNI
  std::shared_ptr<const handshake::Identity> identity;  // null: none
  crypto::OwnedStore trust;
  std::optional<Psk> psk;
  bool requires_psk = false;  // a server that shows a certificate instead is refused
  std::optional<SessionTicket> ticket;
  SessionTicket::Inside::Binding ticket_binding{};  // without the peer's address
  [[nodiscard]] SessionTicket::Inside::Binding binding_for(const Address& peer) const {
    return server_name.empty() ? association::bind_to_peer(ticket_binding, peer) : ticket_binding;
  }
};

}  // namespace dtls
