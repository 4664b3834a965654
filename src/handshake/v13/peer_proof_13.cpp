#include "handshake/v13/peer_proof_13.hpp"

#include "crypto/wipe.hpp"
#include "handshake/v13/key_schedule_13.hpp"
#include "wire/certificate_verify.hpp"

namespace dtls::handshake {

using wire::AlertDescription;

Step collect_13(const wire::CertificateEntries& entries, PeerChain& chain) {
  for (const auto entry : entries) {
    if (!entry.extensions.empty()) {
      return broken(AlertDescription::kUnsupportedExtension,
                    "its Certificate answers an extension that it was not sent");
    }
  }
  return chain.collect(entries, [](const auto& entry) { return entry.certificate; });
}

Step take_certificate_verify_13(Core& core, const PeerCredentials& peer, Sender signer,
                                Transcript& transcript, const HandshakeMessage& message) {
  const auto verify = wire::parse_certificate_verify(message.body);
  if (!verify) return broken(AlertDescription::kDecodeError, "its CertificateVerify is malformed");
  const SignedContent content(signer, transcript.digest());
  if (auto failure =
          peer.prove(core, wire::kDtls13, verify->scheme, content.view(), verify->signature)) {
    return failure;
  }
  transcript.add(message.raw);
  return {};
}

Step take_finished_13(Core& core, crypto::HashAlgorithm hash, Bytes traffic_secret,
                      Transcript& transcript, const HandshakeMessage& message) {
  const auto mac = finished_mac(hash, traffic_secret, transcript.digest());
  if (!crypto::equal_in_constant_time(mac.view(), message.body)) {
    return broken(AlertDescription::kDecryptError, "its Finished does not match the handshake");
  }
  if (!message.last_in_record || core.channel.has_buffered()) {  // RFC 8446 §5.1
    return broken(AlertDescription::kUnexpectedMessage, "it sent more after its Finished");
  }
  transcript.add(message.raw);
  return {};
}

}  // namespace dtls::handshake
