#include "handshake/v13/handshake_13.hpp"

#include <vector>

#include "crypto/wipe.hpp"
#include "handshake/secret_log.hpp"
#include "record/record_number.hpp"
#include "wire/certificate.hpp"
#include "wire/certificate_verify.hpp"

namespace dtls::handshake {

using wire::AlertDescription;
using wire::HandshakeType;

void Handshake13::add(HandshakeType type, Bytes body) {
  transcript_.add(channel().add_message(type, body));
}

// ---- keys ----

record::Protection Handshake13::protection(const crypto::Secret& traffic) const {
  return record::Protection::tls13(suite_->aead, suite_->hash, traffic.view());
}

void Handshake13::enter_handshake(Bytes agreed, const Random& client_random) {
  handshake_secrets_ = schedule_->enter_handshake(agreed, transcript_.digest());
  channel().install_write(record::kHandshakeEpoch, protection(secret_of(own_)));
  channel().install_read(record::kHandshakeEpoch, protection(secret_of(peer_side())));
  log_traffic(core(), client_random, "HANDSHAKE_TRAFFIC_SECRET", handshake_secrets_);
}

Handshake13::Application Handshake13::enter_application(const Random& client_random) {
  const auto digest = transcript_.digest();
  Application application{schedule_->enter_application(digest), {}};
  log_traffic(core(), client_random, "TRAFFIC_SECRET_0", application.traffic);
  application.secrets.suite = suite_;
  application.secrets.exporter = schedule_->exporter(digest);
  log_secret(core(), client_random, "EXPORTER_SECRET", application.secrets.exporter);
  return application;
}

// ---- our proof ----

Step Handshake13::send_certificate(const Identity* own, crypto::SignatureScheme scheme) {
  static const std::vector<Buffer> kNone;
  {
    wire::Writer writer(scratch());
    wire::write_certificate_13(writer, {}, own == nullptr ? kNone : own->chain);
    if (!writer.ok()) return unable("our own certificate chain is too long");
    add(HandshakeType::kCertificate, Bytes(scratch()).first(writer.written()));
  }
  if (own == nullptr) return {};
  const SignedContent content(own_, transcript_.digest());
  auto signature = crypto::sign(own->key.get(), scheme, content.view());
  if (!signature) return unable("our own key cannot sign: " + signature.error().message);
  wire::Writer writer(scratch());
  wire::write_signed(writer, {static_cast<wire::SignatureScheme>(scheme), *signature});
  add(HandshakeType::kCertificateVerify, Bytes(scratch()).first(writer.written()));
  return {};
}

void Handshake13::send_finished() {
  const auto mac = finished_mac(suite_->hash, secret_of(own_).view(), transcript_.digest());
  add(HandshakeType::kFinished, mac.view());
}

// ---- the peer's ----

Step Handshake13::read_certificate(const HandshakeMessage& message, PeerChain& chain) {
  const auto certificate = wire::parse_certificate_13(message.body);
  if (!certificate) return broken(AlertDescription::kDecodeError, "its Certificate is malformed");
  if (!certificate->context.empty()) {  // RFC 8446 §4.4.2
    return broken(AlertDescription::kIllegalParameter, "its Certificate has a context");
  }
  for (const auto entry : certificate->entries) {
    if (!entry.extensions.empty()) {
      return broken(AlertDescription::kUnsupportedExtension,
                    "its Certificate answers an extension that it was not sent");
    }
  }
  return chain.collect(certificate->entries, [](const auto& entry) { return entry.certificate; });
}

Step Handshake13::take_chain(const HandshakeMessage& message, const PeerChain& chain) {
  transcript_.add(message.raw);
  return peer_.take(core(), chain.view());
}

Step Handshake13::check_signature(const HandshakeMessage& message) {
  const auto verify = wire::parse_certificate_verify(message.body);
  if (!verify) return broken(AlertDescription::kDecodeError, "its CertificateVerify is malformed");
  const SignedContent content(peer_side(), transcript_.digest());
  if (auto failure =
          peer_.prove(core(), wire::kDtls13, verify->scheme, content.view(), verify->signature)) {
    return failure;
  }
  transcript_.add(message.raw);
  return {};
}

Step Handshake13::check_finished(const HandshakeMessage& message) {
  const auto mac = finished_mac(suite_->hash, secret_of(peer_side()).view(), transcript_.digest());
  if (!crypto::equal_in_constant_time(mac.view(), message.body)) {
    return broken(AlertDescription::kDecryptError, "its Finished does not match the handshake");
  }
  if (!message.last_in_record || channel().has_buffered()) {  // RFC 8446 §5.1
    return broken(AlertDescription::kUnexpectedMessage, "it sent more after its Finished");
  }
  transcript_.add(message.raw);
  return {};
}

}  // namespace dtls::handshake
