// The key shares that a ClientHello of DTLS 1.3 offers (RFC 8446 §4.2.8), as a server takes them.
#pragma once

#include <optional>

#include "crypto/key_share.hpp"
#include "handshake/core.hpp"
#include "handshake/hello/received_hello.hpp"

namespace dtls::handshake {

// A client that has a key ready for every group in use needs a dozen. More is nobody's hello, and
// each is looked at several times.
inline constexpr std::size_t kMaxOfferedShares = 32;

// check_offered_shares: each of a group that is offered, in the order of supported_groups, none
// twice. Linear in the size of both lists. A hello without the extension is fine.
Step check_offered_shares(const ReceivedHello& hello);

// check_retried_share: the second hello has the one key that was asked for (RFC 8446 §4.2.8).
Step check_retried_share(const ReceivedHello& hello, crypto::Group asked);

// share_of gives the client's public key of that group; nullopt where it has sent none.
std::optional<Bytes> share_of(const ReceivedHello& hello, crypto::Group group);

}  // namespace dtls::handshake
