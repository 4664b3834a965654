// A connection's datagrams, events and timers.
#include "runtime/connection_core.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "runtime/named_servers.hpp"
#include "runtime/receive_batch.hpp"
#include "runtime/server_core.hpp"

namespace dtls::runtime {
namespace {

// How often the server is told, at most, that a peer speaks.
constexpr Duration kSpokeAgain{1000};

}  // namespace

ConnectionCore::~ConnectionCore() {
  close();
  loop_.core().detach(*this);
}

Result<void> ConnectionCore::begin_on(net::UdpSocket socket) {
  if (auto attached = attach_socket(std::move(socket)); !attached) return attached;
  drain(loop_.core().now());
  return {};
}

// The handshake does not begin at once: the program may have the connection move before.
void ConnectionCore::begin_shared(const std::shared_ptr<ServerCore>& server,
                                  endpoint::Handle handle) {
  home_ = Local{.server = server, .handle = handle};
  loop_.core().attach(*this, -1);
  phase_ = Opening{loop_.core().post([this] { start(); })};
}

Result<void> ConnectionCore::attach_socket(net::UdpSocket&& socket) {
  try {
    loop_.core().attach(*this, socket.descriptor());
  } catch (const std::system_error& error) {
    return Error{ErrorKind::kSystem, error.code().value(), error.what(), {}};
  }
  port_.open(std::move(socket));
  reading_paused_ = false;
  if (auto local = port_.socket().local_address()) association_.path.local = *local;
  return {};
}

void ConnectionCore::start() {
  const auto* opening = std::get_if<Opening>(&phase_);
  if (opening == nullptr) return;
  loop_.core().cancel_timer(opening->start);
  phase_ = Serving{};
  const auto self = shared_from_this();  // a callback of the program may destroy it
  const TimePoint now = loop_.core().now();
  for (auto& datagram : std::exchange(association_.opening, {}))
    receive(datagram, now);
}

std::shared_ptr<ServerCore> ConnectionCore::server_here() const {
  const auto* local = std::get_if<Local>(&home_);
  return local == nullptr ? nullptr : local->server.lock();
}

endpoint::Handle ConnectionCore::handle() const {
  const auto* local = std::get_if<Local>(&home_);
  return local == nullptr ? endpoint::Handle() : local->handle;
}

// ---- in ----

bool ConnectionCore::is_reached_by(const ServerCore& server) const {
  if (!has_own_socket()) return true;
  const auto device = port_.socket().device();
  return device.empty() || device == server.device();
}

void ConnectionCore::on_datagram(std::span<std::byte> datagram, TimePoint now) {
  if (!is_in<Opening>()) return receive(datagram, now);
  endpoint::Opening::hold(association_.opening, datagram);
}

void ConnectionCore::receive(std::span<std::byte> datagram, TimePoint now) {
  if (!is_live()) return;
  association_.heard = true;
  if (const auto message = association_.session.open(datagram, now)) {
    return take_message(*message, now);
  }
  const auto self = shared_from_this();  // a callback of the program may destroy it
  drain(now);
  if (!is_handshaking() || !handle()) return;
  if (const auto server = server_here()) {
    server->charge(handle(), association_.session.held_bytes(), now);
  }
}

void ConnectionCore::take_in(TimePoint now) {
  // Reading may end this connection; it must not go away underneath.
  const auto self = shared_from_this();
  if (!has_own_socket()) {
    if (association_.received.is_full()) return;
    if (const auto server = server_here()) server->take_in(now);
    return;
  }
  if (loop_.core().in_turn() && read_empty_at_ == now) return;
  // Bounded: a sender faster than this connection must not starve the others of the loop.
  constexpr int kMostBatches = 8;
  for (int i = 0; i < kMostBatches && has_own_socket(); ++i) {
    // Further datagrams wait in the kernel, behind which a close_notify or a handshake message may
    // be: they come when the program has read.
    if (association_.received.is_full()) return pause_reading();
    if (!take_in_batch(now)) return;
  }
}

// take_in_batch reads the own socket once, however full the queue is. False: nothing more waits.
bool ConnectionCore::take_in_batch(TimePoint now) {
  ReceiveMemory memory;
  const auto count = port_.socket().receive(memory.batch());
  if (!count) {
    note_socket_error(count.error());
    return true;
  }
  const bool is_all = !memory.batch().is_full();
  if (is_all) read_empty_at_ = now;
  memory.process([&](net::Incoming& incoming) { take_own(incoming, now); });
  return !is_all;
}

// take_own routes a datagram of the own socket. That may be another peer's, which landed here
// between the socket's bind and its connect, or belong to a new association of the same peer: the
// server decides.
void ConnectionCore::take_own(net::Incoming& incoming, TimePoint now) {
  const bool is_ours = incoming.peer == association_.path.peer;
  std::unique_ptr<endpoint::CookieGate> gate;  // owns the hello that it has put together
  if (auto* unproven = std::get_if<Unproven>(&phase_); unproven != nullptr && is_ours) {
    if (!admit(*unproven, incoming, now)) return;
    gate = std::move(unproven->gate);
    phase_ = Serving{};
  }
  if (const auto server = server_here()) {
    const Path path{incoming.local.value_or(association_.path.local), incoming.peer};
    return server->take(path, incoming.bytes, now, ServerCore::By::kConnection);
  }
  if (const auto* remote = std::get_if<Remote>(&home_)) {
    const bool is_servers =
        !is_ours || !is_live() || remote->routing != Routing::kOwn || begins_anew(incoming.bytes);
    if (is_servers) {
      association_.server->give_back(
          {incoming.local.value_or(association_.path.local), incoming.peer}, incoming.bytes, now,
          is_ours ? remote->id : 0);
      return;
    }
  }
  if (is_ours) on_datagram(incoming.bytes, now);
}

bool ConnectionCore::begins_anew(std::span<const std::byte> datagram) const {
  if (const auto hello = wire::peek_hello(datagram)) return *hello != association_.mark;
  return association_.established && wire::peek_hello_rest(datagram);
}

// The loop does not watch the socket meanwhile, which stays readable.
void ConnectionCore::pause_reading() {
  if (std::exchange(reading_paused_, true)) return;
  loop_.core().pause(*this);
}

void ConnectionCore::resume_reading() {
  if (!reading_paused_ || !association_.received.is_half_empty()) return;
  reading_paused_ = false;
  loop_.core().resume(*this);
}

// drain processes the session's events and sends its datagrams. A callback of the program that is
// under way may call the session: what follows from that is dealt with when it has returned.
void ConnectionCore::drain(TimePoint now) {
  if (is_draining_) return;
  is_draining_ = true;
  const auto self = shared_from_this();
  try {
    while (!is_closed()) {
      auto event = association_.session.poll_event();
      if (!event) break;
      handle(*event, now);
    }
  } catch (...) {  // of the program's callback: the events behind it still come
    is_draining_ = false;
    loop_.core().post([self] { self->drain(self->loop_.core().now()); });
    throw;
  }
  is_draining_ = false;
  if (is_closed()) return;
  send_pending();
  rearm(now);
  loop_.core().readiness_changed(*this);
}

void ConnectionCore::handle(Event& event, TimePoint now) {
  if (std::holds_alternative<Connected>(event)) {
    on_connected(now);
  } else if (const auto* message = std::get_if<Message>(&event)) {
    take_message(message->bytes, now);
  } else if (std::holds_alternative<dtls::Closed>(event)) {
    end({});
  } else if (auto* failed = std::get_if<Failed>(&event)) {
    report_failure(std::move(*failed));
  } else if (auto* wanted = std::get_if<PskWanted>(&event)) {
    association_.wanted_psk = std::move(wanted->identity);
    announce_soon();
  } else if (std::holds_alternative<TicketReceived>(event)) {
    association_.has_ticket = true;
    announce_soon();
  }
}

void ConnectionCore::take_message(std::span<const std::byte> message, TimePoint now) {
  note_speech(now);
  if (message.empty()) return;
  if (on_message_ && association_.received.empty()) {
    const auto self = shared_from_this();
    const auto callback = on_message_;  // it may put another in its own place
    return (*callback)(message);
  }
  association_.received.push(message);
  announce_soon();
  loop_.core().readiness_changed(*this);
  if (has_own_socket() || !association_.received.is_full()) return;
  if (const auto server = server_here()) server->note_full();
}

void ConnectionCore::note_speech(TimePoint now) {
  auto* local = std::get_if<Local>(&home_);
  if (local == nullptr || !local->handle || now - local->spoke_at < kSpokeAgain) return;
  local->spoke_at = now;
  if (const auto server = local->server.lock()) server->spoke(local->handle, now);
}

void ConnectionCore::on_connected(TimePoint now) {
  association_.established = true;
  if (const auto* remote = std::get_if<Remote>(&home_)) {
    association_.server->establish_migrated(association_.path.peer, remote->id);
  } else if (const auto server = server_here(); server && handle()) {
    server->establish(handle(), now);
  }
  announce_soon();
}

// ---- out ----

Port* ConnectionCore::port() {
  if (has_own_socket()) return &port_;
  const auto server = server_here();
  return server ? &server->port() : nullptr;
}

bool ConnectionCore::is_blocked() const {
  if (has_own_socket()) return port_.is_blocked();
  const auto server = server_here();
  return server && server->port().is_blocked();
}

// While the kernel has no room, datagrams stay in the session, which bounds them: what a program
// was told to be sent must not make room for what follows it.
void ConnectionCore::send_pending() {
  Port* const port = this->port();
  if (port == nullptr) return;
  bool any = false;
  for (auto room = port->room(kMaxDatagram); !room.empty(); room = port->room(kMaxDatagram)) {
    const std::size_t size = association_.session.poll_transmit(room);
    port->commit(wire_path(), size);
    if (size == 0) break;
    any = true;
  }
  if (any) flush_soon();
}

void ConnectionCore::flush_soon() {
  if (has_own_socket()) {
    Flushing::flush_soon(loop_.core());
  } else if (const auto server = server_here()) {
    server->flush_soon(loop_.core());
  }
}

void ConnectionCore::flush() {
  if (is_elsewhere()) return;
  if (!has_own_socket()) {
    if (const auto server = server_here()) server->flush();
    return;
  }
  const bool was_blocked = port_.is_blocked();
  if (const auto error = port_.flush()) note_socket_error(*error);
  if (port_.is_blocked()) {
    rearm(loop_.core().now());
  } else if (was_blocked) {
    on_room();
  }
}

void ConnectionCore::on_room() {
  if (is_closed()) return;
  send_pending();
  loop_.core().readiness_changed(*this);
}

// ICMP errors are not authenticated. While nothing was heard of the peer they end a handshake at
// once, since waiting could only confirm them; later they are a hint, told by take_socket_error.
void ConnectionCore::note_socket_error(const Error& error) {
  socket_error_ = error.sys_errno;
  // "Fragmentation needed" says nothing about the peer: smaller datagrams follow.
  if (error.sys_errno == EMSGSIZE) return;
  if (!is_handshaking() || association_.heard) return;
  Error fatal = error;
  if (error.sys_errno == ECONNREFUSED) {
    fatal.message = "nothing is listening at " + association_.path.peer.text() +
                    " (ICMP port unreachable); start the server or correct the address";
  }
  fail(std::move(fatal));
}

// say_goodbye sends what the session has to say at its end.
void ConnectionCore::say_goodbye() {
  association_.session.close();
  send_pending();
}

// ---- time ----

void ConnectionCore::rearm(TimePoint now) {
  std::optional<TimePoint> when;
  if (is_live()) when = association_.session.deadline();
  if (port_.is_blocked()) when = std::min(when.value_or(TimePoint::max()), now + Port::kRetry);
  if (when == armed_for_) return;
  if (timer_) loop_.cancel_timer(*std::exchange(timer_, std::nullopt));
  armed_for_ = when;
  if (when) timer_ = loop_.add_timer(*when, [this] { on_timer(); });
}

void ConnectionCore::on_timer() {
  const auto self = shared_from_this();
  timer_.reset();
  armed_for_.reset();
  const TimePoint now = loop_.core().now();
  if (port_.is_blocked()) flush();
  // The answer that the session has waited for may be in a socket that is not read. A flight is
  // repeated 12 times at most, so the queue grows by as many batches at most.
  if (reading_paused_ && is_live()) take_in_batch(now);
  if (is_live()) association_.session.handle_timeout(now);
  drain(now);
}

void ConnectionCore::cancel_timers() {
  if (announcement_) loop_.core().cancel_timer(*std::exchange(announcement_, std::nullopt));
  if (timer_) loop_.cancel_timer(*std::exchange(timer_, std::nullopt));
  armed_for_.reset();
  if (const auto* opening = std::get_if<Opening>(&phase_)) {
    loop_.core().cancel_timer(opening->start);
  }
}

// ---- the end ----

void ConnectionCore::on_evicted(const endpoint::Evicted& evicted) {
  std::get<Local>(home_).handle = {};
  if (!is_live()) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(evicted.since).count();
  const std::string peer = association_.path.peer.text();
  Error error{ErrorKind::kSystem, ECONNABORTED, {}, {}};
  if (evicted.half_open) {
    error.message = "the server ended the handshake with " + peer + ", unfinished after " +
                    std::to_string(seconds) +
                    " s, to make room for others: it had reached a limit of unfinished handshakes";
  } else {
    error.message = "the server ended the association with " + peer + ", which had been idle for " +
                    std::to_string(seconds) +
                    " s, to make room for others: it had reached its limit of associations";
    say_goodbye();
  }
  report_failure({std::move(error)});
}

void ConnectionCore::on_superseded() {
  if (!is_live()) return;
  fail({ErrorKind::kPeer,
        ECONNRESET,
        "the peer at " + association_.path.peer.text() +
            " has begun a new association (RFC 6347 §4.2.8); the old one is dead",
        {}});
}

// Failures of this thread's handshakes are reported to the server; a connection that has moved
// reports its own.
void ConnectionCore::report_failure(Failed failed) {
  if (const auto server = server_here(); server && is_handshaking()) {
    server->note_failure({association_.path.peer, failed.error, std::move(failed.psk_identity),
                          std::move(failed.subject)});
  }
  end({std::move(failed.error)});
}

// end is reached once, by the peer or by a failure. The routing of the peer's datagrams stops, so
// that the peer may come back; the descriptor stays until close, for watches.
void ConnectionCore::end(Association::End how) {
  association_.end = std::move(how);
  rearm(loop_.core().now());
  leave_endpoint();
  loop_.core().readiness_changed(*this);
}

void ConnectionCore::leave_endpoint() {
  if (auto* local = std::get_if<Local>(&home_)) {
    const auto handle = std::exchange(local->handle, {});
    const auto server = local->server.lock();
    if (server && handle) server->forget(handle);
  } else if (const auto* remote = std::get_if<Remote>(&home_)) {
    association_.server->forget_migrated(association_.path.peer, remote->id);
  }
}

void ConnectionCore::leave_server() {
  if (is_live() && !has_own_socket()) {
    if (auto owned = own_socket(); !owned) {
      Error error = std::move(owned).error();
      error.message = "the server closed, and its connection to " + association_.path.peer.text() +
                      " could not be given a socket of its own: " + error.message;
      fail(std::move(error));
    }
  }
  leave_endpoint();
  home_ = None{};
}

}  // namespace dtls::runtime
