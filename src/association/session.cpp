// Session: the façade of one association over handshake::Engine, with the patience of its owner.
#include "dtls/session.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "association/failure.hpp"
#include "association/negotiated.hpp"
#include "association/state.hpp"

namespace dtls {
namespace {

Error of_parent() {
  return {ErrorKind::kMisuse,
          EBADF,
          "this association belongs to the process that forked; a child process must make its own",
          {}};
}

}  // namespace

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Result<Session> Session::server(std::shared_ptr<const Context> context, const Address& peer,
                                const std::optional<Address>& local) {
  auto state = std::make_unique<State>(std::move(context), peer);
  state->local = local;
  state->awaits_hello = true;
  return Session(std::move(state));
}

Result<Session> Session::client(std::shared_ptr<const Context> context, const Address& peer,
                                TimePoint now) {
  auto state = std::make_unique<State>(std::move(context), peer);
  state->now = now;
  state->start_clock();
  state->engine.start(now);
  return Session(std::move(state));
}

void Session::receive(std::span<std::byte> datagram, TimePoint now) {
  State& state = *state_;
  if (state.engine.has_ended() || state.is_elsewhere()) return;
  state.heard_from_peer = true;
  state.now = now;
  if (std::exchange(state.awaits_hello, false)) {
    state.position(datagram);
    if (!state.handshake_deadline) state.start_clock();
  }
  state.engine.receive(datagram, now);
}

Result<void> Session::send(std::span<const std::byte> message) {
  if (state_->is_elsewhere()) return of_parent();
  return state_->engine.send(message);
}

std::optional<std::span<const std::byte>> Session::open(std::span<std::byte> datagram,
                                                        TimePoint now) {
  State& state = *state_;
  if (!state.engine.is_established() || state.is_elsewhere()) {
    receive(datagram, now);
    return std::nullopt;
  }
  state.now = now;
  return state.engine.open(datagram, now);
}

Result<std::size_t> Session::seal(std::span<const std::byte> message, std::span<std::byte> out) {
  if (state_->is_elsewhere()) return of_parent();
  return state_->engine.seal(message, out);
}

void Session::close() {
  if (state_->is_elsewhere()) return;
  state_->handshake_deadline.reset();
  state_->engine.close();
}

void Session::leave_thread() const noexcept {
  state_->engine.leave_thread();
}

void Session::set_handshake_timeout(Duration timeout, TimePoint now) {
  State& state = *state_;
  state.patience = timeout;
  state.now = now;
  const bool finished =
      state.engine.has_ended() || (state.engine.is_established() && !is_renegotiating());
  if (!finished) state.start_clock();
}

Result<void> Session::renegotiate(TimePoint now) {
  State& state = *state_;
  if (state.is_elsewhere()) return of_parent();
  state.now = now;
  auto begun = state.engine.renegotiate(now);
  if (begun && state.engine.awaits_answer()) state.start_clock();
  state.follow();
  return begun;
}

Result<void> Session::update_keys(bool ask_peer, TimePoint now) {
  if (state_->is_elsewhere()) return of_parent();
  state_->now = now;
  return state_->engine.update_keys(ask_peer, now);
}

void Session::provide_psk(std::optional<Psk> key, TimePoint now) {
  State& state = *state_;
  if (state.is_elsewhere()) return;
  state.now = now;
  std::optional<handshake::PreSharedKey> found;
  if (key) found = state.name_psk(*key, state.wanted_psk);
  state.engine.provide_psk(std::move(found), now);
}

std::optional<SessionTicket> Session::take_ticket() {
  if (state_->is_elsewhere()) return std::nullopt;
  auto ticket = state_->engine.take_ticket();
  if (!ticket) return std::nullopt;
  return SessionTicket(std::make_shared<SessionTicket::Inside>(
      std::move(*ticket), state_->context->inside().binding_for(state_->peer)));
}

Result<void> Session::export_keying_material(std::string_view label,
                                             std::optional<std::span<const std::byte>> context,
                                             std::span<std::byte> out) const {
  if (state_->is_elsewhere()) return of_parent();
  return state_->engine.export_keying_material(label, context, out);
}

bool Session::is_renegotiating() const {
  return state_->engine.is_renegotiating();
}

std::optional<Event> Session::poll_event() {
  State& state = *state_;
  if (state.is_elsewhere()) return std::nullopt;
  auto event = state.engine.poll_event();
  state.follow();
  if (!event) return std::nullopt;
  return state.complete(std::move(*event));
}

std::size_t Session::poll_transmit(std::span<std::byte> out) {
  if (state_->is_elsewhere()) return 0;
  return state_->engine.poll_transmit(out, state_->now);
}

std::optional<TimePoint> Session::deadline() const {
  const State& state = *state_;
  if (state.is_elsewhere()) return std::nullopt;
  std::optional<TimePoint> first = state.handshake_deadline;
  for (const auto& each : {state.engine.deadline(), state.engine.linger_deadline()}) {
    if (each && (!first || *each < *first)) first = each;
  }
  return first;
}

void Session::handle_timeout(TimePoint now) {
  State& state = *state_;
  if (state.is_elsewhere()) return;
  state.now = now;
  if (state.handshake_deadline && now >= *state.handshake_deadline) {
    state.handshake_deadline.reset();
    if (state.engine.awaits_answer()) {
      state.engine.give_up_request();  // the peer may ignore it (RFC 5246 §7.4.1.1)
    } else {
      state.engine.give_up(association::handshake_timed_out(
          state.peer, state.patience, state.heard_from_peer, state.engine.standstill()));
    }
  }
  state.engine.handle_timeout(now);
}

std::size_t Session::held_bytes() const {
  return state_->engine.held_bytes();
}

const PeerVerification& Session::verification() const {
  return state_->verification;
}

std::optional<Negotiated> Session::negotiated() const {
  if (!state_->was_connected) return std::nullopt;
  return association::describe(state_->engine.negotiated());
}

}  // namespace dtls
