// The messages of DTLS 1.3 by which either side proves who it is, and that it saw the same
// handshake.
#pragma once

#include "handshake/authentication.hpp"
#include "handshake/core.hpp"
#include "handshake/transcript.hpp"
#include "wire/certificate.hpp"

namespace dtls::handshake {

// collect_13 takes the certificates of a Certificate, none of whose extensions was asked for (RFC
// 8446 §4.4.2).
Step collect_13(const wire::CertificateEntries& entries, PeerChain& chain);

// take_certificate_verify_13 takes the signature of the peer, `signer`, into the transcript that it
// covers (RFC 8446 §4.4.3).
Step take_certificate_verify_13(Core& core, const PeerCredentials& peer, Sender signer,
                                Transcript& transcript, const HandshakeMessage& message);

// take_finished_13 takes the MAC with the peer's traffic secret of the handshake into the
// transcript that it covers (RFC 8446 §4.4.4). It ends the peer's flight, and the epoch.
Step take_finished_13(Core& core, crypto::HashAlgorithm hash, Bytes traffic_secret,
                      Transcript& transcript, const HandshakeMessage& message);

}  // namespace dtls::handshake
