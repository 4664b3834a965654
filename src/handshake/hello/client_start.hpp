// ClientStart: sends the ClientHello, answers cookies, and finds the version in the ServerHello.
#pragma once

#include <memory>
#include <optional>

#include "handshake/handshake.hpp"
#include "handshake/hello/offer.hpp"
#include "handshake/transcript.hpp"
#include "wire/server_hello.hpp"

namespace dtls::handshake {

class ClientStart : public Handshake {
 public:
  // `renegotiation` is what binds the handshake to the one before, in a renegotiation.
  explicit ClientStart(Core& core, std::optional<Renegotiation> renegotiation = std::nullopt);

  // begin sends the hello, or waits for the PSK to offer in it. Fails only where libcrypto or the
  // options do.
  Step begin();

  Step on_message(const HandshakeMessage& message) override;
  Step provide_psk(const PreSharedKey* key) override;
  [[nodiscard]] std::string_view offered_psk() const override {
    if (!offer_ || !offer_->psk) return {};
    return offer_->psk->identity;
  }
  Step on_change_cipher_spec() override { return {}; }  // before a version is known it is noise

 private:
  Step send_hello();
  Step take_hello_verify_request(const HandshakeMessage& message);
  Step take_server_hello(const HandshakeMessage& message);
  Step choose_version(const wire::ServerHello& hello, wire::Version& version) const;

  std::optional<Renegotiation> renegotiation_;
  std::optional<Offer> offer_;
  Transcript transcript_;
  int challenges_ = 0;
};

}  // namespace dtls::handshake
