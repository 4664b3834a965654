#include "runtime/server_core.hpp"

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "endpoint/cookie_secrets.hpp"
#include "runtime/receive_batch.hpp"

namespace dtls::runtime {

ServerCore::ServerCore(EventLoop& loop, std::shared_ptr<const Context> context,
                       endpoint::CookieGate gate, const ServerConfig& config)
    : loop_(loop),
      context_(std::move(context)),
      endpoint_(std::move(gate), config.limits),
      receive_queue_(config.receive_queue) {}

ServerCore::~ServerCore() {
  close();
}

Result<std::shared_ptr<ServerCore>> ServerCore::listen(EventLoop& loop, const ServerConfig& config,
                                                       const Address& local) {
  auto context = Context::for_server(config);
  if (!context) return std::move(context).error();
  auto secrets = endpoint::CookieSecrets::generate();
  if (!secrets) return std::move(secrets).error();
  auto gate = endpoint::CookieGate::create(std::move(*secrets));
  if (!gate) return std::move(gate).error();
  auto socket = net::UdpSocket::bind(local);
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
  return core;
}

void ServerCore::take_in(TimePoint now) {
  auto& batch = receive_batch();
  // Bounded: a flood must not starve the timers and the other sockets of the loop.
  constexpr int kMostBatches = 16;
  for (int i = 0; i < kMostBatches && socket_.descriptor() >= 0; ++i) {
    const auto count = socket_.receive(batch);
    if (!count) continue;  // an ICMP error about one of many peers: that peer's timers tell
    if (*count == 0) return;
    for (auto& incoming : batch.datagrams()) {
      give_back(incoming.peer, incoming.local, incoming.bytes, now);
    }
  }
}

void ServerCore::give_back(const Address& peer, const std::optional<Address>& local,
                           std::span<std::byte> datagram, TimePoint now) {
  std::array<std::byte, endpoint::CookieGate::kReplySize> reply;
  const auto handled = endpoint_.receive(peer, local, datagram, now, reply);
  switch (handled.outcome) {
    case endpoint::Endpoint::Outcome::kReply:
      static_cast<void>(
          socket_.send_to(std::span(reply).first(handled.reply_size), peer, local));  // may be lost
      break;
    case endpoint::Endpoint::Outcome::kOpened:
      loop_.core().readiness_changed(*this);
      break;
    default:
      break;
  }
}

Result<std::shared_ptr<ConnectionCore>> ServerCore::try_accept() {
  if (socket_.descriptor() < 0) {
    return Error{ErrorKind::kMisuse, EBADF, "this server was closed", {}};
  }
  if (!endpoint_.has_waiting()) take_in(Clock::now());
  auto opening = endpoint_.accept();
  if (!opening) return Error{ErrorKind::kSystem, EAGAIN, "no peer is waiting", {}};
  auto session = Session::server(context_, opening->peer);
  if (!session) {
    endpoint_.forget(opening->peer);
    return std::move(session).error();
  }
  Address local = opening->local.value_or(local_);
  local.port = local_.port;
  auto connection = std::make_shared<ConnectionCore>(loop_, std::move(*session), opening->peer,
                                                     local, receive_queue_);
  endpoint_.adopt(opening->peer, *connection);
  connection->begin_shared(weak_from_this(), std::move(opening->datagrams));
  return connection;
}

void ServerCore::close() {
  if (socket_.descriptor() < 0) return;
  for (auto* receiver : endpoint_.take_all()) {
    static_cast<ConnectionCore*>(receiver)->leave_carrier();
  }
  loop_.core().detach(*this);
  socket_.close();
}

Result<void> ServerCore::send_to(std::span<const std::byte> datagram, const Address& peer,
                                 const Address& local) {
  return socket_.send_to(datagram, peer, local);
}

Result<net::UdpSocket> ServerCore::split(const Address& local, const Address& peer) {
  return net::UdpSocket::bind_and_connect(socket_, local, peer);
}

EventLoop::WatchId ServerCore::watch(Interest interest, std::function<void()> callback) {
  return loop_.core().watch_source(*this, interest, std::move(callback));
}

bool ServerCore::ready(Interest interest) const {
  return interest == Interest::kRead && endpoint_.has_waiting();
}

}  // namespace dtls::runtime
