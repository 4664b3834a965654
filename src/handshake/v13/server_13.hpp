// The server's handshake of DTLS 1.3 (RFC 8446 §2, RFC 9147 §5).
//
//   ClientHello            ─►
//                          ◄─  [HelloRetryRequest]
//   [ClientHello]          ─►
//                          ◄─  ServerHello, EncryptedExtensions,
//                              [CertificateRequest], [Certificate, CertificateVerify], Finished
//   [Certificate,
//    CertificateVerify],
//   Finished               ─►
//                          ◄─  ACK, [NewSessionTicket]
#pragma once

#include <memory>
#include <optional>

#include "handshake/hello/received_hello.hpp"
#include "handshake/v13/handshake_13.hpp"

namespace dtls::handshake {

class Server13 : public Handshake13 {
 public:
  Server13(Core& core, ReceivedHello hello);

  // begin goes on from the first hello.
  Step begin();

  Step on_message(const HandshakeMessage& message) override;
  Step provide_psk(const PreSharedKey* key) override;
  [[nodiscard]] std::size_t held_bytes() const override {
    return hello_.held_bytes() + transcript_.held_bytes() + peer_.leaf().capacity();
  }

 private:
  // In the order in which they pass.
  enum class State : std::uint8_t {
    kSecondHello,
    kCertificate,
    kCertificateVerify,
    kFinished,
  };

  // The PSK of the handshake, if one was agreed upon.
  struct AgreedPsk {
    crypto::SecretBuffer<64> key;
    std::uint16_t index = 0;
    PskOrigin origin{};
    std::optional<SessionState> session;
  };

  Step take_second_hello(const HandshakeMessage& message);
  Step take_certificate(const HandshakeMessage& message);
  Step take_certificate_verify(const HandshakeMessage& message);
  Step take_finished(const HandshakeMessage& message);

  Step recall_retry();
  Step negotiate();
  Step choose_psk();
  Step look_for_psk();
  Step use_psk(AgreedPsk psk, const Suite& suite);
  Step after_psk();
  [[nodiscard]] const Suite* choose_suite(const crypto::HashAlgorithm* hash) const;
  Step ask_again(crypto::Group group);
  Step answer(Bytes share);

  Step send_server_hello(Bytes share);
  void send_extensions();
  void send_certificate_request();
  void install_application_keys();
  void send_tickets();

  ReceivedHello hello_;
  State state_ = State::kSecondHello;
  Presented presented_;
  std::optional<AgreedPsk> psk_;
  std::uint16_t next_psk_ = 0;            // the identity that is looked at
  bool has_retried_ = false;              // a HelloRetryRequest was sent
  std::optional<crypto::Group> retried_;  // and asked for a key of this group
  std::optional<crypto::Group> group_;
  crypto::SignatureScheme scheme_{};
  crypto::SharedSecret agreed_;
  crypto::Secret client_application_;
  std::uint16_t record_limit_ = 0;
};

}  // namespace dtls::handshake
