// What one association knows: the inside of Session.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "association/engine.hpp"
#include "association/inside.hpp"
#include "dtls/session.hpp"
#include "process/forks.hpp"

namespace dtls {

// State owns the engine and makes the decisions that it asks for.
struct Session::State : public handshake::Decisions {
  State(std::shared_ptr<const Context> shared, const Address& to);

  std::shared_ptr<const Context> context;
  Address peer;
  std::optional<Address> local;  // server: what the first hello was sent to
  TimePoint now;                 // when the caller last told the time

  // Server: how it presents itself, chosen by the first ClientHello and kept in renegotiations.
  association::HostIdentities::Found presented;

  association::PeerRule peer_rule;
  PeerVerification verification;
  std::unique_ptr<PeerVerification> pending;  // of the handshake that runs

  Duration patience{};  // how long a handshake may take
  std::optional<TimePoint> handshake_deadline;
  std::string wanted_psk;  // the identity that was asked for last, until the handshake is done
  bool heard_from_peer = false;
  bool was_renegotiating = false;
  bool was_connected = false;
  bool awaits_hello = false;  // server: nothing has come yet
  bool named = false;         // server: the client asked for a name that is known

  // In a forked child the association is dead: it would use the parent's nonces again.
  process::Birthplace birthplace;
  [[nodiscard]] bool is_elsewhere() const { return !birthplace.is_here(); }

  handshake::Engine engine;

  void start_clock() { handshake_deadline = now + patience; }
  // position tells the engine where the proven ClientHello stands.
  void position(std::span<const std::byte> datagram);
  // follow keeps the clock of renegotiations.
  void follow();
  // note_verification makes the verdict of the handshake that has ended the association's.
  void note_verification();
  // Server: who may issue clients' certificates for the identity that is presented; null: nobody.
  [[nodiscard]] std::shared_ptr<const association::ClientAuthority> authority() const;
  [[nodiscard]] handshake::PreSharedKey name_psk(const Psk& found, std::string_view identity) const;
  Event complete(Event event);
  Failed fail(Error error);

  handshake::Presented present(std::string_view server_name) override;
  std::shared_ptr<const handshake::Identity> client_identity() override;
  handshake::Verdict verify(std::span<const handshake::Bytes> chain) override;
  void accept_resumed(const handshake::SessionState& state) override;
  handshake::PskAnswer psk(std::string_view identity) override;
  std::string server_name() override;
  std::optional<handshake::Ticket> ticket() override;
  [[nodiscard]] bool is_logged() const override;
  void log_secret(std::string_view label, handshake::Bytes client_random,
                  handshake::Bytes secret) override;
};

}  // namespace dtls
