// The server's handshake of DTLS 1.2 (RFC 5246 §7.3, RFC 6347 §4.2); drawn in client_12.hpp.
#pragma once

#include <optional>

#include "handshake/authentication.hpp"
#include "handshake/handshake.hpp"
#include "handshake/hello/received_hello.hpp"
#include "handshake/transcript.hpp"

namespace dtls::handshake {

class Server12 : public Handshake {
 public:
  // `renegotiation` is what binds the handshake to the one before, in a renegotiation.
  Server12(Core& core, std::optional<Renegotiation> renegotiation);

  // begin takes the ClientHello.
  Step begin(ReceivedHello hello);

  // A renegotiation begins here with the ClientHello; a first handshake has had it already.
  Step on_message(const HandshakeMessage& message) override;
  Step on_change_cipher_spec() override { return {}; }  // the epoch of Finished says it all
  Step provide_psk(const PreSharedKey* key) override;
  [[nodiscard]] std::size_t held_bytes() const override {
    return hello_.held_bytes() + transcript_.held_bytes() + peer_.leaf().capacity();
  }

 private:
  // In the order in which they pass.
  enum class State : std::uint8_t {
    kClientHello,
    kCertificate,
    kClientKeyExchange,
    kCertificateVerify,
    kFinished,
  };

  Step take_hello(const HandshakeMessage& message);
  Step take_certificate(const HandshakeMessage& message);
  Step take_client_key_exchange(const HandshakeMessage& message);
  Step take_certificate_verify(const HandshakeMessage& message);
  Step take_finished(const HandshakeMessage& message);

  Step check_renegotiation();
  Step negotiate();
  Step choose_suite();
  [[nodiscard]] bool can_use(const Suite& suite);
  [[nodiscard]] std::optional<SessionState> session_of_ticket() const;
  Step send_server_hello(Bytes session_id);
  Step send_key_exchange();
  void send_certificate_request();
  Step begin_full();
  Step resume(SessionState session);
  Step agree(Bytes psk);
  void derive_keys();
  void send_ticket();
  void send_finished(Channel::Then then);
  void add(wire::HandshakeType type, Bytes body);
  void conclude();

  std::optional<Renegotiation> renegotiation_;
  ReceivedHello hello_;
  State state_ = State::kClientHello;
  std::uint64_t epoch_;  // in which the handshake runs; Finished is in the next
  Presented presented_;
  Transcript transcript_;
  const Suite* suite_ = nullptr;
  crypto::SignatureScheme scheme_{};
  Random server_random_{};
  std::optional<crypto::KeyShare> share_;
  Buffer client_point_;
  bool issues_ticket_ = false;
  std::optional<SessionState> resumed_;
  PeerCredentials peer_;
  crypto::Secret master_;
  std::optional<record::Protection> write_;
  VerifyData client_verify_{};
  VerifyData server_verify_{};
  std::uint16_t record_limit_ = 0;
};

}  // namespace dtls::handshake
