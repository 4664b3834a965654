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

// IdentityConfig is a certificate with its private key, as PEM text: RSA, ECDSA P-256 or P-384, for
// clients also Ed25519 (OpenSSL cannot serve DTLS 1.2 with it).
struct IdentityConfig {
  std::string cert;    // PEM: leaf first, then intermediates; may contain the private key too
  std::string key;     // PEM, PKCS#8 or traditional; empty: the key is looked for in `cert`
  std::string passwd;  // of an encrypted key; empty: none

  [[nodiscard]] bool empty() const { return cert.empty() && key.empty(); }
};

// HostIdentityConfig is what a server shows to clients that ask for one host name (server_name
// extension, RFC 6066 §3); see Context::add_identity.
struct HostIdentityConfig {
  // "example.org", or "*.example.org" for every name with exactly one label more (RFC 6125 §6.4.3).
  // Upper and lower case are the same; other than ASCII letters only as an A-label, "xn--...".
  std::string host;
  IdentityConfig identity;  // required
  // PEM; when set, clients that ask for this name must show a certificate that leads to it. Empty:
  // ServerConfig::ca holds for them as for everybody else.
  std::string ca;
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
  // To clients that send no server name, show the certificate (`identity`, or one that was added)
  // whose subjectAltName has as iPAddress the local address they have sent to, if there is one.
  bool select_by_address = false;
  // Take part in renegotiations, with RFC 5746 only, and at most 3 that the peer began in 10
  // minutes. What is refused is answered with no_renegotiation, and the association lives on.
  bool renegotiate = false;
  // The path of a file to which the secrets of every handshake are appended, one line each (NSS key
  // log format), for Wireshark and its kin. Whoever can read the file can read all the traffic:
  // never outside a test. Empty: off. It is made with mode 0600.
  std::string key_log_file;
};

// ClientConfig. Verification is on by default here; the JavaScript module, whose page
// says otherwise, turns it off unless asked.
struct ClientConfig {
  bool verify = true;  // end the handshake when the server's certificate is not accepted
  bool load_system_trust = false;  // trust the system's store as well
  std::string ca;                  // PEM
  std::string server_name;  // checked against the certificate; sent as SNI unless an IP literal
                            // (RFC 6066 §3); a name beyond ASCII as its A-label, "xn--..."
  IdentityConfig identity;  // optional client certificate
  Duration handshake_timeout = kDefaultHandshakeTimeout;
  Duration first_retransmission{1000};
  std::size_t receive_queue = std::size_t{256} * 1024;
  bool renegotiate = false;  // as ServerConfig's
  std::string key_log_file;  // as ServerConfig's: gives the traffic away
};

}  // namespace dtls
