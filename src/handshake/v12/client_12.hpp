// The client's handshake of DTLS 1.2 (RFC 5246 §7.3, RFC 6347 §4.2), from the ServerHello on.
//
//   full:                                         resumed:
//     ClientHello         ─►                        ClientHello         ─►
//       ◄─  ServerHello, [Certificate],               ◄─  ServerHello, [NewSessionTicket],
//           [ServerKeyExchange],                          ChangeCipherSpec, Finished
//           [CertificateRequest],                   ChangeCipherSpec,
//           ServerHelloDone                         Finished            ─►
//     [Certificate], ClientKeyExchange,
//     [CertificateVerify],
//     ChangeCipherSpec, Finished  ─►
//       ◄─  [NewSessionTicket],
//           ChangeCipherSpec, Finished
#pragma once

#include <optional>

#include "handshake/authentication.hpp"
#include "handshake/handshake.hpp"
#include "handshake/hello/offer.hpp"
#include "handshake/transcript.hpp"
#include "wire/server_hello.hpp"

namespace dtls::handshake {

class Client12 : public Handshake {
 public:
  Client12(Core& core, Offer offer, Transcript transcript, const Suite& suite,
           std::optional<Renegotiation> renegotiation);

  // take_server_hello takes a ServerHello whose version and suite are fine.
  Step take_server_hello(const HandshakeMessage& message);

  Step on_message(const HandshakeMessage& message) override;
  Step on_change_cipher_spec() override { return {}; }  // the epoch of Finished says it all
  Step provide_psk(const PreSharedKey* key) override;

 private:
  // In the order in which they pass.
  enum class State : std::uint8_t {
    kCertificate,
    kKeyExchange,
    kRequestOrDone,  // and the ServerKeyExchange of a PSK, which may be missing
    kDone,
    kTicket,
    kFinished,
  };

  Step take_certificate(const HandshakeMessage& message);
  Step take_key_exchange(const HandshakeMessage& message);
  Step take_certificate_request(const HandshakeMessage& message);
  Step take_done(const HandshakeMessage& message);
  Step take_ticket(const HandshakeMessage& message);
  Step take_finished(const HandshakeMessage& message);

  Step check_extensions(const wire::ServerHello& hello);
  Step check_renegotiation(const wire::ServerHello& hello);
  Step resume(const wire::ServerHello& hello);
  Step agree(wire::NamedGroup group, Bytes point);
  Step answer(Bytes psk_identity, Bytes psk);
  Step send_certificate_verify(const Identity& own, crypto::SignatureScheme scheme);
  void derive_keys();
  void send_finished(Channel::Then then);
  void add(wire::HandshakeType type, Bytes body);
  void conclude();

  Offer offer_;
  Transcript transcript_;
  const Suite* suite_;
  std::optional<Renegotiation> renegotiation_;
  State state_ = State::kCertificate;
  std::uint64_t epoch_;  // in which the handshake runs; Finished is in the next
  bool resumed_ = false;
  Random server_random_{};
  PeerCredentials peer_;
  std::vector<std::byte> public_key_;  // ours of the key agreement
  crypto::SharedSecret agreed_;
  std::string hint_;
  bool was_asked_ = false;
  Buffer request_schemes_;
  crypto::Secret master_;
  std::optional<record::Protection> read_;
  std::optional<record::Protection> write_;
  VerifyData client_verify_{};
  VerifyData server_verify_{};
  Buffer ticket_;
  std::uint32_t ticket_lifetime_s_ = 0;
};

}  // namespace dtls::handshake
