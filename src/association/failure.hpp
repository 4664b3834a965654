// Why a session failed, in words.
#pragma once

#include <string>

#include "dtls/address.hpp"
#include "dtls/error.hpp"
#include "dtls/time.hpp"

namespace dtls::association {

// name_peer completes an Error of the engine with the peer's address. The engine's errors lack
// their subject, the peer, unless they are of our own side (kSystem, kMisuse).
Error name_peer(const Address& peer, Error error);

// renegotiation_insisted is the Error of a peer that does without the association rather than
// without the renegotiation that we have refused.
Error renegotiation_insisted(const Address& peer, std::uint8_t alert);

// handshake_timed_out is the Error of a handshake that lasted too long.
//   standstill: why it did not go on, said of the peer; empty: not known
Error handshake_timed_out(const Address& peer, Duration patience, bool heard_from_peer,
                          const std::string& standstill = {});

}  // namespace dtls::association
