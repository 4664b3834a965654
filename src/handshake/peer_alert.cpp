#include "handshake/peer_alert.hpp"

#include <cerrno>
#include <string>

#include "wire/alert.hpp"
#include "wire/numbers.hpp"

namespace dtls::handshake {

std::string quote_identity(std::string_view identity) {
  constexpr std::size_t kMost = 64;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "\"";
  for (const char byte : identity.substr(0, kMost)) {
    const auto value = static_cast<unsigned char>(byte);
    if (value >= ' ' && value <= '~' && byte != '"' && byte != '\\') {
      text += byte;
    } else {
      text += "\\x";
      text += kDigits[value >> 4U];
      text += kDigits[value & 0xfU];
    }
  }
  return text + (identity.size() > kMost ? "\"..." : "\"");
}

Error explain_alert(std::uint8_t description, std::string_view offered_psk) {
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
      if (!offered_psk.empty()) message += ", the identity " + quote_identity(offered_psk);
      break;
    // RFC 6347 §4.1.2.7 and RFC 8446 §4.2.11 name these for a key that differs.
    case AlertDescription::kBadRecordMac:
    case AlertDescription::kDecryptError:
      if (!offered_psk.empty()) {
        message += ": it probably has another pre-shared key for the identity " +
                   quote_identity(offered_psk);
      }
      break;
    default:
      break;
  }
  return {ErrorKind::kPeer, ECONNRESET, std::move(message), description};
}

}  // namespace dtls::handshake
