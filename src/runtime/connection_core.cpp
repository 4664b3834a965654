#include "runtime/connection_core.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "runtime/named_servers.hpp"
#include "runtime/receive_batch.hpp"

namespace dtls::runtime {
namespace {

// How soon a datagram is tried again that the kernel's send buffer had no room for.
constexpr Duration kSendRetry{1};

// How often the server is told, at most, that a peer speaks.
constexpr Duration kSpokeAgain{1000};

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

ConnectionCore::~ConnectionCore() {
  close();
  loop_.core().detach(*this);
}

Result<void> ConnectionCore::begin_on(net::UdpSocket socket) {
  if (auto attached = attach_socket(std::move(socket)); !attached) return attached;
  drain(Clock::now());
  return {};
}

void ConnectionCore::begin_shared(const std::shared_ptr<Carrier>& carrier) {
  carrier_ = carrier;
  counted_ = true;
  loop_.core().attach(*this, -1);
  start_soon();
}

Result<void> ConnectionCore::attach_socket(net::UdpSocket&& socket) {
  try {
    loop_.core().attach(*this, socket.descriptor());
  } catch (const std::system_error& error) {
    return Error{ErrorKind::kSystem, error.code().value(), error.what(), {}};
  }
  socket_ = std::move(socket);
  reading_paused_ = false;
  if (auto local = socket_.local_address()) association_.local = *local;
  return {};
}

// Not at once: the program may hand the peer on before its handshake has begun.
void ConnectionCore::start_soon() {
  start_ = loop_.core().post([this] { start(); });
}

void ConnectionCore::start() {
  if (start_) loop_.core().cancel_timer(*std::exchange(start_, std::nullopt));
  const TimePoint now = Clock::now();
  for (auto& datagram : std::exchange(association_.opening, {})) {
    if (!is_live()) return;
    feed(datagram, now);
  }
}

// A datagram that came by the server's socket. Where the own one is bound to an interface that the
// server's is not bound to, the kernel leaves to the server what came by another.
void ConnectionCore::on_datagram(std::span<std::byte> datagram, TimePoint now) {
  if (has_own_socket()) {
    const auto carrier = carrier_.lock();
    const auto device = socket_.device();
    if (!device.empty() && !(carrier && carrier->device() == device)) return;
  }
  take(datagram, now);
}

void ConnectionCore::take(std::span<std::byte> datagram, TimePoint now) {
  if (!is_live()) return;
  if (!start_) return feed(datagram, now);
  // Its turn comes, here or where the association flies to.
  association_.hold_opening(datagram);
}

void ConnectionCore::feed(std::span<std::byte> datagram, TimePoint now) {
  association_.heard = true;
  // Until the peer's new association has proven itself this may be meant for the old one.
  if (auto* old = association_.predecessor.get(); old != nullptr && !wire::peek_hello(datagram)) {
    old->on_datagram(datagram, now);
  }
  association_.session.receive(datagram, now);
  drain(now);
  if (!counted_ || !is_handshaking()) return;
  const auto carrier = carrier_.lock();
  if (carrier) carrier->charge(*this, association_.session.held_bytes(), now);
}

void ConnectionCore::on_evicted(const endpoint::Eviction& eviction) {
  if (!is_live()) return;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(eviction.since).count();
  const std::string peer = association_.peer.text();
  Error error{ErrorKind::kSystem, ECONNABORTED, {}, {}};
  if (eviction.half_open) {
    error.message = "the server ended the handshake with " + peer + ", unfinished after " +
                    std::to_string(seconds) +
                    " s, to make room for others: it had reached a limit of unfinished handshakes";
  } else {
    error.message = "the server ended the association with " + peer + ", which had been idle for " +
                    std::to_string(seconds) +
                    " s, to make room for others: it had reached its limit of associations";
    say_goodbye();
  }
  fail(std::move(error));
}

// say_goodbye sends what the session has to say at its end.
void ConnectionCore::say_goodbye() {
  association_.session.close();
  std::array<std::byte, kMaxDatagram> datagram;
  while (const std::size_t size = association_.session.poll_transmit(datagram))
    static_cast<void>(put_on_wire(std::span(datagram).first(size)));
}

void ConnectionCore::take_in(TimePoint now) {
  // Callbacks of the carrier may close this connection; it must not go away underneath.
  const auto self = shared_from_this();
  if (!has_own_socket()) {
    if (association_.received.is_full()) return;
    if (const auto carrier = carrier_.lock()) carrier->take_in(now);
    return;
  }
  // Bounded: a sender faster than this connection must not starve the others of the loop.
  constexpr int kMostBatches = 8;
  for (int i = 0; i < kMostBatches && has_own_socket(); ++i) {
    // Further datagrams wait in the kernel, behind which a close_notify or a handshake message may
    // be: they come when the program has read.
    if (association_.received.is_full()) return pause_reading();
    if (!take_in_batch(now)) return;
  }
}

// take_in_batch reads the own socket once, however full the queue is. False: nothing waited.
bool ConnectionCore::take_in_batch(TimePoint now) {
  auto& batch = receive_batch();
  const auto count = socket_.receive(batch);
  if (!count) {
    note_socket_error(count.error());
    return true;
  }
  for (auto& incoming : batch.datagrams())
    take_in_one(incoming, now);
  return *count > 0;
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

// The server routes what is not this association's: strays of other peers, which landed here
// between the socket's bind and its connect, and whatever comes once the peer begins anew or this
// association has ended.
void ConnectionCore::take_in_one(net::Incoming& incoming, TimePoint now) {
  const bool is_ours = incoming.peer == association_.peer;
  std::unique_ptr<endpoint::CookieGate> gate;  // it may hold what it has put together
  if (is_ours && gate_) {
    if (!admit(incoming, now)) return;
    gate = std::move(gate_);
  }
  const auto carrier = carrier_.lock();
  const auto begins_anew = [&] {
    if (const auto hello = wire::peek_hello(incoming.bytes)) return *hello != association_.mark;
    return !is_handshaking() && wire::peek_hello_rest(incoming.bytes);
  };
  if (!is_ours || (carrier && (!is_live() || association_.yielding || begins_anew()))) {
    if (carrier) carrier->give_back(incoming.peer, incoming.local, incoming.bytes, now);
  } else {
    take(incoming.bytes, now);
  }
}

void ConnectionCore::drain(TimePoint now) {
  while (auto event = association_.session.poll_event())
    handle(*event, now);
  std::array<std::byte, kMaxDatagram> datagram;
  // While one waits for room in the kernel, the others stay in the session, which bounds them: what
  // a program was told to be sent must not make room for what follows it.
  while (association_.unsent.empty()) {
    const std::size_t size = association_.session.poll_transmit(datagram);
    if (size == 0) break;
    if (association_.state != State::kClosed) transmit(std::span(datagram).first(size));
  }
  rearm(now);
  if (association_.state != State::kClosed) loop_.core().readiness_changed(*this);
}

void ConnectionCore::handle(Event& event, TimePoint now) {
  if (std::holds_alternative<Connected>(event)) {
    on_connected(now);
  } else if (const auto* message = std::get_if<Message>(&event)) {
    note_speech(now);
    if (!message->bytes.empty()) association_.received.push(message->bytes);
    if (has_own_socket() || !association_.received.is_full()) return;
    if (const auto carrier = carrier_.lock()) carrier->note_full();
  } else if (std::holds_alternative<Closed>(event)) {
    end(State::kClosedByPeer);
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

void ConnectionCore::note_speech(TimePoint now) {
  if (!counted_ || now - spoke_at_ < kSpokeAgain) return;
  spoke_at_ = now;
  if (const auto carrier = carrier_.lock()) carrier->spoke(*this, now);
}

void ConnectionCore::on_connected(TimePoint now) {
  association_.state = State::kEstablished;
  if (const auto carrier = carrier_.lock(); carrier && counted_) carrier->establish(*this, now);
  if (const auto old = association_.predecessor.release()) old->supersede();
  announce_soon();
}

// A handshake's datagrams that cannot be sent are lost datagrams: they are sent again in time.
void ConnectionCore::transmit(std::span<const std::byte> datagram) {
  const auto sent = put_on_wire(datagram);
  if (sent) return;
  if (sent.error().sys_errno == EAGAIN) {
    association_.unsent.assign(datagram.begin(), datagram.end());
  } else {
    note_socket_error(sent.error());
  }
}

Result<void> ConnectionCore::put_on_wire(std::span<const std::byte> datagram) {
  if (!has_own_socket()) {
    const auto carrier = carrier_.lock();
    return carrier ? carrier->send_to(datagram, association_.peer, association_.local)
                   : Result<void>(connection_closed());
  }
  auto sent = socket_.send(datagram);
  if (sent || sent.error().sys_errno == EAGAIN) return sent;
  // Most likely an ICMP message about an earlier datagram, genuine or forged: the kernel reports it
  // once, and has not tried this datagram.
  note_socket_error(sent.error());
  return socket_.send(datagram);
}

// ICMP errors are not authenticated. While nothing was heard of the peer they end a handshake at
// once, since waiting could only confirm them; later they are a hint, told by take_socket_error.
void ConnectionCore::note_socket_error(const Error& error) {
  socket_error_ = error.sys_errno;
  // "Fragmentation needed" is no word of the peer's absence: smaller datagrams follow.
  if (error.sys_errno == EMSGSIZE) return;
  if (association_.state != State::kHandshaking || association_.heard) return;
  Error fatal = error;
  if (error.sys_errno == ECONNREFUSED) {
    fatal.message = "nothing is listening at " + association_.peer.text() +
                    " (ICMP port unreachable); start the server or correct the address";
  }
  fail(std::move(fatal));
}

void ConnectionCore::rearm(TimePoint now) {
  std::optional<TimePoint> when;
  if (is_live()) when = association_.session.deadline();
  if (!association_.unsent.empty())
    when = std::min(when.value_or(TimePoint::max()), now + kSendRetry);
  if (when == armed_for_) return;
  if (timer_) loop_.cancel_timer(*std::exchange(timer_, std::nullopt));
  armed_for_ = when;
  if (!when) return;
  timer_ = loop_.add_timer(*when, [this] {
    const auto self = shared_from_this();
    timer_.reset();
    armed_for_.reset();
    const TimePoint at = Clock::now();
    if (!association_.unsent.empty()) transmit(std::exchange(association_.unsent, {}));
    // The answer that the session has waited for may be in a socket that is not read. A flight is
    // repeated 12 times at most, so the queue grows by as many batches at most.
    if (reading_paused_ && is_live()) take_in_batch(at);
    if (is_live()) association_.session.handle_timeout(at);
    drain(at);
  });
}

void ConnectionCore::report_failure(Failed failed) {
  if (const auto carrier = carrier_.lock(); carrier && counted_ && is_handshaking()) {
    carrier->note_failure({association_.peer, failed.error, std::move(failed.psk_identity),
                           std::move(failed.subject)});
  }
  association_.failure = std::move(failed.error);
  end(State::kFailed);
}

// end is reached once: by the peer, by a failure, or by close. The routing of the peer's datagrams
// stops, so that the peer may come back; the descriptor stays until close, for watches.
void ConnectionCore::end(State state) {
  association_.state = state;
  rearm(Clock::now());
  leave_endpoint();
  association_.predecessor.give_up();
  if (association_.state != State::kClosed) loop_.core().readiness_changed(*this);
}

void ConnectionCore::leave_endpoint() {
  const auto carrier = carrier_.lock();
  if (std::exchange(counted_, false) && carrier) {
    carrier->forget(association_.peer, *this);
  }
}

Error ConnectionCore::end_error() const {
  switch (association_.state) {
    case State::kFailed:
      return association_.failure.value();
    case State::kClosedByPeer:
      return {ErrorKind::kPeer,
              ESHUTDOWN,
              "the peer at " + association_.peer.text() + " has closed the connection",
              {}};
    default:
      return connection_closed();
  }
}

Result<std::size_t> ConnectionCore::try_send(std::span<const std::byte> message) {
  if (is_elsewhere()) return of_parent();
  if (start_) start();
  if (association_.state == State::kClosedByPeer) {
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
  if (association_.state == State::kClosed) return connection_closed();
  if (start_) start();
  if (association_.received.empty() && is_live()) take_in(Clock::now());
  return try_take(into);
}

Result<std::size_t> ConnectionCore::try_take(std::span<std::byte> into) {
  if (is_elsewhere()) return of_parent();
  if (association_.state == State::kClosed) return connection_closed();
  if (!association_.received.empty()) {
    const std::size_t size = association_.received.pop(into);
    resume_reading();
    return size;
  }
  if (!is_live()) return end_error();
  return Error{ErrorKind::kSystem, EAGAIN, "no message is waiting", {}};
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
  if (association_.state == State::kClosed) return connection_closed();
  return association_.session.export_keying_material(label, context, out);
}

std::optional<SessionTicket> ConnectionCore::take_ticket() {
  association_.has_ticket = false;
  if (association_.state == State::kClosed) return std::nullopt;
  return association_.session.take_ticket();
}

void ConnectionCore::provide_psk(std::optional<Psk> key) {
  if (is_elsewhere() || !is_live() || !association_.wanted_psk) return;
  association_.wanted_psk.reset();
  const TimePoint now = Clock::now();
  association_.session.provide_psk(std::move(key), now);
  drain(now);
}

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

// Not at once: the program may be in the middle of a call to this connection.
void ConnectionCore::announce_soon() {
  const bool is_due = (association_.wanted_psk && on_psk_wanted_) ||
                      (association_.has_ticket && on_ticket_) ||
                      (was_established() && on_established_);
  if (is_elsewhere() || !is_due || announcement_ || flown_ || association_.state == State::kClosed)
    return;
  announcement_ = loop_.core().post([this] { announce(); });
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
  if (association_.state == State::kClosed) return;  // also where it has flown away
  if (const auto callback = on_ticket_; callback && association_.has_ticket) callback();
}

std::size_t ConnectionCore::pending() {
  if (is_elsewhere() || association_.state == State::kClosed) return 0;
  if (start_) start();
  if (is_live()) take_in(Clock::now());
  return association_.received.front_size();
}

void ConnectionCore::close() {
  if (is_elsewhere()) {
    association_.state = State::kClosed;
    return socket_.close();
  }
  if (announcement_) loop_.core().cancel_timer(*std::exchange(announcement_, std::nullopt));
  if (association_.state == State::kClosed) return;
  if (start_) loop_.core().cancel_timer(*std::exchange(start_, std::nullopt));
  const bool was_live = is_live();
  if (!association_.unsent.empty()) {
    static_cast<void>(put_on_wire(std::exchange(association_.unsent, {})));
  }
  association_.session.close();
  std::array<std::byte, kMaxDatagram> datagram;
  while (const std::size_t size = association_.session.poll_transmit(datagram)) {
    if (was_live) static_cast<void>(put_on_wire(std::span(datagram).first(size)));
  }
  association_.received.clear();
  association_.opening.clear();
  end(State::kClosed);
  association_.inlet.reset();
  loop_.core().detach(*this);
  forget_secrets();
  auto& hand_overs = HandOvers::of_process();
  if (is_awaiting()) {
    hand_overs.renounce(awaited_->socket, *this);
  } else if (has_own_socket() && association_.server != nullptr) {
    hand_overs.withdraw(socket_.identity());
  }
  socket_.close();
  association_.server.reset();
}

// The program may keep its handle for as long as it likes: of the session stays what it may ask
// for.
void ConnectionCore::forget_secrets() {
  ended_ = std::make_unique<const Ended>(
      Ended{association_.session.verification(), association_.session.negotiated()});
  const Session gone = std::move(association_.session);
  gate_.reset();
  remote_.reset();
}

Result<int> ConnectionCore::descriptor() {
  if (is_elsewhere()) return of_parent();
  if (association_.state == State::kClosed) return connection_closed();
  if (is_awaiting()) return awaited_->fd;
  if (!has_own_socket()) {
    if (auto owned = own_socket(); !owned) return std::move(owned).error();
  }
  return socket_.descriptor();
}

Result<void> ConnectionCore::own_socket() {
  const auto carrier = carrier_.lock();
  if (!carrier) return connection_closed();
  auto made = carrier->split(association_.local, association_.peer);
  if (!made) return std::move(made).error();
  const TimePoint now = Clock::now();
  // What came for this peer before the split waits in the server's socket.
  carrier->take_in_all(now);
  if (association_.state == State::kClosed) return connection_closed();
  if (auto attached = attach_socket(std::move(*made)); !attached) return attached;
  if (association_.server != nullptr) {
    HandOvers::of_process().announce(socket_.identity(), association_.server->name);
  }
  // Strays that landed in it between bind and connect go back at once.
  take_in(now);
  return {};
}

// A connected socket talks to one peer only, so this is a question about that peer.
Result<void> ConnectionCore::set_ipv6_only(bool enable) {
  const Address& peer = association_.peer;
  if (peer.family == Address::Family::kIpv6 && !(enable && peer.is_ipv4_mapped())) return {};
  return Error{ErrorKind::kMisuse,
               EINVAL,
               "cannot switch IPv6-only " + std::string(enable ? "on" : "off") +
                   ": this connection's peer is the IPv4 host " + peer.host(),
               {}};
}

void ConnectionCore::leave_carrier() {
  if (is_live() && !has_own_socket()) {
    if (auto owned = own_socket(); !owned) {
      Error error = std::move(owned).error();
      error.message = "the server closed, and its connection to " + association_.peer.text() +
                      " could not be given a socket of its own: " + error.message;
      fail(std::move(error));
    }
  }
  leave_endpoint();
  carrier_.reset();
}

int ConnectionCore::take_socket_error() {
  if (is_elsewhere()) return EBADF;  // what is read here is lost to the parent
  const int pending_error = !has_own_socket() ? 0 : socket_.take_error();
  const int noted = std::exchange(socket_error_, 0);
  return pending_error != 0 ? pending_error : noted;
}

const PeerVerification& ConnectionCore::verification() const {
  static const PeerVerification kNone;
  if (flown_) return kNone;
  return ended_ ? ended_->verification : association_.session.verification();
}

std::optional<Negotiated> ConnectionCore::negotiated() const {
  if (flown_) return std::nullopt;
  return ended_ ? ended_->negotiated : association_.session.negotiated();
}

std::optional<EventLoop::WatchId> ConnectionCore::watch(Interest interest,
                                                        std::function<void()> callback) {
  if (is_elsewhere() || association_.state == State::kClosed) return {};  // nothing will come
  return loop_.core().watch_source(*this, interest, std::move(callback));
}

bool ConnectionCore::ready(Interest interest) const {
  switch (interest) {
    case Interest::kRead:
      return !association_.received.empty() || !is_live();
    case Interest::kWrite:
      return !is_live() ||
             (association_.state == State::kEstablished && association_.unsent.empty() &&
              !association_.session.is_renegotiating());
    case Interest::kExcept:
      return association_.state == State::kFailed;
  }
  return false;
}

}  // namespace dtls::runtime
