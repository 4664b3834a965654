#include "runtime/server_core.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "association/inside.hpp"
#include "endpoint/cookie_secrets.hpp"
#include "net/free_memory.hpp"
#include "runtime/receive_batch.hpp"

namespace dtls::runtime {

namespace {

// Bounded: a flood must not starve the timers and the other sockets of the loop.
constexpr int kMostBatches = 16;

// Flag is set during a call, also one that an exception ends.
class Flag {
 public:
  explicit Flag(bool& flag) : flag_(flag) { flag_ = true; }
  ~Flag() { flag_ = false; }
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;

 private:
  bool& flag_;
};

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
  core->port_.open(std::move(*socket));
  core->local_ = *bound;
  try {
    loop.core().attach(*core, core->port_.socket().descriptor());
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
  if (loop_.core().in_turn() && read_empty_at_ == now) return;
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

// take_in_batch is false where nothing more waits. A callback of the program that is under way gets
// nothing out of the socket: datagrams of the batch that it is in come first.
bool ServerCore::take_in_batch(TimePoint now) {
  if (!port_.is_open() || is_taking_in_) return false;
  ReceiveMemory memory;
  const auto count = port_.socket().receive(memory.batch());
  if (!count) return true;  // an ICMP error about one of many peers: that peer's timers tell
  const bool is_all = !memory.batch().is_full();
  if (is_all) read_empty_at_ = now;
  const auto self = weak_from_this().lock();  // null in the destructor
  const Flag taking_in(is_taking_in_);
  memory.process([&](net::Incoming& incoming) {
    take({incoming.local.value_or(local_), incoming.peer}, incoming.bytes, now, By::kServer);
  });
  return !is_all;
}

void ServerCore::take(const Path& path, std::span<std::byte> datagram, TimePoint now, By by) {
  if (!port_.is_open()) return;
  std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
  const auto routed = endpoint_.receive(path, datagram, now, reply);
  serve_evictions();
  if (const auto* answer = std::get_if<endpoint::Endpoint::Reply>(&routed)) {
    port_.add(&path, std::span(reply).first(answer->size));
    flush_soon(loop_.core());
  } else if (std::holds_alternative<endpoint::Endpoint::Opened>(routed)) {
    peak_ = std::max(peak_, endpoint_.census().associations());
    loop_.core().readiness_changed(*this);
  } else if (const auto* delivery = std::get_if<endpoint::Endpoint::Deliver>(&routed)) {
    if (delivery->also.index() != 0) {
      std::vector<std::byte> copy(datagram.begin(), datagram.end());  // decrypted in place
      deliver(path, delivery->also, copy, now, by);
    }
    deliver(path, delivery->to, datagram, now, by);
  }
}

// Errors are those of single peers, whose timers tell.
void ServerCore::flush() {
  if (is_elsewhere()) return;
  const bool was_blocked = port_.is_blocked();
  static_cast<void>(port_.flush());
  if (port_.is_blocked()) {
    if (retry_) return;
    retry_ = loop_.add_timer(loop_.core().now() + Port::kRetry, [this] {
      retry_.reset();
      flush();
    });
  } else if (was_blocked) {
    // Any of them may wait for room.
    for (std::size_t i = 0; i < connections_.size() && !port_.is_blocked(); ++i) {
      if (connections_[i] != nullptr) connections_[i]->on_room();
    }
  }
}

void ServerCore::deliver(const Path& path, const endpoint::Place& place,
                         std::span<std::byte> datagram, TimePoint now, By by) {
  if (const auto* handle = std::get_if<endpoint::Handle>(&place)) {
    ConnectionCore* const connection = connections_[handle->index];
    // The callback of the association that got the datagram first may have closed this one.
    if (connection == nullptr || connection->handle() != *handle) return;
    if (by == By::kConnection || connection->is_reached_by(*this)) {
      connection->on_datagram(datagram, now);
    }
  } else if (const auto* elsewhere = std::get_if<endpoint::Elsewhere>(&place)) {
    const bool is_known = Migrations::of_process().forward(elsewhere->id, datagram, now);
    if (!is_known) forget_migrated(path.peer, *elsewhere);
  }
}

void ServerCore::supersede(const endpoint::Place& place) {
  if (const auto* handle = std::get_if<endpoint::Handle>(&place)) {
    connections_[handle->index]->on_superseded();
  } else if (const auto* elsewhere = std::get_if<endpoint::Elsewhere>(&place)) {
    Migrations::of_process().route(elsewhere->id, Routing::kReplaced);
  }
}

void ServerCore::resume(const endpoint::Place& place) {
  if (const auto* elsewhere = std::get_if<endpoint::Elsewhere>(&place)) {
    Migrations::of_process().route(elsewhere->id, Routing::kOwn);
  }
}

void ServerCore::serve_evictions() {
  for (const auto& evicted : endpoint_.take_evicted()) {
    ConnectionCore* connection = std::exchange(connections_[evicted.handle.index], nullptr);
    connection->on_evicted(evicted);
    note_end();
  }
}

Result<std::shared_ptr<ConnectionCore>> ServerCore::try_accept() {
  if (!is_open()) return why_closed();
  const TimePoint now = loop_.core().now();
  if (!endpoint_.has_waiting()) take_in(now);
  auto accepted = endpoint_.accept(now);
  if (!accepted) return Error{ErrorKind::kSystem, EAGAIN, "no peer is waiting", {}};
  Path path = accepted->path;
  path.local.port = local_.port;
  auto session = Session::server(context_, path.peer, path.local);
  if (!session) {
    resume(endpoint_.end(accepted->handle));
    return std::move(session).error();
  }
  Association association(std::move(*session), path, receive_queue_);
  association.opening = std::move(accepted->datagrams);
  association.mark = accepted->mark;
  association.server = named_;
  auto connection = std::make_shared<ConnectionCore>(loop_, std::move(association));
  const std::size_t index = accepted->handle.index;
  if (index >= connections_.size()) connections_.resize(index + 1);
  connections_[index] = connection.get();
  connection->begin_shared(shared_from_this(), accepted->handle);
  supersede(accepted->superseded);
  if (const auto* shared = std::get_if<endpoint::Elsewhere>(&accepted->shared)) {
    Migrations::of_process().route(shared->id, Routing::kShared);
  }
  return connection;
}

void ServerCore::establish(endpoint::Handle handle, TimePoint now) {
  supersede(endpoint_.establish(handle, now));
}

void ServerCore::charge(endpoint::Handle handle, std::size_t bytes, TimePoint now) {
  endpoint_.charge(handle, bytes, now);
  serve_evictions();
}

void ServerCore::forget(endpoint::Handle handle) {
  connections_[handle.index] = nullptr;
  resume(endpoint_.end(handle));
  note_end();
}

void ServerCore::depart(endpoint::Handle handle, endpoint::Elsewhere elsewhere) {
  connections_[handle.index] = nullptr;
  endpoint_.depart(handle, elsewhere);
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
  flush();
  auto set = port_.socket().set_ipv6_only(enable);
  if (set || local_.family != Address::Family::kIpv6) return set;
  take_in_all(Clock::now());
  loop_.core().attach(*this, -1);  // the old socket may live on by another number
  auto rebound = port_.socket().rebind(enable);
  try {
    loop_.core().attach(*this, port_.socket().descriptor());
  } catch (const std::system_error& error) {
    return Error{ErrorKind::kSystem, error.code().value(), error.what(), {}};
  }
  return rebound;
}

void ServerCore::close() {
  if (is_elsewhere()) return port_.close();
  if (!port_.is_open()) return;
  const auto self = weak_from_this().lock();  // null in the destructor
  // Each takes what waits in the server's socket, for all of them, before the routes end.
  for (ConnectionCore* connection : connections_) {
    if (connection != nullptr) connection->leave_server();
  }
  if (named_) NamedServers::of_process().leave(*named_);
  if (trim_) loop_.cancel_timer(*std::exchange(trim_, std::nullopt));
  if (retry_) loop_.cancel_timer(*std::exchange(retry_, std::nullopt));
  loop_.core().detach(*this);
  if (announcement_) loop_.core().cancel_timer(*std::exchange(announcement_, std::nullopt));
  failures_.clear();
  static_cast<void>(port_.flush());
  cancel_flush();
  port_.close();
  // Connections that live on have these, too; the last of them takes them along.
  endpoint_.forget_secrets();
  named_.reset();
  context_.reset();
}

Result<net::UdpSocket> ServerCore::split(const Path& path) {
  return net::UdpSocket::bind_and_connect(port_.socket(), path.local, path.peer);
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
