// What both sides of a handshake of DTLS 1.3 share: transcript, keys, and the messages by which
// each proves who it is and that it saw the same handshake (RFC 8446 §4.4).
#pragma once

#include <optional>

#include "handshake/authentication.hpp"
#include "handshake/handshake.hpp"
#include "handshake/transcript.hpp"
#include "handshake/v13/key_schedule_13.hpp"

namespace dtls::handshake {

class Handshake13 : public Handshake {
 public:
  Step on_change_cipher_spec() override { return {}; }  // noise in 1.3 (RFC 9147 §5.3)

 protected:
  Handshake13(Core& core, Sender own) : Handshake(core), own_(own) {}

  // add appends a message to our flight and to the transcript.
  void add(wire::HandshakeType type, Bytes body);

  // enter_handshake installs the keys of the handshake; `agreed` is empty where there was no key
  // agreement.
  void enter_handshake(Bytes agreed, const Random& client_random);
  // enter_application derives the secrets of application data, at the server's Finished; the keys
  // are installed by the caller, each at its time.
  struct Application {
    TrafficSecrets traffic;
    Secrets13 secrets;  // without those of `traffic`
  };
  [[nodiscard]] Application enter_application(const Random& client_random);
  [[nodiscard]] record::Protection protection(const crypto::Secret& traffic) const;

  // send_certificate sends our chain and signs the handshake; null: we show none.
  Step send_certificate(const Identity* own, crypto::SignatureScheme scheme);
  void send_finished();

  // read_certificate gives the chain of the peer's Certificate, none of whose extensions was asked
  // for (RFC 8446 §4.4.2). take_chain has it judged.
  static Step read_certificate(const HandshakeMessage& message, PeerChain& chain);
  Step take_chain(const HandshakeMessage& message, const PeerChain& chain);
  // check_signature takes the peer's CertificateVerify into the transcript that it covers (RFC 8446
  // §4.4.3), check_finished its Finished (§4.4.4), which ends its flight, and the epoch.
  Step check_signature(const HandshakeMessage& message);
  Step check_finished(const HandshakeMessage& message);

  Transcript transcript_;
  const Suite* suite_ = nullptr;
  std::optional<KeySchedule13> schedule_;
  PeerCredentials peer_;

 private:
  [[nodiscard]] Sender peer_side() const {
    return own_ == Sender::kClient ? Sender::kServer : Sender::kClient;
  }
  [[nodiscard]] const crypto::Secret& secret_of(Sender side) const {
    return side == Sender::kClient ? handshake_secrets_.client : handshake_secrets_.server;
  }

  Sender own_;
  TrafficSecrets handshake_secrets_;
};

}  // namespace dtls::handshake
