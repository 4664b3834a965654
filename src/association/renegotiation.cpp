// Renegotiation in DTLS 1.2 (RFC 5246 §7.4.1, RFC 5746): the part of Engine that decides on it.
//
//   Established ── ClientHello, HelloRequest or renegotiate() ──► a handshake beside the
//   association
//        ▲                                                              │
//        └── Finished, or refused with no_renegotiation ────────────────┘
#include <cerrno>
#include <memory>

#include "association/engine.hpp"
#include "handshake/hello/client_start.hpp"
#include "handshake/v12/server_12.hpp"

namespace dtls::handshake {

using wire::AlertDescription;
using wire::HandshakeType;

bool may_renegotiate(const Settings& settings, const Negotiated& negotiated) {
  return settings.renegotiate && negotiated.secure_renegotiation && !negotiated.with_psk;
}

bool Engine::is_renegotiating() const {
  return phase_ == Phase::kEstablished && handshake_ != nullptr;
}

Renegotiation Engine::binding() const {
  const auto& secrets = std::get<Secrets12>(core_.secrets);
  return {secrets.client_verify, secrets.server_verify, secrets.peer_leaf, secrets.cookie};
}

// The peer wants one.
Step Engine::take_renegotiation(const HandshakeMessage& message) {
  const bool is_server = core_.settings->is_server;
  const auto beginning = is_server ? HandshakeType::kClientHello : HandshakeType::kHelloRequest;
  if (message.type != beginning || message.epoch != core_.channel.read_epoch()) {
    return unexpected(message.type);
  }
  if (!is_server && !message.body.empty()) {
    return broken(AlertDescription::kDecodeError, "its HelloRequest is not empty");
  }
  const bool wanted = is_server && requested_;
  const bool allowed =
      may_renegotiate(*core_.settings, core_.negotiated) && (wanted || limit_.allows(core_.now));
  requested_ = false;
  if (!allowed) {  // RFC 5746 §4.5: no reason to end the association
    core_.channel.send_alert({wire::AlertLevel::kWarning,
                              static_cast<std::uint8_t>(AlertDescription::kNoRenegotiation)});
    core_.channel.flight_answered();
    core_.channel.await_restart();
    has_declined_ = true;
    return {};
  }
  if (!wanted) limit_.count(core_.now);
  core_.channel.unsettle();
  if (is_server) {
    handshake_ = std::make_unique<Server12>(core_, binding());
    return handshake_->on_message(message);
  }
  auto start = std::make_unique<ClientStart>(core_, binding());
  auto step = start->begin();
  handshake_ = std::move(start);
  return step;
}

Result<void> Engine::renegotiate(TimePoint now) {
  const auto refuse = [](int sys_errno, const char* why) {
    return Error{ErrorKind::kMisuse, sys_errno, why, {}};
  };
  if (phase_ == Phase::kEnded) return refuse(EPIPE, "the association has ended");
  if (is_renegotiating() || requested_) {
    return refuse(EALREADY, "a renegotiation is under way already");
  }
  if (phase_ != Phase::kEstablished) {
    return refuse(EAGAIN, "the handshake has not finished yet; renegotiate after Connected");
  }
  if (!core_.settings->renegotiate) return refuse(EOPNOTSUPP, "option `renegotiate` is off");
  if (core_.negotiated.version != wire::kDtls12) {
    return refuse(EOPNOTSUPP, "DTLS 1.3 has no renegotiation");
  }
  if (!core_.negotiated.secure_renegotiation) {
    return refuse(EOPNOTSUPP, "the peer does not know secure renegotiation (RFC 5746)");
  }
  if (core_.negotiated.with_psk) {
    return refuse(EOPNOTSUPP, "associations with a pre-shared key are not renegotiated");
  }
  core_.now = now;
  core_.channel.restart_messages(true);
  if (core_.settings->is_server) {
    // RFC 5246 §7.4.1.1. It is no part of the transcript.
    core_.channel.begin_flight();
    core_.channel.add_message(HandshakeType::kHelloRequest, {});
    core_.channel.end_flight(Channel::Then::kAwaitAnswer, now);
    requested_ = true;
    return {};
  }
  core_.channel.unsettle();
  auto start = std::make_unique<ClientStart>(core_, binding());
  auto step = start->begin();
  handshake_ = std::move(start);
  proceed(std::move(step));
  return {};
}

void Engine::give_up_request() {
  if (!requested_) return;
  requested_ = false;
  core_.channel.restart_messages();
  core_.channel.await_restart();
}

// RFC 5246 §7.2.2: who was refused decides whether to do without.
void Engine::take_refusal() {
  if (requested_) {
    give_up_request();
  } else if (is_renegotiating() && !core_.settings->is_server) {
    fail({AlertDescription::kHandshakeFailure,
          {ErrorKind::kPeer, ECONNRESET, "refused the renegotiation that we asked for", {}}});
  }
}

}  // namespace dtls::handshake
