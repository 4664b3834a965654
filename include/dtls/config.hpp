// Configuration of servers and clients. Immutable once handed over; shared by all sessions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dtls/address.hpp"
#include "dtls/negotiated.hpp"
#include "dtls/psk.hpp"
#include "dtls/session_ticket.hpp"
#include "dtls/time.hpp"

namespace dtls {

// The bounds (inclusive) that the Dtls module has for a handshake's time, and the default. Here it
// may be anything above 0 ms, up to 24 hours.
inline constexpr Duration kMinHandshakeTimeout{2000};
inline constexpr Duration kMaxHandshakeTimeout{120000};
inline constexpr Duration kDefaultHandshakeTimeout{60000};

// Versions bounds what is negotiated; the newest that both sides know is spoken.
struct Versions {
  ProtocolVersion min = ProtocolVersion::kDtls12;
  // nullopt: the newest. Where `renegotiate` is on that is DTLS 1.2: 1.3 has no renegotiation.
  std::optional<ProtocolVersion> max;
};

// PskKeyExchange says how the keys of DTLS 1.3 follow from a pre-shared key or a ticket (RFC 8446
// §4.2.9). psk_ke spares both sides the key agreement, which is most of the work of such a
// handshake and more than many small devices can do in a second. It has no forward secrecy: whoever
// learns the pre-shared key, the ticket's key or a client's ticket secret, at any later time, can
// decrypt what was recorded of the association.
enum class PskKeyExchange : std::uint8_t {
  kWithDhe,  // psk_dhe_ke: both sides agree on fresh keys as well
  kEither,   // psk_ke too; the server takes psk_dhe_ke where the client offers both
  kAlone,    // psk_ke alone. A server that knows neither key nor ticket asks a client for a key
             // share, which costs a round trip; where it cannot, the handshake fails.
};

// IdentityConfig is a certificate with its private key, as PEM text: RSA, ECDSA P-256 or P-384,
// or Ed25519.
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

// Limits bound what peers can make a server hold. At a limit the server makes room for a peer that
// has proven its address:
//   - at a limit of unfinished handshakes, the oldest one ends: of the address whose unfinished
//     handshakes take the most memory, at once if that has more of them than the newcomer's
//     address, else when it is a second old;
//   - at the limit of the accept queue, the opening that has waited longest is dropped, of the
//     address with the most openings, on the same conditions;
//   - at a limit of associations, the longest idle one ends, of the address with the most, if no
//     message has gone either way for a minute; else an unfinished handshake, as above.
// The connection that ends fails with ECONNABORTED; see Server::counters. Where none may end, the
// hello is dropped: the client sends it again (RFC 6347 §4.2.4) and gets in once there is room. An
// address is an IPv4 address, or the first 64 bits of an IPv6 one. Connections that were handed to
// another thread (Connection::fly_away) no longer count.
struct Limits {
  // Peers that proved their address but were not accepted yet: each holds its opening datagrams.
  std::size_t accept_queue = 1024;
  // Associations of one server, accepted or not. A proven address costs the attacker a round trip
  // each, the server 2 KiB each when the handshake has ended, and more while it lasts.
  std::size_t associations = 65536;
  // Of those, the ones whose handshake has not finished: it may last for handshake_timeout.
  std::size_t half_open = 8192;
  // Memory in bytes that the unfinished handshakes together take for what their peers have sent
  // and what has not been read yet; each counts as 10 KiB at least.
  std::size_t half_open_bytes = std::size_t{128} * 1024 * 1024;
  // The same for one address, behind which there may be a whole network (NAT). It holds at most 16
  // times as many associations as are free, too, so the last places are for other addresses.
  std::size_t associations_per_address = 16384;
  std::size_t half_open_per_address = 2048;
};

// ServerConfig; defaults are those of the Dtls module.
struct ServerConfig {
  // name makes the server's connections movable between threads, and between processes that have a
  // server of that name: see Connection::fly_away. Empty: they are not.
  std::string name;
  IdentityConfig identity;  // required, unless there is a PSK: then only those may be used
  std::string ca;           // PEM; when set, a client certificate is requested and required, but
                            // of clients that have a PSK
  Duration handshake_timeout = kDefaultHandshakeTimeout;
  Duration first_retransmission{1000};  // RFC 6347 §4.2.4.1: initial timer 1 s; doubled each time
  // The UDP payload of the largest datagram that a handshake sends, in bytes: 64 to 65507. For a
  // path that is known: less than a narrow one carries saves the seconds in which the handshake
  // finds out by itself, more has fewer datagrams on a wide one. No datagram exceeds kMaxDatagram.
  // A server that keeps no state does not cut its request for a cookie, which has 60 bytes in DTLS
  // 1.2 and up to 152 in 1.3. Messages are sent whole, whatever this says.
  std::uint16_t mtu = 1232;
  // Bytes of decrypted, unread messages for which a connection is read on. At that limit further
  // datagrams wait in the kernel, in the socket's receive buffer. Connections that share the
  // server's socket (see Connection::descriptor) are read on for the sake of the other peers, but
  // one batch of datagrams in each turn of the loop; at four times the limit messages are dropped.
  std::size_t receive_queue = std::size_t{256} * 1024;
  Limits limits;
  Versions versions;
  // cookie_secret: 32 random bytes from which the cookies' secrets are derived (RFC 6347 §4.2.1),
  // the same for all processes of a machine among which descriptors are handed over. Empty: a
  // random one of this process, the same for all its servers of one name.
  std::string cookie_secret;
  // Whether a server on an IPv6 wildcard address leaves IPv4 to others (IPV6_V6ONLY; see also
  // SocketOptions). nullopt: as the system has it (net.ipv6.bindv6only).
  std::optional<bool> ipv6_only;
  // To clients that send no server name, show the certificate (`identity`, or one that was added)
  // whose subjectAltName has as iPAddress the local address they have sent to, if there is one.
  bool select_by_address = false;
  // Take part in renegotiations, with RFC 5746 only, and at most 3 that the peer began in 10
  // minutes. What is refused is answered with no_renegotiation, and the association lives on.
  bool renegotiate = false;
  // The path of a file to which the secrets of every handshake are appended, one line each (NSS key
  // log format), for Wireshark and its kin. Whoever can read the file can read all the traffic:
  // never outside a test. Empty: off. It is made with mode 0600. A symbolic link (ELOOP), anything
  // but a regular file (EINVAL), and a file of another user or with another mode (EACCES) are
  // refused.
  std::string key_log_file;
  // Application protocols (RFC 7301), the best first: each 1 to 255 bytes, together, with a byte
  // for each, at most 512. A client that offers some and none of these is refused with
  // no_application_protocol; one that offers none is served without. Empty: not negotiated.
  std::vector<std::string> alpn;
  // Pre-shared keys. With either of these, cipher suites with a PSK are spoken, and come before
  // those with certificates. `psks` is looked through first; the callback must be safe to call from
  // every thread that has connections of the server.
  std::vector<Psk> psks;
  PskCallback psk_callback;
  // Whether AES-CCM is spoken as well, after all other ciphers: for small devices. Among these
  // suites are those of CCM-8, whose tag of 8 bytes is easier to forge: after 2^7 forgeries in DTLS
  // 1.3, 2^20 in 1.2, the association ends (RFC 9147 §4.5.3).
  bool ccm_suites = false;
  // Profiles of SRTP (RFC 5764), the best first; empty: not negotiated. None in common is no
  // failure: see Negotiated. The keys come of export_keying_material("EXTRACTOR-dtls_srtp").
  std::vector<SrtpProfile> srtp_profiles;
  // Whether clients get tickets to resume their sessions with (RFC 5077, RFC 8446 §4.6.1).
  bool tickets = true;
  PskKeyExchange psk_key_exchange = PskKeyExchange::kWithDhe;
  // The most bytes of a record that the peer may send (RFC 8449 §4): 64 to 16384, or 0: no limit
  // is told. In DTLS 1.3 one of them is the content type, so messages have one byte less.
  std::uint16_t record_size_limit = 0;
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
  Versions versions;
  std::optional<Address> local;  // to send from; port 0: any. nullopt: the system chooses
  Duration handshake_timeout = kDefaultHandshakeTimeout;
  // Less, but 100 ms at least, once the cookie has told the round trip (RFC 9147 §5.8.2).
  Duration first_retransmission{1000};
  std::uint16_t mtu = 1232;  // as ServerConfig's
  std::size_t receive_queue = std::size_t{256} * 1024;
  bool renegotiate = false;  // as ServerConfig's
  std::string key_log_file;  // as ServerConfig's: gives the traffic away
  // Application protocols to offer, as ServerConfig's. A server that knows none of them may ignore
  // the offer: see Negotiated::alpn.
  std::vector<std::string> alpn;
  // A pre-shared key to offer, or who is asked for one. Then the server must use it, unless it can
  // be verified by its certificate: with `verify` off, a certificate proves nothing.
  std::optional<Psk> psk;
  PskCallback psk_callback;
  bool ccm_suites = false;                 // as ServerConfig's
  std::vector<SrtpProfile> srtp_profiles;  // as ServerConfig's
  // Whether the server is asked for tickets: see Session::take_ticket.
  bool tickets = false;
  // A ticket of an earlier session, which is resumed if the server still knows it: else there is a
  // full handshake. It is not used, also, where server name, trust, `verify`, client certificate,
  // pre-shared key or (where there is no server name) the server's address are others than in that
  // session, where it has expired, and, in DTLS 1.3, a second time (RFC 8446 §C.4) or beside a
  // pre-shared key, which does as well; nor where it does not fit the ClientHello's datagram
  // (`mtu`, or 1232 bytes if that is less), because many servers drop a ClientHello of several
  // fragments. Having one asks for the next.
  std::optional<SessionTicket> session;
  PskKeyExchange psk_key_exchange = PskKeyExchange::kWithDhe;
  std::uint16_t record_size_limit = 0;  // as ServerConfig's
};

}  // namespace dtls
