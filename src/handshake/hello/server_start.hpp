// ServerStart: takes the first ClientHello and finds the version.
#pragma once

#include "handshake/handshake.hpp"
#include "handshake/hello/received_hello.hpp"

namespace dtls::handshake {

class ServerStart : public Handshake {
 public:
  using Handshake::Handshake;

  Step on_message(const HandshakeMessage& message) override;
  Step on_change_cipher_spec() override;

 private:
  [[nodiscard]] std::optional<wire::Version> choose_version(const ReceivedHello& hello) const;
};

}  // namespace dtls::handshake
