// ServerCore: what stands behind a Server handle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dtls/config.hpp"
#include "dtls/event_loop.hpp"
#include "dtls/server.hpp"
#include "dtls/session.hpp"
#include "endpoint/endpoint.hpp"
#include "net/loop_core.hpp"
#include "process/forks.hpp"
#include "runtime/connection_core.hpp"
#include "runtime/named_servers.hpp"
#include "runtime/port.hpp"

namespace dtls::runtime {

// ServerCore joins one UDP socket with the endpoint that routes its datagrams.
class ServerCore final : public net::Source,
                         public Flushing,
                         public std::enable_shared_from_this<ServerCore> {
 public:
  static Result<std::shared_ptr<ServerCore>> listen(EventLoop& loop, const ServerConfig& config,
                                                    const Address& local);
  ~ServerCore() override;
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;

  // try_accept fails with EAGAIN when no peer waits.
  Result<std::shared_ptr<ConnectionCore>> try_accept();
  void close();
  void on_handshake_failed(std::function<void(const HandshakeFailure&)> callback);

  [[nodiscard]] ServerCounters counters() const;
  [[nodiscard]] EventLoop& loop() { return loop_; }
  [[nodiscard]] const Address& local_address() const { return local_; }
  Result<void> add_identity(const HostIdentityConfig& config);
  // In a forked child the server is dead, and touches nothing that the parent's copy uses.
  [[nodiscard]] bool is_elsewhere() const { return !birthplace_.is_here(); }
  [[nodiscard]] bool is_open() const { return port_.is_open() && !is_elsewhere(); }
  // why_closed is for calls that need it open.
  [[nodiscard]] Error why_closed() const;
  [[nodiscard]] net::UdpSocket& socket() { return port_.socket(); }
  Result<void> set_ipv6_only(bool enable);
  std::optional<EventLoop::WatchId> watch(Interest interest, std::function<void()> callback);

  void on_readable(TimePoint now) override { take_in(now); }
  [[nodiscard]] bool ready(Interest interest) const override;

  // ---- of its connections ----
  [[nodiscard]] Port& port() { return port_; }
  void flush() override;
  // split opens a socket for one peer on the server's address.
  Result<net::UdpSocket> split(const Path& path);
  [[nodiscard]] std::string device() const { return port_.socket().device(); }  // "": all
  // take_in reads what waits in the server's socket and routes it, until a connection says by
  // note_full that its queue is full: then the program may read first. A socket that was found
  // empty is not read again in the same turn of the loop. take_in_all heeds neither.
  void take_in(TimePoint now);
  void take_in_all(TimePoint now);
  void note_full() { meets_full_queue_ = true; }
  // take routes one datagram, which the server's socket has received or a connection's own.
  enum class By : std::uint8_t { kServer, kConnection };
  void take(const Path& path, std::span<std::byte> datagram, TimePoint now, By by);
  // See Endpoint.
  void establish(endpoint::Handle handle, TimePoint now);
  void charge(endpoint::Handle handle, std::size_t bytes, TimePoint now);
  void spoke(endpoint::Handle handle, TimePoint now) { endpoint_.spoke(handle, now); }
  void forget(endpoint::Handle handle);
  void depart(endpoint::Handle handle, endpoint::Elsewhere elsewhere);
  // note_failure hears of the failed handshake of a connection.
  void note_failure(HandshakeFailure failure);

  // ---- of connections that have moved to another thread ----
  void introduce(const Address& peer, endpoint::Elsewhere elsewhere) {
    endpoint_.introduce(peer, elsewhere);
  }
  void establish_migrated(const Address& peer, endpoint::Elsewhere elsewhere) {
    supersede(endpoint_.establish(peer, elsewhere));
  }
  void forget_migrated(const Address& peer, endpoint::Elsewhere elsewhere) {
    resume(endpoint_.end(peer, elsewhere));
  }

 private:
  // What waits to be told: a program that does not turn its loop holds no more than this.
  static constexpr std::size_t kMostFailures = 1024;

  ServerCore(EventLoop& loop, std::shared_ptr<Context> context, endpoint::CookieGate gate,
             const ServerConfig& config);

  // register_as makes the server known to other threads by its name.
  void register_as(const std::string& name, std::shared_ptr<const endpoint::CookieSecrets> secrets);

  bool take_in_batch(TimePoint now);
  void announce_failures();
  // note_end has memory given back to the system some time after most associations have ended.
  void note_end();

  void deliver(const Path& path, const endpoint::Place& place, std::span<std::byte> datagram,
               TimePoint now, By by);
  // supersede ends the association of which the peer has a new one.
  void supersede(const endpoint::Place& place);
  // resume has an association of another thread process the datagrams of its socket itself.
  static void resume(const endpoint::Place& place);
  void serve_evictions();

  EventLoop& loop_;
  std::shared_ptr<Context> context_;
  std::shared_ptr<const NamedServer> named_;  // null: the server has no name
  std::vector<ConnectionCore*> connections_;  // by the handle's index; null: none
  endpoint::Endpoint endpoint_;
  std::size_t receive_queue_;
  bool meets_full_queue_ = false;  // a connection's, since the batch began
  Port port_;
  std::optional<EventLoop::TimerId> retry_;  // of a flush, while the port is blocked
  TimePoint read_empty_at_{};                // the turn that has read all there was
  bool is_taking_in_ = false;
  Address local_;
  std::function<void(const HandshakeFailure&)> on_handshake_failed_;
  std::deque<HandshakeFailure> failures_;
  std::optional<EventLoop::TimerId> announcement_;
  std::size_t peak_ = 0;  // of associations since memory was given back
  std::optional<EventLoop::TimerId> trim_;
  process::Birthplace birthplace_;
};

}  // namespace dtls::runtime
