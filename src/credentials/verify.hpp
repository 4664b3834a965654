// A peer's certificates: whether they lead to a trust anchor, and what is in the first of them.
#pragma once

#include <openssl/x509.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "crypto/owned.hpp"
#include "crypto/secret.hpp"

namespace dtls::credentials {

// What an unauthenticated peer can make us parse and check: the bytes that libssl was allowed too,
// and more certificates than any hierarchy is deep, since each may cost a signature check.
inline constexpr std::size_t kMaxChainBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kMaxChainLength = 16;

// Who has sent the chain, and so what its certificate must be for.
enum class PeerRole : std::uint8_t { kServer, kClient };

// ChainVerdict is what is known of a peer after its Certificate.
//   reason, alert: where it is not trusted, a sentence for people without its full stop, and the
//     alert for the peer (RFC 5246 §7.2.2, RFC 8446 §6.2)
//   leaf, key: of the first certificate, trusted or not; null where it could not be read. There is
//     no key either where its keyUsage leaves out digitalSignature, which every handshake here
//     needs (RFC 5246 §7.4.2, RFC 8446 §4.4.2.2): no handshake can go on with such a certificate.
//   valid_for: what is left of the leaf's validity; 0 where it is over
struct ChainVerdict {
  bool trusted = false;
  std::string reason;
  std::uint8_t alert = 0;
  crypto::OwnedCertificate leaf;
  crypto::OwnedKey key;
  std::chrono::seconds valid_for{0};
};

// verify_chain checks `chain` (DER, leaf first) against `anchors`, now, by the system's clock.
//   name: the host name or IP literal that a server's certificate must have; empty for no check
// It never trusts a chain that is longer than the bounds above. One that is empty has the alert
// that DTLS 1.3 gives it (certificate_required); for DTLS 1.2 the caller takes handshake_failure.
// Any thread; `anchors` may be shared.
ChainVerdict verify_chain(std::span<const crypto::Bytes> chain, X509_STORE* anchors, PeerRole role,
                          const std::string& name);

// alert_for gives the alert that says the same as an X509_V_ERR_ code.
std::uint8_t alert_for(int verify_error);

}  // namespace dtls::credentials
