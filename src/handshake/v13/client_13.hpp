// The client's handshake of DTLS 1.3 (RFC 8446 §2, RFC 9147 §5), from the ServerHello on.
//
//   ClientHello            ─►
//                          ◄─  [HelloRetryRequest]
//   [ClientHello]          ─►
//                          ◄─  ServerHello, EncryptedExtensions,
//                              [CertificateRequest], [Certificate, CertificateVerify], Finished
//   [Certificate,
//    CertificateVerify],
//   Finished               ─►
//                          ◄─  ACK
#pragma once

#include <optional>

#include "handshake/hello/offer.hpp"
#include "handshake/v13/handshake_13.hpp"
#include "wire/server_hello.hpp"

namespace dtls::handshake {

class Client13 : public Handshake13 {
 public:
  Client13(Core& core, Offer offer, Transcript transcript, const Suite& suite);

  // take_server_hello takes a ServerHello or HelloRetryRequest whose version and suite are fine.
  Step take_server_hello(const HandshakeMessage& message);

  Step on_message(const HandshakeMessage& message) override;
  [[nodiscard]] std::string_view offered_psk() const override {
    if (!offer_.psk) return {};
    return offer_.psk->identity;
  }

 private:
  // In the order in which they pass.
  enum class State : std::uint8_t {
    kServerHello,
    kEncryptedExtensions,
    kCertificateOrRequest,
    kCertificate,
    kCertificateVerify,
    kFinished,
  };

  Step take_retry(const wire::ServerHello& hello, Bytes raw);
  Step take_second_hello(const HandshakeMessage& message);
  Step take_encrypted_extensions(const HandshakeMessage& message);
  Step take_certificate_request(const HandshakeMessage& message);
  Step take_certificate(const HandshakeMessage& message);
  Step take_certificate_verify(const HandshakeMessage& message);
  Step take_finished(const HandshakeMessage& message);

  Step agree(const wire::ServerHello& hello);
  Step show_certificate();
  Step answer();

  Offer offer_;
  State state_ = State::kServerHello;
  bool retried_ = false;
  bool with_psk_ = false;
  bool was_asked_ = false;  // a CertificateRequest came
  Buffer request_context_;
  Buffer request_schemes_;
};

}  // namespace dtls::handshake
