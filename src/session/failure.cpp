#include "session/failure.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

#include "credentials/openssl_errors.hpp"

namespace dtls::session {
namespace {

Error from_peers_alert(const std::string& peer, std::uint8_t alert) {
  std::string message =
      peer + " ended the association with the alert \"" + SSL_alert_desc_string_long(alert) + "\"";
  switch (alert) {
    case SSL_AD_UNKNOWN_CA:
      message += ": it does not trust the authority that issued our certificate";
      break;
    case SSL_AD_HANDSHAKE_FAILURE:
      message += ": most often no cipher suite in common, or a client certificate is required";
      break;
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
      message += ": it did not accept our certificate";
      break;
    case SSL_AD_PROTOCOL_VERSION:
      message += ": it does not speak DTLS 1.2";
      break;
    default:
      break;
  }
  return {ErrorKind::kPeer, ECONNRESET, std::move(message), alert};
}

}  // namespace

Error explain_failure(const Address& peer_address, const AlertTrace& alerts,
                      const std::string& rejection) {
  const std::string peer = "the peer at " + peer_address.text();
  const unsigned long code = ERR_peek_last_error();
  const int reason = ERR_GET_LIB(code) == ERR_LIB_SSL ? ERR_GET_REASON(code) : 0;
  const std::string text = credentials::take_error_text();

  if (alerts.received && !alerts.sent) return from_peers_alert(peer, *alerts.received);
  switch (reason) {
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return {
          ErrorKind::kUntrusted, EACCES,
          rejection.empty() ? peer + ": its certificate was not accepted" : peer + ": " + rejection,
          alerts.sent};
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {ErrorKind::kUntrusted, EACCES,
              peer + " sent no certificate, but option `ca` requires a client certificate",
              alerts.sent};
    case SSL_R_NO_RENEGOTIATION:
      return renegotiation_refused(peer_address);
    case SSL_R_NO_SHARED_CIPHER:
      return {ErrorKind::kIncompatible, EPROTO,
              peer +
                  " offered no cipher suite that fits: we take ECDHE with AES-GCM, AES-CCM or "
                  "ChaCha20-Poly1305, signed by the kind of key our certificate has",
              alerts.sent};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_WRONG_VERSION_NUMBER:
      return {ErrorKind::kIncompatible, EPROTO, peer + " does not speak DTLS 1.2", alerts.sent};
    case SSL_R_READ_TIMEOUT_EXPIRED:  // libssl's own bound: 12 retransmissions of one flight
      return {ErrorKind::kTimeout, ETIMEDOUT,
              peer + " stopped answering: what we sent it was repeated too often", alerts.sent};
    default:
      return {ErrorKind::kMalformed, EPROTO, peer + " broke the protocol: " + text, alerts.sent};
  }
}

Error renegotiation_insisted(const Address& peer, std::uint8_t alert) {
  return {ErrorKind::kPeer, ECONNRESET,
          "the peer at " + peer.text() +
              " ended the association because it was refused a renegotiation; set option "
              "`renegotiate` if it is to be allowed",
          alert};
}

Error handshake_timed_out(const Address& peer, Duration patience, bool heard_from_peer) {
  const std::string text =
      "the handshake with " + peer.text() + " did not finish within " +
      std::to_string(patience.count()) + " ms: " +
      (heard_from_peer ? "the peer stopped answering half-way"
                       : "nothing came from there; check the address, and firewalls on the way");
  return {ErrorKind::kTimeout, ETIMEDOUT, text, {}};
}

Error renegotiation_refused(const Address& peer) {
  return {ErrorKind::kPeer, ECONNRESET,
          "the peer at " + peer.text() + " refused the renegotiation that we asked for",
          SSL_AD_NO_RENEGOTIATION};
}

}  // namespace dtls::session
