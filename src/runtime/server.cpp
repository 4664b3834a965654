#include "dtls/server.hpp"

#include <cerrno>
#include <utility>

#include "runtime/blocking.hpp"
#include "runtime/connection_core.hpp"
#include "runtime/server_core.hpp"

namespace dtls {

using runtime::ServerCore;

Server::Server(std::shared_ptr<ServerCore> core) : core_(std::move(core)) {}
Server::~Server() {
  close();
}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&& other) noexcept {
  if (core_ != other.core_) close();
  core_ = std::move(other.core_);
  accept_watch_ = std::exchange(other.accept_watch_, std::nullopt);
  return *this;
}

Result<Server> Server::listen(EventLoop& loop, const ServerConfig& config, const Address& local) {
  auto core = ServerCore::listen(loop, config, local);
  if (!core) return std::move(core).error();
  return Server(std::move(*core));
}

Result<Connection> Server::accept(Timeout timeout) {
  const auto core = core_;  // a timer's callback may destroy this handle
  auto accepted = runtime::retry_until(core->loop(), timeout, [&] { return core->try_accept(); });
  if (!accepted) return std::move(accepted).error();
  return Connection(std::move(*accepted));
}

Result<void> Server::add_identity(const HostIdentityConfig& config) {
  return core_->add_identity(config);
}

void Server::on_accept(std::function<void(Connection)> callback) {
  std::function<void()> accept_one;
  if (callback) {
    accept_one = [core = core_.get(), callback = std::move(callback)] {
      if (auto accepted = core->try_accept()) callback(Connection(std::move(*accepted)));
    };
  }
  on_acceptable(std::move(accept_one));
}

void Server::on_acceptable(std::function<void()> callback) {
  runtime::replace_watch(*core_, accept_watch_, Interest::kRead, std::move(callback));
}

void Server::on_handshake_failed(std::function<void(const HandshakeFailure&)> callback) {
  core_->on_handshake_failed(std::move(callback));
}

void Server::close() {
  if (core_) core_->close();
}
int Server::descriptor() const {
  return core_->is_open() ? core_->socket().descriptor() : -1;
}
Result<SocketOptions> Server::socket_options() {
  if (!core_->is_open()) return core_->why_closed();
  core_->flush();  // under the options that were set when they were sent
  return SocketOptions(core_->socket(),
                       [core = core_.get()](bool enable) { return core->set_ipv6_only(enable); });
}
ServerCounters Server::counters() const {
  return core_->counters();
}
Address Server::local_address() const {
  return core_->local_address();
}

}  // namespace dtls
