// The program's calls to a connection.
#include <algorithm>
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
  auto sent = seal(message);
  if (sent) flush_soon();
  return sent;
}

// seal makes a datagram of the message, to be flushed.
Result<std::size_t> ConnectionCore::seal(std::span<const std::byte> message) {
  if (is_elsewhere()) return of_parent();
  start();
  if (state() == State::kClosedByPeer) {
    auto error = end_error();
    error.sys_errno = EPIPE;
    return error;
  }
  if (!is_live()) return end_error();
  Port* const port = this->port();
  if (port == nullptr) {
    return Error{
        ErrorKind::kSystem, EAGAIN, "the connection has not arrived from the other thread yet", {}};
  }
  // One that is too long is refused by the session.
  const auto room = port->room(std::min(message.size(), kMaxMessage) + kMaxExpansion);
  if (room.empty()) {
    return Error{ErrorKind::kSystem, EAGAIN, "the socket's send buffer is full", {}};
  }
  auto size = association_.session.seal(message, room);
  port->commit(wire_path(), size ? *size : 0);
  if (!size) return std::move(size).error();
  const TimePoint now = loop_.core().now();
  note_speech(now);
  if (*size == 0) drain(now);
  return message.size();
}

Result<std::size_t> ConnectionCore::send_many(
    std::span<const std::span<const std::byte>> messages) {
  std::size_t count = 0;
  for (const auto& message : messages) {
    auto sent = seal(message);
    if (!sent) {
      if (count == 0) return sent;
      break;
    }
    ++count;
  }
  flush_soon();
  return count;
}

Result<std::size_t> ConnectionCore::try_recv(std::span<std::byte> into) {
  if (is_elsewhere()) return of_parent();
  if (is_closed()) return connection_closed();
  start();
  if (association_.received.empty() && is_live()) take_in(loop_.core().now());
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
  if (is_live()) take_in(loop_.core().now());
  return association_.received.front_size();
}

Result<void> ConnectionCore::renegotiate() {
  if (is_elsewhere()) return of_parent();
  if (!is_live()) return end_error();
  const TimePoint now = loop_.core().now();
  if (auto begun = association_.session.renegotiate(now); !begun) return begun;
  drain(now);
  return {};
}

Result<void> ConnectionCore::update_keys(bool ask_peer) {
  if (is_elsewhere()) return of_parent();
  if (!is_live()) return end_error();
  const TimePoint now = loop_.core().now();
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
  const TimePoint now = loop_.core().now();
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

void ConnectionCore::on_message(MessageCallback callback) {
  on_message_ = callback ? std::make_shared<const MessageCallback>(std::move(callback)) : nullptr;
  announce_soon();
}

// deliver_queue gives the program the messages that came before its callback was set.
void ConnectionCore::deliver_queue() {
  const auto callback = on_message_;
  std::vector<std::byte> message(association_.received.front_size());
  association_.received.pop(message);
  resume_reading();
  announce_soon();  // the others still come if the callback throws
  (*callback)(message);
}

// Not at once: the program may be in the middle of a call to this connection. An association that
// the peer has closed since was established, too.
void ConnectionCore::announce_soon() {
  if (is_elsewhere() || announcement_ || is_closed()) return;
  const bool is_due =
      (association_.wanted_psk && on_psk_wanted_) || (association_.has_ticket && on_ticket_) ||
      (!association_.received.empty() && on_message_) || (was_established() && on_established_);
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
  if (!is_closed() && on_message_ && !association_.received.empty()) deliver_queue();
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
      return !is_live() || (association_.established && !is_blocked() &&
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
  return port_.socket().descriptor();
}

Result<void> ConnectionCore::own_socket() {
  const auto server = server_here();
  if (!server) return connection_closed();
  server->flush();  // what was sent before stays before what the own socket sends
  auto made = server->split(association_.path);
  if (!made) return std::move(made).error();
  const TimePoint now = loop_.core().now();
  // Datagrams of this peer from before the split wait in the server's socket.
  server->take_in_all(now);
  if (is_closed()) return connection_closed();
  if (auto attached = attach_socket(std::move(*made)); !attached) return attached;
  if (association_.server != nullptr) {
    Migrations::of_process().announce(port_.socket().identity(), association_.server->name,
                                      as_owner());
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
  const int pending_error = !has_own_socket() ? 0 : port_.socket().take_error();
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

void ConnectionCore::close() {
  if (is_live() && !is_elsewhere()) say_goodbye();
  drop();
}

void ConnectionCore::abort() {
  drop();
}

// drop wipes the session. The program may keep its handle for as long as it likes: of the session
// stays what it may ask for.
void ConnectionCore::drop() {
  if (is_elsewhere()) {
    phase_ = Moved{};
    return port_.close();
  }
  cancel_timers();
  if (is_closed()) return;
  association_.session.close();
  leave_endpoint();
  loop_.core().detach(*this);
  if (const auto* awaiting = std::get_if<Awaiting>(&phase_)) {
    Migrations::of_process().renounce(awaiting->socket, *this);
  } else if (has_own_socket() && association_.server != nullptr) {
    Migrations::of_process().withdraw(port_.socket().identity());
  }
  if (has_own_socket()) static_cast<void>(port_.flush());  // what was accepted before
  phase_ = Closed{association_.session.verification(), association_.session.negotiated()};
  home_ = None{};
  cancel_flush();
  port_.close();
  association_.received.clear();
  association_.opening = {};
  association_.server.reset();
  on_message_.reset();
  const Session wiped = std::move(association_.session);
}

}  // namespace dtls::runtime
