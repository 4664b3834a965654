#include "runtime/server_core.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "endpoint/cookie_secrets.hpp"
#include "net/free_memory.hpp"
#include "runtime/receive_batch.hpp"
#include "session/inside.hpp"

namespace dtls::runtime {

namespace {

// Bounded: a flood must not starve the timers and the other sockets of the loop.
constexpr int kMostBatches = 16;

// The secrets of a server: given by the program, shared with the servers of the same name, or new.
Result<std::shared_ptr<const endpoint::CookieSecrets>> secrets_for(const ServerConfig& config) {
  using Secrets = endpoint::CookieSecrets;
  if (!config.cookie_secret.empty()) {
    const auto bytes = std::as_bytes(std::span(config.cookie_secret));
    if (bytes.size() != Secrets::kKeySize) {
      return Error{ErrorKind::kMisuse,
                   EINVAL,
                   "option `cookie_secret`: must be " + std::to_string(Secrets::kKeySize) +
                       " random bytes, but has " + std::to_string(bytes.size()),
                   {}};
    }
    return Secrets::from_master_key(bytes.first<Secrets::kKeySize>());
  }
  if (const auto namesake = NamedServers::of_process().find(config.name);
      namesake && !config.name.empty()) {
    return namesake->secrets;
  }
  return Secrets::generate();
}

}  // namespace

ServerCore::ServerCore(EventLoop& loop, std::shared_ptr<Context> context, endpoint::CookieGate gate,
                       const ServerConfig& config)
    : loop_(loop),
      context_(std::move(context)),
      endpoint_(std::move(gate), config.limits, config.handshake_timeout),
      receive_queue_(config.receive_queue) {}

Error ServerCore::why_closed() const {
  return {ErrorKind::kMisuse,
          EBADF,
          is_elsewhere()
              ? "this server belongs to the process that forked; a child process must make its own"
              : "this server was closed",
          {}};
}

ServerCore::~ServerCore() {
  close();
}

Result<std::shared_ptr<ServerCore>> ServerCore::listen(EventLoop& loop, const ServerConfig& config,
                                                       const Address& local) {
  auto context = Context::for_server(config);
  if (!context) return std::move(context).error();
  auto secrets = secrets_for(config);
  if (!secrets) return std::move(secrets).error();
  auto gate = endpoint::CookieGate::create(*secrets, (*context)->inside().settings);
  if (!gate) return std::move(gate).error();
  auto socket = net::UdpSocket::bind(local, config.ipv6_only);
  if (!socket) return std::move(socket).error();
  auto bound = socket->local_address();
  if (!bound) return std::move(bound).error();

  std::shared_ptr<ServerCore> core(
      new ServerCore(loop, std::move(*context), std::move(*gate), config));
  core->socket_ = std::move(*socket);
  core->local_ = *bound;
  try {
    loop.core().attach(*core, core->socket_.descriptor());
  } catch (const std::system_error& error) {
    return Error{ErrorKind::kSystem, error.code().value(), error.what(), {}};
  }
  if (!config.name.empty()) core->register_as(config.name, std::move(*secrets));
  return core;
}

void ServerCore::register_as(const std::string& name,
                             std::shared_ptr<const endpoint::CookieSecrets> secrets) {
  named_ =
      std::make_shared<NamedServer>(NamedServer{name, context_, std::move(secrets), receive_queue_,
                                                loop_.core().mailbox(), weak_from_this()});
  NamedServers::of_process().enter(named_);
}

Result<void> ServerCore::add_identity(const HostIdentityConfig& config) {
  if (!is_open()) return why_closed();
  return context_->add_identity(config);
}

// One slow reader must not keep datagrams from the other peers, so the socket is not left alone
// while a queue is full, as a connection's own is; but only one batch is read before the program
// gets its turn, in which it may read. The queues have room for that: see ReceivedMessages.
void ServerCore::take_in(TimePoint now) {
  for (int i = 0; i < kMostBatches; ++i) {
    meets_full_queue_ = false;
    if (!take_in_batch(now) || meets_full_queue_) return;
  }
}

void ServerCore::take_in_all(TimePoint now) {
  for (int i = 0; i < kMostBatches; ++i) {
    if (!take_in_batch(now)) return;
  }
}

// take_in_batch is false where nothing waited.
bool ServerCore::take_in_batch(TimePoint now) {
  if (socket_.descriptor() < 0) return false;
  auto& batch = receive_batch();
  const auto count = socket_.receive(batch);
  if (!count) return true;  // an ICMP error about one of many peers: that peer's timers tell
  for (auto& incoming : batch.datagrams())
    give_back(incoming.peer, incoming.local, incoming.bytes, now);
  return *count > 0;
}

void ServerCore::give_back(const Address& peer, const std::optional<Address>& local,
                           std::span<std::byte> datagram, TimePoint now) {
  if (socket_.descriptor() < 0) return;
  std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
  const auto handled = endpoint_.receive(peer, local, datagram, now, reply);
  switch (handled.outcome) {
    case endpoint::Endpoint::Outcome::kReply:
      static_cast<void>(
          socket_.send_to(std::span(reply).first(handled.reply_size), peer, local));  // may be lost
      break;
    case endpoint::Endpoint::Outcome::kOpened:
      peak_ = std::max(peak_, endpoint_.census().associations());
      loop_.core().readiness_changed(*this);
      break;
    default:
      break;
  }
}

Result<std::shared_ptr<ConnectionCore>> ServerCore::try_accept() {
  if (!is_open()) return why_closed();
  const TimePoint now = Clock::now();
  if (!endpoint_.has_waiting()) take_in(now);
  auto opening = endpoint_.accept(now);
  if (!opening) return Error{ErrorKind::kSystem, EAGAIN, "no peer is waiting", {}};
  Address local = opening->local.value_or(local_);
  local.port = local_.port;
  auto session = Session::server(context_, opening->peer, local);
  if (!session) {
    endpoint_.abandon(*opening);
    return std::move(session).error();
  }
  Association association(std::move(*session), opening->peer, local, receive_queue_);
  association.opening = std::move(opening->datagrams);
  association.mark = opening->mark;
  association.server = named_;
  association.predecessor = Predecessor(predecessor_of(*opening));
  auto connection = std::make_shared<ConnectionCore>(loop_, std::move(association));
  endpoint_.adopt(*opening, *connection);
  connections_.emplace(connection.get(), connection.get());
  connection->begin_shared(shared_from_this());
  return connection;
}

// A peer that begins anew has an association, here or in another thread, that goes on until the new
// one has proven itself.
std::shared_ptr<Inlet> ServerCore::predecessor_of(const endpoint::Opening& opening) {
  if (opening.replaces != nullptr) {
    auto& old = static_cast<ConnectionCore&>(*opening.replaces);
    old.yield();
    return old.inlet();
  }
  auto away = std::static_pointer_cast<Inlet>(opening.replaces_away);
  if (away) away->yield();
  return away;
}

void ServerCore::forget(const Address& peer, endpoint::Receiver& receiver) {
  connections_.erase(&receiver);
  endpoint_.forget(peer, receiver);
  note_end();
}

void ServerCore::depart(const Address& peer, endpoint::Receiver& receiver,
                        std::weak_ptr<endpoint::Receiver> away) {
  connections_.erase(&receiver);
  endpoint_.depart(peer, receiver, std::move(away));
}

// The C library keeps what was freed between what lives. After a flood that is most of the heap.
void ServerCore::note_end() {
  constexpr std::size_t kFew = 64;
  constexpr Duration kPause{500};  // one search of the heap for many ends
  if (trim_ || peak_ < kFew || endpoint_.census().associations() > peak_ / 2) return;
  trim_ = loop_.add_timer(Clock::now() + kPause, [this] {
    trim_.reset();
    peak_ = endpoint_.census().associations();
    endpoint_.shrink();
    connections_.rehash(0);
    loop_.core().shrink();
    net::return_free_memory();
  });
}

ServerCounters ServerCore::counters() const {
  const auto& of = endpoint_.counters();
  return {.discarded = of.discarded,
          .challenged = of.challenged,
          .refused = of.refused,
          .evicted_half_open = of.evicted_half_open,
          .evicted_idle = of.evicted_idle};
}

void ServerCore::on_handshake_failed(std::function<void(const HandshakeFailure&)> callback) {
  on_handshake_failed_ = std::move(callback);
  if (!on_handshake_failed_) failures_.clear();
}

void ServerCore::note_failure(HandshakeFailure failure) {
  if (!on_handshake_failed_ || failures_.size() >= kMostFailures) return;
  failures_.push_back(std::move(failure));
  // Not at once: the program may be in the middle of a call to the connection.
  if (!announcement_) announcement_ = loop_.core().post([this] { announce_failures(); });
}

void ServerCore::announce_failures() {
  announcement_.reset();
  if (failures_.empty()) return;
  const auto failure = std::move(failures_.front());
  failures_.pop_front();
  // One at a time: the others still come if the callback throws.
  if (!failures_.empty()) announcement_ = loop_.core().post([this] { announce_failures(); });
  const auto self = shared_from_this();
  // A copy: it may put another in its own place.
  if (const auto callback = on_handshake_failed_) callback(failure);
}

Result<void> ServerCore::set_ipv6_only(bool enable) {
  auto set = socket_.set_ipv6_only(enable);
  if (set || local_.family != Address::Family::kIpv6) return set;
  take_in_all(Clock::now());
  loop_.core().attach(*this, -1);  // the old socket may live on by another number
  auto rebound = socket_.rebind(enable);
  try {
    loop_.core().attach(*this, socket_.descriptor());
  } catch (const std::system_error& error) {
    return Error{ErrorKind::kSystem, error.code().value(), error.what(), {}};
  }
  return rebound;
}

void ServerCore::close() {
  if (is_elsewhere()) return socket_.close();
  if (socket_.descriptor() < 0) return;
  const auto self = weak_from_this().lock();  // null in the destructor
  // Each takes what waits in the server's socket, for all of them, before the routes end.
  while (!connections_.empty())
    connections_.extract(connections_.begin()).mapped()->leave_carrier();
  if (named_) NamedServers::of_process().leave(*named_);
  if (trim_) loop_.cancel_timer(*std::exchange(trim_, std::nullopt));
  loop_.core().detach(*this);
  if (announcement_) loop_.core().cancel_timer(*std::exchange(announcement_, std::nullopt));
  failures_.clear();
  socket_.close();
  // Connections that live on have these, too; the last of them takes them along.
  endpoint_.forget_secrets();
  named_.reset();
  context_.reset();
}

Result<void> ServerCore::send_to(std::span<const std::byte> datagram, const Address& peer,
                                 const Address& local) {
  return socket_.send_to(datagram, peer, local);
}

Result<net::UdpSocket> ServerCore::split(const Address& local, const Address& peer) {
  return net::UdpSocket::bind_and_connect(socket_, local, peer);
}

std::optional<EventLoop::WatchId> ServerCore::watch(Interest interest,
                                                    std::function<void()> callback) {
  if (!is_open()) return {};  // nothing will come
  return loop_.core().watch_source(*this, interest, std::move(callback));
}

bool ServerCore::ready(Interest interest) const {
  return interest == Interest::kRead && endpoint_.has_waiting();
}

}  // namespace dtls::runtime
