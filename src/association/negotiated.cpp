#include "association/negotiated.hpp"

#include "crypto/key_share.hpp"
#include "handshake/suites.hpp"
#include "wire/record_header.hpp"

namespace dtls::association {
namespace {

// IANA's names (TLS Supported Groups).
const char* name_of(wire::NamedGroup group) {
  switch (static_cast<crypto::Group>(group)) {
    case crypto::Group::kX25519:
      return "x25519";
    case crypto::Group::kP256:
      return "secp256r1";
    case crypto::Group::kP384:
      return "secp384r1";
    case crypto::Group::kX25519MlKem768:
      return "X25519MLKEM768";
  }
  return "";
}

}  // namespace

Negotiated describe(const handshake::Negotiated& agreed) {
  Negotiated told;
  told.version =
      agreed.version == wire::kDtls13 ? ProtocolVersion::kDtls13 : ProtocolVersion::kDtls12;
  if (const auto* suite = handshake::find_suite(agreed.suite)) told.cipher_suite = suite->name;
  told.group = name_of(agreed.group);
  told.resumed = agreed.resumed;
  told.alpn = agreed.alpn;
  if (agreed.srtp_profile != 0) told.srtp_profile = static_cast<SrtpProfile>(agreed.srtp_profile);
  if (agreed.with_psk) told.psk_identity = agreed.psk_identity;
  told.max_message = agreed.peer_record_limit == 0 ? wire::kMaxPlaintext : agreed.peer_record_limit;
  return told;
}

}  // namespace dtls::association
