// The inside of Context: what all its sessions share.
#pragma once

#include <memory>
#include <string>

#include "crypto/owned.hpp"
#include "dtls/session.hpp"
#include "handshake/settings.hpp"
#include "session/host_identities.hpp"

namespace dtls {

namespace session {
class KeyLog;

// PeerRule says what becomes of the peer's certificate.
struct PeerRule {
  bool asks = false;     // it is asked for and checked at all
  bool enforce = false;  // a rejected one ends the handshake
};
}  // namespace session

struct Context::Inside {
  std::shared_ptr<const handshake::Settings> settings;
  session::PeerRule peer_rule;  // where no host's identity has one of its own
  Duration handshake_timeout{};
  bool select_by_address = false;
  std::shared_ptr<session::KeyLog> key_log;  // null: none is kept

  // Server
  std::unique_ptr<session::HostIdentities> hosts;

  // Client
  std::string server_name;  // checked and, unless an IP literal, sent as SNI
  std::shared_ptr<const handshake::Identity> identity;  // null: none
  crypto::OwnedStore trust;
};

}  // namespace dtls
