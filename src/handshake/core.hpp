// What an association keeps for as long as it lives: the channel, what was agreed upon, the secrets
// that later steps need. Handshakes write into it.
#pragma once

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "dtls/error.hpp"
#include "dtls/time.hpp"
#include "handshake/flight/channel.hpp"
#include "handshake/settings.hpp"
#include "handshake/suites.hpp"
#include "handshake/v12/key_schedule_12.hpp"
#include "handshake/v13/key_schedule_13.hpp"

namespace dtls::handshake {

// Failure ends an association: the alert that the peer is sent, and the Error for our own side,
// whose message is said of the peer ("offered no cipher suite that fits").
struct Failure {
  wire::AlertDescription alert{};
  Error error;
  bool is_out_of_turn = false;  // a message that has no place now: without keys it is dropped
};
// Step is the outcome of taking in one message: nothing, or why the association ends.
using Step = std::optional<Failure>;

// The peer sent what no correct implementation sends.
inline Failure broken(wire::AlertDescription alert, std::string what) {
  return {alert, {ErrorKind::kMalformed, EPROTO, "broke the protocol: " + std::move(what), {}}};
}
// Both sides are correct and have nothing in common.
inline Failure incompatible(wire::AlertDescription alert, std::string what) {
  return {alert, {ErrorKind::kIncompatible, EPROTO, std::move(what), {}}};
}
// Our own side, or libcrypto, cannot.
inline Failure unable(std::string what) {
  return {wire::AlertDescription::kInternalError, {ErrorKind::kSystem, EIO, std::move(what), {}}};
}

// Negotiated is what both sides agreed upon.
struct Negotiated {
  wire::Version version = 0;
  wire::CipherSuite suite{};
  wire::NamedGroup group{};             // 0: no key agreement, or a session of 1.2 was resumed
  wire::SignatureScheme peer_scheme{};  // with which the peer signed; 0: it did not
  bool resumed = false;
  bool retried = false;                 // 1.3: there was a HelloRetryRequest
  bool with_psk = false;                // an external PSK took the place of certificates
  bool secure_renegotiation = false;    // 1.2: the peer knows RFC 5746
  bool expects_ticket = false;          // client of 1.2: the server will send one
  std::uint16_t srtp_profile = 0;       // 0: none
  std::uint16_t peer_record_limit = 0;  // RFC 8449, in bytes of plaintext; 0: none
  std::string alpn;                     // empty: none
  std::string psk_identity;             // of an external PSK, where with_psk
  std::string server_name;              // server: what the client asked for
};

// Secrets of an established association of DTLS 1.2.
struct Secrets12 {
  const Suite* suite = nullptr;
  crypto::Secret master;
  Random client_random{};
  Random server_random{};
  VerifyData client_verify{};  // for renegotiation_info (RFC 5746 §3.1)
  VerifyData server_verify{};
  std::optional<crypto::Digest> peer_leaf;  // the hash of the peer's certificate, if it showed one
  // Client that may renegotiate: of the first handshake. libssl's server passes over a hello
  // without one and goes on with what it had of the hello before.
  Buffer cookie;
};

// Secrets of an established association of DTLS 1.3.
struct Secrets13 {
  const Suite* suite = nullptr;
  crypto::Secret read_traffic;
  crypto::Secret write_traffic;
  crypto::Secret exporter;
  crypto::Secret resumption;
};

struct Core {
  Core(std::shared_ptr<const Settings> shared, Decisions& owner)
      : settings(std::move(shared)),
        decisions(&owner),
        channel(settings->is_server, settings->channel) {}

  std::shared_ptr<const Settings> settings;
  Decisions* decisions;
  Channel channel;
  TimePoint now;
  bool is_proven = false;  // server: a cookie that was given out without memory has come back
  Negotiated negotiated;
  std::variant<std::monostate, Secrets12, Secrets13> secrets;
  // Client of 1.3 that was asked for a certificate: only what the server says to its last flight
  // tells whether it was accepted.
  bool to_be_confirmed = false;
  std::vector<Ticket> tickets;  // client: come, and not taken yet
  Buffer peer_leaf;             // client: for tickets that come later
  bool peer_authorized = false;
  TimePoint resumable_until = TimePoint::max();  // the end of what the peer was authenticated with
};

}  // namespace dtls::handshake
