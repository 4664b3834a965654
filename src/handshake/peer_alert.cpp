#include "handshake/peer_alert.hpp"

#include <cerrno>
#include <string>

#include "wire/alert.hpp"
#include "wire/numbers.hpp"

namespace dtls::handshake {

Error explain_alert(std::uint8_t description) {
  using wire::AlertDescription;
  std::string message =
      "ended the association with the alert \"" + std::string(wire::alert_name(description)) + "\"";
  switch (static_cast<AlertDescription>(description)) {
    case AlertDescription::kUnknownCa:
      message += ": it does not trust the authority that issued our certificate";
      break;
    case AlertDescription::kHandshakeFailure:
      message += ": most often no cipher suite in common, or a client certificate is required";
      break;
    case AlertDescription::kCertificateRequired:
      message += ": it requires a client certificate";
      break;
    case AlertDescription::kBadCertificate:
    case AlertDescription::kCertificateExpired:
    case AlertDescription::kCertificateUnknown:
      message += ": it did not accept our certificate";
      break;
    case AlertDescription::kProtocolVersion:
      message += ": it does not speak our versions of DTLS";
      break;
    case AlertDescription::kUnknownPskIdentity:
      message += ": it does not know our pre-shared key";
      break;
    default:
      break;
  }
  return {ErrorKind::kPeer, ECONNRESET, std::move(message), description};
}

}  // namespace dtls::handshake
