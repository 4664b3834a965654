// The way of an association: where it begins, what becomes of the engine's events.
#include "association/state.hpp"

#include <utility>

#include "association/failure.hpp"
#include "credentials/openssl_errors.hpp"
#include "credentials/pem.hpp"
#include "handshake/hello/retry.hpp"
#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"

namespace dtls {
namespace {

std::string subject_of(const std::string& pem) {
  if (pem.empty()) return {};
  const auto certificates = credentials::parse_certificates(pem, "cert");
  return certificates ? credentials::subject_of(certificates->front().get()) : std::string();
}

}  // namespace

Session::State::State(std::shared_ptr<const Context> shared, const Address& to)
    : context(std::move(shared)),
      peer(to),
      peer_rule(context->inside().peer_rule),
      patience(context->inside().handshake_timeout),
      engine(context->inside().settings, *this) {}

void Session::State::position(std::span<const std::byte> datagram) {
  wire::Reader records(datagram);
  const auto record = wire::read_record(records);
  if (!record) return;
  wire::Reader messages(record->fragment);
  const auto hello = wire::read_handshake(messages);
  // The gate lets no more hellos through; whoever uses a session without it is held to the same.
  if (hello && hello->header.message_seq <= handshake::kMaxHelloSeq) {
    engine.continue_from(record->header.sequence, hello->header.message_seq);
  }
}

void Session::State::follow() {
  const bool renegotiates = engine.is_renegotiating();
  if (renegotiates && !was_renegotiating) {
    start_clock();
    pending.reset();
  } else if (!renegotiates && was_renegotiating) {
    note_verification();
  } else if (engine.is_established() && !renegotiates && !engine.awaits_answer()) {
    handshake_deadline.reset();
  }
  was_renegotiating = renegotiates;
}

void Session::State::note_verification() {
  handshake_deadline.reset();
  verification = pending ? std::move(*pending) : PeerVerification();
  pending.reset();
  if (engine.negotiated().with_psk) {
    verification.reason =
        "the peer has proven that it knows the pre-shared key, and shown no certificate";
  } else if (!peer_rule.asks) {
    verification.reason = "no certificate was asked of the client (option `ca` is not set)";
  } else if (verification.certificate.empty() && verification.reason.empty()) {
    verification.reason = "the peer sent no certificate";
  }
}

// Where no handshake runs, what was found in the last one stays.
Failed Session::State::fail(Error error) {
  const auto is_empty = [](const PeerVerification& of) {
    return !of.authorized && of.reason.empty() && of.certificate.empty();
  };
  const std::string shown = pending ? pending->certificate : std::string();
  if (is_empty(verification) || (pending && !is_empty(*pending))) note_verification();
  handshake_deadline.reset();
  return {std::move(error), context->inside().hosts ? std::exchange(wanted_psk, {}) : std::string(),
          subject_of(shown)};
}

// The event of the engine, completed with what only the owner knows.
Event Session::State::complete(Event event) {
  if (std::holds_alternative<Connected>(event)) {
    note_verification();
    was_connected = true;
    wanted_psk = {};
  } else if (std::holds_alternative<Closed>(event)) {
    handshake_deadline.reset();
  } else if (const auto* wanted = std::get_if<PskWanted>(&event)) {
    wanted_psk = wanted->identity;
  } else if (auto* failed = std::get_if<Failed>(&event)) {
    if (engine.was_given_up()) return fail(std::move(failed->error));
    if (engine.has_declined() && failed->error.kind == ErrorKind::kPeer) {
      return fail(association::renegotiation_insisted(peer, failed->error.alert.value_or(0)));
    }
    return fail(association::name_peer(peer, std::move(failed->error)));
  }
  return event;
}

}  // namespace dtls
