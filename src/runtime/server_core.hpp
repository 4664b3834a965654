// ServerCore: what stands behind a Server handle.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "dtls/config.hpp"
#include "dtls/event_loop.hpp"
#include "dtls/server.hpp"
#include "dtls/session.hpp"
#include "endpoint/endpoint.hpp"
#include "net/loop_core.hpp"
#include "net/udp_socket.hpp"
#include "process/forks.hpp"
#include "runtime/carrier.hpp"
#include "runtime/connection_core.hpp"
#include "runtime/named_servers.hpp"

namespace dtls::runtime {

// ServerCore joins one UDP socket with the endpoint that routes its datagrams.
class ServerCore final : public net::Source,
                         public Carrier,
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
  [[nodiscard]] bool is_open() const { return socket_.descriptor() >= 0 && !is_elsewhere(); }
  // why_closed is for calls that need it open.
  [[nodiscard]] Error why_closed() const;
  [[nodiscard]] net::UdpSocket& socket() { return socket_; }
  Result<void> set_ipv6_only(bool enable);
  std::optional<EventLoop::WatchId> watch(Interest interest, std::function<void()> callback);

  void on_readable(TimePoint now) override { take_in(now); }
  [[nodiscard]] bool ready(Interest interest) const override;

  Result<void> send_to(std::span<const std::byte> datagram, const Address& peer,
                       const Address& local) override;
  Result<net::UdpSocket> split(const Address& local, const Address& peer) override;
  [[nodiscard]] std::string device() const override { return socket_.device(); }
  void take_in(TimePoint now) override;
  void take_in_all(TimePoint now) override;
  void note_full() override { meets_full_queue_ = true; }
  void give_back(const Address& peer, const std::optional<Address>& local,
                 std::span<std::byte> datagram, TimePoint now) override;
  void establish(endpoint::Receiver& receiver, TimePoint now) override {
    endpoint_.establish(receiver, now);
  }
  void charge(endpoint::Receiver& receiver, std::size_t bytes, TimePoint now) override {
    endpoint_.charge(receiver, bytes, now);
  }
  void spoke(endpoint::Receiver& receiver, TimePoint now) override {
    endpoint_.spoke(receiver, now);
  }
  void forget(const Address& peer, endpoint::Receiver& receiver) override;
  void note_failure(HandshakeFailure failure) override;
  void depart(const Address& peer, endpoint::Receiver& receiver,
              std::weak_ptr<endpoint::Receiver> away) override;
  void restore(const Address& peer, endpoint::Receiver& receiver,
               std::weak_ptr<endpoint::Receiver> /*inlet*/, wire::HelloMark mark) override {
    endpoint_.restore(peer, receiver, mark);
  }
  void restore_away(const Address& peer, std::weak_ptr<endpoint::Receiver> inlet,
                    wire::HelloMark mark) {
    endpoint_.restore_away(peer, std::move(inlet), mark);
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

  static std::shared_ptr<Inlet> predecessor_of(const endpoint::Opening& opening);

  EventLoop& loop_;
  std::shared_ptr<Context> context_;
  std::shared_ptr<const NamedServer> named_;  // null: the server has no name
  // Those that count in the endpoint.
  std::unordered_map<const endpoint::Receiver*, ConnectionCore*> connections_;
  endpoint::Endpoint endpoint_;
  std::size_t receive_queue_;
  bool meets_full_queue_ = false;  // a connection's, since the batch began
  net::UdpSocket socket_;
  Address local_;
  std::function<void(const HandshakeFailure&)> on_handshake_failed_;
  std::deque<HandshakeFailure> failures_;
  std::optional<EventLoop::TimerId> announcement_;
  std::size_t peak_ = 0;  // of associations since memory was given back
  std::optional<EventLoop::TimerId> trim_;
  process::Birthplace birthplace_;
};

}  // namespace dtls::runtime
