#include "runtime/connection_core.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "runtime/receive_batch.hpp"

namespace dtls::runtime {
namespace {

// How soon a datagram is tried again that the kernel's send buffer had no room for.
constexpr Duration kSendRetry{1};

Error closed_here() {
  return {ErrorKind::kMisuse, EBADF, "this connection was closed", {}};
}

}  // namespace

ConnectionCore::ConnectionCore(EventLoop& loop, Session session, const Address& peer,
                               const Address& local, std::size_t receive_queue)
    : loop_(loop),
      session_(std::move(session)),
      received_(receive_queue),
      peer_(peer),
      local_(local) {}

ConnectionCore::~ConnectionCore() {
  close();
}

Result<void> ConnectionCore::begin_on(net::UdpSocket socket) {
  socket_ = std::move(socket);
  if (auto local = socket_.local_address()) local_ = *local;
  try {
    loop_.core().attach(*this, socket_.descriptor());
  } catch (const std::system_error& error) {
    return Error{ErrorKind::kSystem, error.code().value(), error.what(), {}};
  }
  drain(Clock::now());
  return {};
}

void ConnectionCore::begin_shared(std::weak_ptr<Carrier> carrier,
                                  std::vector<std::vector<std::byte>> opening) {
  carrier_ = std::move(carrier);
  opening_ = std::move(opening);
  loop_.core().attach(*this, -1);
  // Not at once: the program may hand the peer on before its handshake has begun.
  start_ = loop_.core().post([this] { start(); });
}

void ConnectionCore::start() {
  if (start_) loop_.core().cancel_timer(*std::exchange(start_, std::nullopt));
  const TimePoint now = Clock::now();
  for (auto& datagram : std::exchange(opening_, {})) {
    if (!is_live()) return;
    session_.receive(datagram, now);
    drain(now);
  }
}

void ConnectionCore::on_datagram(std::span<std::byte> datagram, TimePoint now) {
  if (start_) start();
  if (!is_live()) return;
  heard_ = true;
  session_.receive(datagram, now);
  drain(now);
}

void ConnectionCore::on_readable(TimePoint now) {
  take_in(now);
}

void ConnectionCore::take_in(TimePoint now) {
  // Callbacks of the carrier may close this connection; it must not go away underneath.
  const auto self = shared_from_this();
  if (socket_.descriptor() < 0) {
    if (const auto carrier = carrier_.lock()) carrier->take_in(now);
    return;
  }
  auto& batch = receive_batch();
  // Bounded: a sender faster than this connection must not starve the others of the loop.
  constexpr int kMostBatches = 8;
  for (int i = 0; i < kMostBatches && socket_.descriptor() >= 0; ++i) {
    const auto count = socket_.receive(batch);
    if (!count) {
      note_socket_error(count.error());
      continue;
    }
    if (*count == 0) return;
    for (auto& incoming : batch.datagrams()) {
      if (incoming.peer == peer_) {
        on_datagram(incoming.bytes, now);
      } else if (const auto carrier = carrier_.lock()) {
        carrier->give_back(incoming.peer, incoming.local, incoming.bytes, now);
      }
    }
  }
}

void ConnectionCore::drain(TimePoint now) {
  const bool was_live = is_live();
  while (auto event = session_.poll_event())
    handle(*event);
  std::array<std::byte, kMaxDatagram> datagram;
  while (const std::size_t size = session_.poll_transmit(datagram)) {
    if (state_ != State::kClosed) transmit(std::span(datagram).first(size));
  }
  if (!is_live() && was_live) end(state_);
  rearm(now);
  if (state_ != State::kClosed) loop_.core().readiness_changed(*this);
}

void ConnectionCore::handle(Event& event) {
  if (std::holds_alternative<Connected>(event)) {
    state_ = State::kEstablished;
  } else if (const auto* message = std::get_if<Message>(&event)) {
    if (!message->bytes.empty()) received_.push(message->bytes);
  } else if (std::holds_alternative<Closed>(event)) {
    state_ = State::kClosedByPeer;
  } else if (auto* failed = std::get_if<Failed>(&event)) {
    state_ = State::kFailed;
    failure_ = std::move(failed->error);
  }
}

// A handshake's datagrams that cannot be sent are lost datagrams: they are sent again in time.
void ConnectionCore::transmit(std::span<const std::byte> datagram) {
  const auto sent = put_on_wire(datagram);
  if (sent) return;
  if (sent.error().sys_errno == EAGAIN) {
    unsent_.assign(datagram.begin(), datagram.end());
  } else {
    note_socket_error(sent.error());
  }
}

Result<void> ConnectionCore::put_on_wire(std::span<const std::byte> datagram) {
  if (socket_.descriptor() < 0) {
    const auto carrier = carrier_.lock();
    return carrier ? carrier->send_to(datagram, peer_, local_) : Result<void>(closed_here());
  }
  auto sent = socket_.send(datagram);
  if (sent || sent.error().sys_errno != ECONNREFUSED) return sent;
  // That was the news of an earlier datagram (ICMP); this one has not been tried yet.
  note_socket_error(sent.error());
  return socket_.send(datagram);
}

// ICMP errors are not authenticated. While nothing was heard of the peer they end a handshake at
// once, since waiting could only confirm them; later they are a hint, told by take_socket_error.
void ConnectionCore::note_socket_error(const Error& error) {
  socket_error_ = error.sys_errno;
  if (state_ != State::kHandshaking || heard_) return;
  failure_ = error;
  if (error.sys_errno == ECONNREFUSED) {
    failure_->message = "nothing is listening at " + peer_.text() +
                        " (ICMP port unreachable); start the server or correct the address";
  }
  end(State::kFailed);
}

void ConnectionCore::rearm(TimePoint now) {
  std::optional<TimePoint> when;
  if (is_live()) when = session_.deadline();
  if (!unsent_.empty()) when = std::min(when.value_or(TimePoint::max()), now + kSendRetry);
  if (when == armed_for_) return;
  if (timer_) loop_.cancel_timer(*std::exchange(timer_, std::nullopt));
  armed_for_ = when;
  if (!when) return;
  timer_ = loop_.add_timer(*when, [this] {
    timer_.reset();
    armed_for_.reset();
    const TimePoint at = Clock::now();
    if (!unsent_.empty()) transmit(std::exchange(unsent_, {}));
    if (is_live()) session_.handle_timeout(at);
    drain(at);
  });
}

// end is reached once: by the peer, by a failure, or by close. The routing of the peer's datagrams
// stops, so that the peer may come back; the descriptor stays until close, for watches.
void ConnectionCore::end(State state) {
  state_ = state;
  rearm(Clock::now());
  if (socket_.descriptor() < 0) {
    if (const auto carrier = carrier_.lock()) carrier->forget(peer_);
  }
  if (state_ != State::kClosed) loop_.core().readiness_changed(*this);
}

Error ConnectionCore::end_error() const {
  switch (state_) {
    case State::kFailed:
      return failure_.value();
    case State::kClosedByPeer:
      return {ErrorKind::kPeer,
              ESHUTDOWN,
              "the peer at " + peer_.text() + " has closed the connection",
              {}};
    default:
      return closed_here();
  }
}

Result<std::size_t> ConnectionCore::try_send(std::span<const std::byte> message) {
  if (start_) start();
  if (state_ == State::kClosedByPeer) {
    auto error = end_error();
    error.sys_errno = EPIPE;
    return error;
  }
  if (!is_live()) return end_error();
  if (!unsent_.empty()) {
    transmit(std::exchange(unsent_, {}));
    if (!unsent_.empty()) {
      return Error{ErrorKind::kSystem, EAGAIN, "the socket's send buffer is full", {}};
    }
  }
  if (auto sent = session_.send(message); !sent) return std::move(sent).error();
  drain(Clock::now());
  return message.size();
}

Result<std::size_t> ConnectionCore::try_recv(std::span<std::byte> into) {
  if (state_ == State::kClosed) return closed_here();
  if (start_) start();
  if (received_.empty() && is_live()) take_in(Clock::now());
  if (!received_.empty()) return received_.pop(into);
  if (!is_live()) return end_error();
  return Error{ErrorKind::kSystem, EAGAIN, "no message is waiting", {}};
}

std::size_t ConnectionCore::pending() {
  if (state_ == State::kClosed) return 0;
  if (start_) start();
  if (is_live()) take_in(Clock::now());
  return received_.front_size();
}

void ConnectionCore::close() {
  if (state_ == State::kClosed) return;
  if (start_) loop_.core().cancel_timer(*std::exchange(start_, std::nullopt));
  const bool was_live = is_live();
  session_.close();
  std::array<std::byte, kMaxDatagram> datagram;
  while (const std::size_t size = session_.poll_transmit(datagram)) {
    if (was_live) static_cast<void>(put_on_wire(std::span(datagram).first(size)));
  }
  unsent_.clear();
  state_ = State::kClosed;
  rearm(Clock::now());
  if (const auto carrier = carrier_.lock()) carrier->forget(peer_);
  received_.clear();
  opening_.clear();
  loop_.core().detach(*this);
  socket_.close();
}

Result<int> ConnectionCore::descriptor() {
  if (state_ == State::kClosed) return closed_here();
  if (socket_.descriptor() < 0) {
    if (auto owned = own_socket(); !owned) return std::move(owned).error();
  }
  return socket_.descriptor();
}

Result<void> ConnectionCore::own_socket() {
  const auto carrier = carrier_.lock();
  if (!carrier) return closed_here();
  auto made = carrier->split(local_, peer_);
  if (!made) return std::move(made).error();
  const TimePoint now = Clock::now();
  // What came for this peer before the split waits in the server's socket.
  carrier->take_in(now);
  if (state_ == State::kClosed) return closed_here();
  socket_ = std::move(*made);
  if (auto local = socket_.local_address()) local_ = *local;
  try {
    loop_.core().attach(*this, socket_.descriptor());
  } catch (const std::system_error& error) {
    socket_.close();
    return Error{ErrorKind::kSystem, error.code().value(), error.what(), {}};
  }
  // Strays that landed in it between bind and connect go back at once.
  if (!start_) take_in(now);
  return {};
}

void ConnectionCore::leave_carrier() {
  if (!is_live() || socket_.descriptor() >= 0) {
    carrier_.reset();
    return;
  }
  if (auto owned = own_socket(); !owned) {
    failure_ = std::move(owned).error();
    failure_->message = "the server closed, and its connection to " + peer_.text() +
                        " could not be given a socket of its own: " + failure_->message;
    end(State::kFailed);
  }
  carrier_.reset();
}

int ConnectionCore::take_socket_error() {
  const int pending_error = socket_.descriptor() < 0 ? 0 : socket_.take_error();
  const int noted = std::exchange(socket_error_, 0);
  return pending_error != 0 ? pending_error : noted;
}

EventLoop::WatchId ConnectionCore::watch(Interest interest, std::function<void()> callback) {
  return loop_.core().watch_source(*this, interest, std::move(callback));
}

bool ConnectionCore::ready(Interest interest) const {
  switch (interest) {
    case Interest::kRead:
      return !received_.empty() || !is_live();
    case Interest::kWrite:
      return state_ != State::kHandshaking && unsent_.empty();
    case Interest::kExcept:
      return state_ == State::kFailed;
  }
  return false;
}

}  // namespace dtls::runtime
