// ConnectionCore: what stands behind a Connection handle.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dtls/connection.hpp"
#include "dtls/event_loop.hpp"
#include "dtls/session.hpp"
#include "endpoint/endpoint.hpp"
#include "net/loop_core.hpp"
#include "net/udp_socket.hpp"
#include "runtime/carrier.hpp"
#include "runtime/message_queue.hpp"

namespace dtls::runtime {

// ConnectionCore joins one session with the socket its datagrams travel by: its own (a client, or
// an accepted connection that was asked for its descriptor) or its server's.
class ConnectionCore final : public net::Source,
                             public endpoint::Receiver,
                             public std::enable_shared_from_this<ConnectionCore> {
 public:
  using State = Connection::State;

  ConnectionCore(EventLoop& loop, Session session, const Address& peer, const Address& local,
                 std::size_t receive_queue);
  ~ConnectionCore() override;
  ConnectionCore(const ConnectionCore&) = delete;
  ConnectionCore& operator=(const ConnectionCore&) = delete;

  // Exactly one of these follows construction.
  Result<void> begin_on(net::UdpSocket socket);  // client
  void begin_shared(std::weak_ptr<Carrier> carrier,
                    std::vector<std::vector<std::byte>> opening);  // accepted

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  [[nodiscard]] const PeerVerification& verification() const { return session_.verification(); }
  [[nodiscard]] const Address& local_address() const { return local_; }
  [[nodiscard]] const Address& peer_address() const { return peer_; }
  [[nodiscard]] EventLoop& loop() { return loop_; }

  // Non-blocking halves of Connection's calls; EAGAIN where those would wait.
  Result<std::size_t> try_send(std::span<const std::byte> message);
  Result<std::size_t> try_recv(std::span<std::byte> into);
  std::size_t pending();
  void close();

  Result<int> descriptor();
  int take_socket_error();
  [[nodiscard]] net::UdpSocket& socket() { return socket_; }  // its own: closed before descriptor()
  // leave_carrier gives the connection its own socket because the server closes.
  void leave_carrier();

  EventLoop::WatchId watch(Interest interest, std::function<void()> callback);

  void on_readable(TimePoint now) override;
  void on_datagram(std::span<std::byte> datagram, TimePoint now) override;
  [[nodiscard]] bool ready(Interest interest) const override;

 private:
  [[nodiscard]] bool is_live() const {
    return state_ == State::kHandshaking || state_ == State::kEstablished;
  }
  void start();
  void take_in(TimePoint now);
  void drain(TimePoint now);
  void handle(Event& event);
  void transmit(std::span<const std::byte> datagram);
  Result<void> put_on_wire(std::span<const std::byte> datagram);
  void note_socket_error(const Error& error);
  void rearm(TimePoint now);
  void end(State state);
  Result<void> own_socket();
  [[nodiscard]] Error end_error() const;

  EventLoop& loop_;
  Session session_;
  State state_ = State::kHandshaking;
  std::optional<Error> failure_;
  MessageQueue received_;
  Address peer_;
  Address local_;
  net::UdpSocket socket_;           // closed while the carrier's is used
  std::weak_ptr<Carrier> carrier_;  // of an accepted connection, while its server lives
  std::vector<std::vector<std::byte>> opening_;  // not given to the session yet
  std::vector<std::byte> unsent_;                // a datagram the kernel had no room for
  std::optional<EventLoop::TimerId> timer_;
  std::optional<TimePoint> armed_for_;
  std::optional<EventLoop::TimerId> start_;
  bool heard_ = false;
  int socket_error_ = 0;
};

}  // namespace dtls::runtime
