#include "association/failure.hpp"

#include <cerrno>

namespace dtls::association {

Error name_peer(const Address& peer, Error error) {
  const bool is_ours = error.kind == ErrorKind::kSystem || error.kind == ErrorKind::kMisuse;
  error.message = is_ours ? "the association with " + peer.text() + " failed: " + error.message
                          : "the peer at " + peer.text() + " " + error.message;
  return error;
}

Error renegotiation_insisted(const Address& peer, std::uint8_t alert) {
  return {ErrorKind::kPeer, ECONNRESET,
          "the peer at " + peer.text() +
              " ended the association because it was refused a renegotiation; set option "
              "`renegotiate` if it is to be allowed",
          alert};
}

Error handshake_timed_out(const Address& peer, Duration patience, bool heard_from_peer,
                          const std::string& standstill) {
  std::string why = "nothing came from there; check the address, and firewalls on the way";
  if (heard_from_peer) why = "the peer stopped answering half-way";
  if (!standstill.empty()) why = "the peer is there, but " + standstill;
  const std::string text = "the handshake with " + peer.text() + " did not finish within " +
                           std::to_string(patience.count()) + " ms: " + why;
  return {ErrorKind::kTimeout, ETIMEDOUT, text, {}};
}

}  // namespace dtls::association
