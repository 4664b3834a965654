// Configuration of servers and clients. Immutable once handed over; shared by all sessions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "dtls/time.hpp"

namespace dtls {

// HandshakeTimeout bounds (inclusive) and default, in milliseconds.
inline constexpr Duration kMinHandshakeTimeout{2000};
inline constexpr Duration kMaxHandshakeTimeout{120000};
inline constexpr Duration kDefaultHandshakeTimeout{60000};

// IdentityConfig is a certificate with its private key, as PEM text.
struct IdentityConfig {
  std::string cert;    // PEM: leaf first, then intermediates; may contain the private key too
  std::string key;     // PEM, PKCS#8 or traditional; empty: the key is looked for in `cert`
  std::string passwd;  // of an encrypted key; empty: none

  [[nodiscard]] bool empty() const { return cert.empty() && key.empty(); }
};

// Limits bound what peers can make a server hold. Reasons stand beside each.
struct Limits {
  // Peers that proved their address but were not accepted yet: each holds its opening datagrams
  // (at most kOpeningBytes). Beyond it a hello is dropped; the client sends it again (RFC 6347
  // §4.2.4).
  std::size_t accept_queue = 1024;
  // Associations of one server, accepted or not. A proven address costs the attacker a round trip
  // each, the server about 50 KB each.
  std::size_t associations = 65536;
};

// ServerConfig; defaults are those of the Dtls module.
struct ServerConfig {
  std::string name;         // registers the credentials process-wide; empty: not registered
  IdentityConfig identity;  // required
  std::string ca;           // PEM; when set, a client certificate is requested and required
  Duration handshake_timeout = kDefaultHandshakeTimeout;
  Duration first_retransmission{1000};  // RFC 6347 §4.2.4.1: initial timer 1 s; doubled each time
  std::size_t receive_queue =
      std::size_t{256} * 1024;  // bytes of decrypted, unread messages per connection
  Limits limits;
};

// ClientConfig. Verification is on by default here; the JavaScript module, whose page
// says otherwise, turns it off unless asked.
struct ClientConfig {
  bool verify = true;  // end the handshake when the server's certificate is not accepted
  bool load_system_trust = false;  // trust the system's store as well
  std::string ca;                  // PEM
  std::string server_name;  // checked against the certificate; sent as SNI unless an IP literal
                            // (RFC 6066 §3)
  IdentityConfig identity;  // optional client certificate
  Duration handshake_timeout = kDefaultHandshakeTimeout;
  Duration first_retransmission{1000};
  std::size_t receive_queue = std::size_t{256} * 1024;
};

}  // namespace dtls
