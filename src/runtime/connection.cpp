#include "dtls/connection.hpp"

#include <cerrno>
#include <string_view>
#include <utility>

#include "runtime/blocking.hpp"
#include "runtime/connection_core.hpp"

namespace dtls {

using runtime::ConnectionCore;

struct Connection::Watches {
  std::optional<EventLoop::WatchId> readable;
  std::optional<EventLoop::WatchId> settled;
  std::optional<EventLoop::WatchId> writable;
};

Connection::Connection(std::shared_ptr<ConnectionCore> core)
    : core_(std::move(core)), watches_(std::make_unique<Watches>()) {}
Connection::~Connection() {
  if (core_) core_->close();
}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept {
  if (core_ && core_ != other.core_) core_->close();
  core_ = std::move(other.core_);
  watches_ = std::move(other.watches_);
  return *this;
}

Connection::State Connection::state() const {
  return core_->state();
}
const Error* Connection::failure() const {
  return core_->failure();
}
Address Connection::local_address() const {
  return core_->path().local;
}
Address Connection::peer_address() const {
  return core_->path().peer;
}
const PeerVerification& Connection::verification() const {
  return core_->verification();
}
std::optional<Negotiated> Connection::negotiated() const {
  return core_->negotiated();
}
int Connection::take_socket_error() {
  return core_->take_socket_error();
}
Result<int> Connection::descriptor() {
  return core_->descriptor();
}
std::size_t Connection::pending() {
  const auto core = core_;  // a callback may destroy this handle
  return core->pending();
}
void Connection::close() {
  core_->close();
}
void Connection::abort() {
  core_->abort();
}
void Connection::flush() {
  core_->flush();
}
Result<std::size_t> Connection::send_many(std::span<const std::span<const std::byte>> messages) {
  const auto core = core_;
  return core->send_many(messages);
}
void Connection::on_message(MessageCallback callback) {
  core_->on_message(std::move(callback));
}

Result<SocketOptions> Connection::socket_options() {
  if (auto fd = core_->descriptor(); !fd) return std::move(fd).error();
  core_->flush();  // under the options that were set when they were sent
  return SocketOptions(core_->socket(),
                       [core = core_.get()](bool enable) { return core->set_ipv6_only(enable); });
}

Result<std::size_t> Connection::send(std::span<const std::byte> message, Timeout timeout) {
  const auto core = core_;  // a timer's callback may destroy this handle
  return runtime::retry_until(core->loop(), timeout, [&] { return core->try_send(message); });
}

Result<std::size_t> Connection::send(std::string_view message, Timeout timeout) {
  return send(std::as_bytes(std::span(message)), timeout);
}

Result<std::size_t> Connection::recv(std::span<std::byte> into, Timeout timeout) {
  const auto core = core_;
  auto received = runtime::retry_until(core->loop(), timeout, [&] { return core->try_recv(into); });
  if (!received && received.error().sys_errno == EAGAIN) return std::size_t{0};
  return received;
}

Result<std::size_t> Connection::try_send(std::span<const std::byte> message) {
  const auto core = core_;
  return core->try_send(message);
}

Result<std::size_t> Connection::try_recv(std::span<std::byte> into) {
  return core_->try_take(into);
}

Result<void> Connection::wait_established(Timeout timeout) {
  const auto core = core_;
  if (core->is_elsewhere()) {
    return Error{
        ErrorKind::kMisuse,
        EBADF,
        "this connection belongs to the process that forked; a child process must make its "
        "own",
        {}};
  }
  const auto settled = [&] { return core->state() != State::kHandshaking; };
  if (!core->loop().run_until(settled, timeout, EventLoop::Scope::kBackground)) {
    return Error{ErrorKind::kTimeout,
                 ETIMEDOUT,
                 "the handshake with " + core->path().peer.text() +
                     " has not finished within the time given to the call",
                 {}};
  }
  if (const Error* failure = core->failure()) return *failure;
  if (core->state() == State::kClosed) {
    return Error{ErrorKind::kMisuse, EBADF, "this connection was closed", {}};
  }
  return {};
}

Result<Connection> Connection::from_descriptor(EventLoop& loop, const std::string& server_name,
                                               int fd, Duration handshake_timeout) {
  auto core = ConnectionCore::take_up(loop, server_name, fd, handshake_timeout);
  if (!core) return std::move(core).error();
  return Connection(std::move(*core));
}

Result<void> Connection::renegotiate() {
  return core_->renegotiate();
}

Result<void> Connection::update_keys(bool ask_peer) {
  return core_->update_keys(ask_peer);
}

Result<void> Connection::export_keying_material(std::string_view label,
                                                std::optional<std::span<const std::byte>> context,
                                                std::span<std::byte> out) const {
  return core_->export_keying_material(label, context, out);
}

std::optional<SessionTicket> Connection::take_ticket() {
  return core_->take_ticket();
}

const std::optional<std::string>& Connection::wanted_psk() const {
  return core_->wanted_psk();
}

void Connection::provide_psk(std::optional<Psk> key) {
  core_->provide_psk(std::move(key));
}

void Connection::on_psk_wanted(std::function<void()> callback) {
  core_->on_psk_wanted(std::move(callback));
}

void Connection::on_ticket(std::function<void()> callback) {
  core_->on_ticket(std::move(callback));
}

void Connection::on_established(std::function<void()> callback) {
  core_->on_established(std::move(callback));
}

void Connection::fly_away() {
  core_->fly_away();
}

void Connection::on_readable(std::function<void()> callback) {
  runtime::replace_watch(*core_, watches_->readable, Interest::kRead, std::move(callback));
}

void Connection::on_settled(std::function<void()> callback) {
  runtime::replace_watch(*core_, watches_->settled, Interest::kWrite, std::move(callback));
}

void Connection::on_writable(std::function<void()> callback) {
  runtime::replace_watch(*core_, watches_->writable, Interest::kWrite, std::move(callback));
}

}  // namespace dtls
