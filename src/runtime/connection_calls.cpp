// The program's calls to a connection.
#include <array>
#include <cerrno>
#include <utility>

#include "runtime/connection_core.hpp"
#include "runtime/named_servers.hpp"
#include "runtime/server_core.hpp"

namespace dtls::runtime {
namespace {

Error connection_closed() {
  return {ErrorKind::kMisuse, EBADF, "this connection was closed", {}};
}

Error of_parent() {
  return {ErrorKind::kMisuse,
          EBADF,
          "this connection belongs to the process that forked; a child process must make its own",
          {}};
}

}  // namespace

ConnectionCore::State ConnectionCore::state() const {
  if (is_closed()) return State::kClosed;
  if (association_.end) {
    return association_.end->failure ? State::kFailed : State::kClosedByPeer;
  }
  return association_.established ? State::kEstablished : State::kHandshaking;
}

const Error* ConnectionCore::failure() const {
  return state() == State::kFailed ? &*association_.end->failure : nullptr;
}

Error ConnectionCore::end_error() const {
  switch (state()) {
    case State::kFailed:
      return *failure();
    case State::kClosedByPeer:
      return {ErrorKind::kPeer,
              ESHUTDOWN,
              "the peer at " + association_.path.peer.text() + " has closed the connection",
              {}};
    default:
      return connection_closed();
  }
}

Result<std::size_t> ConnectionCore::try_send(std::span<const std::byte> message) {
  if (is_elsewhere()) return of_parent();
  start();
  if (state() == State::kClosedByPeer) {
    auto error = end_error();
    error.sys_errno = EPIPE;
    return error;
  }
  if (!is_live()) return end_error();
  if (!association_.unsent.empty()) {
    transmit(std::exchange(association_.unsent, {}));
    if (!association_.unsent.empty()) {
      return Error{ErrorKind::kSystem, EAGAIN, "the socket's send buffer is full", {}};
    }
  }
  if (auto sent = association_.session.send(message); !sent) return std::move(sent).error();
  const TimePoint now = Clock::now();
  note_speech(now);
  drain(now);
  return message.size();
}

Result<std::size_t> ConnectionCore::try_recv(std::span<std::byte> into) {
  if (is_elsewhere()) return of_parent();
  if (is_closed()) return connection_closed();
  start();
  if (association_.received.empty() && is_live()) take_in(Clock::now());
  return try_take(into);
}

Result<std::size_t> ConnectionCore::try_take(std::span<std::byte> into) {
  if (is_elsewhere()) return of_parent();
  if (is_closed()) return connection_closed();
  if (!association_.received.empty()) {
    const std::size_t size = association_.received.pop(into);
    resume_reading();
    return size;
  }
  if (!is_live()) return end_error();
  return Error{ErrorKind::kSystem, EAGAIN, "no message is waiting", {}};
}

std::size_t ConnectionCore::pending() {
  if (is_elsewhere() || is_closed()) return 0;
  start();
  if (is_live()) take_in(Clock::now());
  return association_.received.front_size();
}

Result<void> ConnectionCore::renegotiate() {
  if (is_elsewhere()) return of_parent();
  if (!is_live()) return end_error();
  const TimePoint now = Clock::now();
  if (auto begun = association_.session.renegotiate(now); !begun) return begun;
  drain(now);
  return {};
}

Result<void> ConnectionCore::update_keys(bool ask_peer) {
  if (is_elsewhere()) return of_parent();
  if (!is_live()) return end_error();
  const TimePoint now = Clock::now();
  if (auto begun = association_.session.update_keys(ask_peer, now); !begun) return begun;
  drain(now);
  return {};
}

Result<void> ConnectionCore::export_keying_material(
    std::string_view label, std::optional<std::span<const std::byte>> context,
    std::span<std::byte> out) const {
  if (is_elsewhere()) return of_parent();
  if (is_closed()) return connection_closed();
  return association_.session.export_keying_material(label, context, out);
}

std::optional<SessionTicket> ConnectionCore::take_ticket() {
  association_.has_ticket = false;
  if (is_closed()) return std::nullopt;
  return association_.session.take_ticket();
}

void ConnectionCore::provide_psk(std::optional<Psk> key) {
  if (is_elsewhere() || !is_live() || !association_.wanted_psk) return;
  association_.wanted_psk.reset();
  const TimePoint now = Clock::now();
  association_.session.provide_psk(std::move(key), now);
  drain(now);
}

// ---- callbacks ----

void ConnectionCore::on_psk_wanted(std::function<void()> callback) {
  on_psk_wanted_ = std::move(callback);
  announce_soon();
}

void ConnectionCore::on_ticket(std::function<void()> callback) {
  on_ticket_ = std::move(callback);
  announce_soon();
}

void ConnectionCore::on_established(std::function<void()> callback) {
  on_established_ = std::move(callback);
  announce_soon();
}

// Not at once: the program may be in the middle of a call to this connection. An association that
// the peer has closed since was established, too.
void ConnectionCore::announce_soon() {
  if (is_elsewhere() || announcement_ || is_closed()) return;
  const bool is_due = (association_.wanted_psk && on_psk_wanted_) ||
                      (association_.has_ticket && on_ticket_) ||
                      (was_established() && on_established_);
  if (is_due) announcement_ = loop_.core().post([this] { announce(); });
}

bool ConnectionCore::was_established() const {
  return association_.established && state() != State::kFailed;
}

void ConnectionCore::announce() {
  announcement_.reset();
  const auto self = shared_from_this();
  // A callback may close the connection, put another one in its own place, or throw.
  if (was_established() && on_established_) {
    const auto callback = std::exchange(on_established_, {});
    announce_soon();
    return callback();
  }
  if (const auto callback = on_psk_wanted_; callback && association_.wanted_psk) callback();
  if (is_closed()) return;
  if (const auto callback = on_ticket_; callback && association_.has_ticket) callback();
}

std::optional<EventLoop::WatchId> ConnectionCore::watch(Interest interest,
                                                        std::function<void()> callback) {
  if (is_elsewhere() || is_closed()) return {};  // nothing will come
  return loop_.core().watch_source(*this, interest, std::move(callback));
}

bool ConnectionCore::ready(Interest interest) const {
  switch (interest) {
    case Interest::kRead:
      return !association_.received.empty() || !is_live();
    case Interest::kWrite:
      return !is_live() || (association_.established && association_.unsent.empty() &&
                            !association_.session.is_renegotiating());
    case Interest::kExcept:
      return state() == State::kFailed;
  }
  return false;
}

// ---- the socket ----

Result<int> ConnectionCore::descriptor() {
  if (is_elsewhere()) return of_parent();
  if (is_closed()) return connection_closed();
  if (const auto* awaiting = std::get_if<Awaiting>(&phase_)) return awaiting->fd;
  if (!has_own_socket()) {
    if (auto owned = own_socket(); !owned) return std::move(owned).error();
  }
  return socket_.descriptor();
}

Result<void> ConnectionCore::own_socket() {
  const auto server = server_here();
  if (!server) return connection_closed();
  auto made = server->split(association_.path);
  if (!made) return std::move(made).error();
  const TimePoint now = Clock::now();
  // What came for this peer before the split waits in the server's socket.
  server->take_in_all(now);
  if (is_closed()) return connection_closed();
  if (auto attached = attach_socket(std::move(*made)); !attached) return attached;
  if (association_.server != nullptr) {
    Migrations::of_process().announce(socket_.identity(), association_.server->name, as_owner());
  }
  // Other peers' datagrams that landed in it between bind and connect are routed at once.
  take_in(now);
  return {};
}

// A connected socket talks to one peer only, so this is a question about that peer.
Result<void> ConnectionCore::set_ipv6_only(bool enable) {
  const Address& peer = association_.path.peer;
  if (peer.family == Address::Family::kIpv6 && !(enable && peer.is_ipv4_mapped())) return {};
  return Error{ErrorKind::kMisuse,
               EINVAL,
               "cannot switch IPv6-only " + std::string(enable ? "on" : "off") +
                   ": this connection's peer is the IPv4 host " + peer.host(),
               {}};
}

int ConnectionCore::take_socket_error() {
  if (is_elsewhere()) return EBADF;  // what is read here is lost to the parent
  const int pending_error = !has_own_socket() ? 0 : socket_.take_error();
  const int noted = std::exchange(socket_error_, 0);
  return pending_error != 0 ? pending_error : noted;
}

// ---- what is known ----

const PeerVerification& ConnectionCore::verification() const {
  static const PeerVerification kNone;
  if (is_in<Moved>()) return kNone;
  const auto* closed = std::get_if<Closed>(&phase_);
  return closed != nullptr ? closed->verification : association_.session.verification();
}

std::optional<Negotiated> ConnectionCore::negotiated() const {
  if (is_in<Moved>()) return std::nullopt;
  const auto* closed = std::get_if<Closed>(&phase_);
  return closed != nullptr ? closed->negotiated : association_.session.negotiated();
}

// close wipes the session. The program may keep its handle for as long as it likes: of the session
// stays what it may ask for.
void ConnectionCore::close() {
  if (is_elsewhere()) {
    phase_ = Moved{};
    return socket_.close();
  }
  cancel_timers();
  if (is_closed()) return;
  if (!association_.unsent.empty()) {
    static_cast<void>(put_on_wire(std::exchange(association_.unsent, {})));
  }
  if (is_live()) {
    say_goodbye();
  } else {
    association_.session.close();
  }
  leave_endpoint();
  loop_.core().detach(*this);
  if (const auto* awaiting = std::get_if<Awaiting>(&phase_)) {
    Migrations::of_process().renounce(awaiting->socket, *this);
  } else if (has_own_socket() && association_.server != nullptr) {
    Migrations::of_process().withdraw(socket_.identity());
  }
  phase_ = Closed{association_.session.verification(), association_.session.negotiated()};
  home_ = None{};
  socket_.close();
  association_.received.clear();
  association_.opening = {};
  association_.server.reset();
  const Session wiped = std::move(association_.session);
}

}  // namespace dtls::runtime
