// Why a session failed, in words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dtls/address.hpp"
#include "dtls/error.hpp"
#include "dtls/time.hpp"

namespace dtls::session {

// The last alerts seen in each direction (RFC 5246 §7.2).
struct AlertTrace {
  std::optional<std::uint8_t> sent;
  std::optional<std::uint8_t> received;
};

// explain_failure empties this thread's OpenSSL error queue into an Error that says who is to
// blame. `rejection` tells why a certificate was not accepted, empty if none was rejected.
Error explain_failure(const Address& peer, const AlertTrace& alerts, const std::string& rejection);

// renegotiation_insisted is the Error of a peer that does without the association rather than
// without the renegotiation that we have refused.
Error renegotiation_insisted(const Address& peer, std::uint8_t alert);

// handshake_timed_out is the Error of a handshake that lasted too long.
Error handshake_timed_out(const Address& peer, Duration patience, bool heard_from_peer);

// renegotiation_refused is the Error of a client whose peer answers no_renegotiation: libssl cannot
// go back to where it was.
Error renegotiation_refused(const Address& peer);

}  // namespace dtls::session
