// ConnectionCore: what stands behind a Connection handle.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "dtls/connection.hpp"
#include "dtls/event_loop.hpp"
#include "dtls/session.hpp"
#include "endpoint/endpoint.hpp"
#include "net/loop_core.hpp"
#include "net/udp_socket.hpp"
#include "process/forks.hpp"
#include "runtime/association.hpp"
#include "runtime/carrier.hpp"
#include "runtime/hand_overs.hpp"

namespace dtls::runtime {

// ConnectionCore joins one association with the socket its datagrams travel by: its own (a client,
// or an accepted connection that was asked for its descriptor) or its server's.
// connection_core.cpp has its daily work, hand_over.cpp its moves from thread to thread.
class ConnectionCore final : public net::Source,
                             public endpoint::Receiver,
                             public std::enable_shared_from_this<ConnectionCore> {
 public:
  using State = Connection::State;

  ConnectionCore(EventLoop& loop, Association association)
      : loop_(loop), association_(std::move(association)) {}
  ~ConnectionCore() override;
  ConnectionCore(const ConnectionCore&) = delete;
  ConnectionCore& operator=(const ConnectionCore&) = delete;

  // Exactly one of these follows construction.
  Result<void> begin_on(net::UdpSocket socket);                // client
  void begin_shared(const std::shared_ptr<Carrier>& carrier);  // accepted
  // take_up makes a connection of a descriptor that was handed over: see
  // Connection::from_descriptor.
  static Result<std::shared_ptr<ConnectionCore>> take_up(EventLoop& loop, const std::string& name,
                                                         int fd, Duration handshake_timeout);

  [[nodiscard]] State state() const { return association_.state; }
  [[nodiscard]] const std::optional<Error>& failure() const { return association_.failure; }
  [[nodiscard]] const PeerVerification& verification() const;
  [[nodiscard]] std::optional<Negotiated> negotiated() const;
  [[nodiscard]] const Address& local_address() const { return association_.local; }
  [[nodiscard]] const Address& peer_address() const { return association_.peer; }
  [[nodiscard]] EventLoop& loop() { return loop_; }

  // Non-blocking halves of Connection's calls; EAGAIN where those would wait.
  Result<std::size_t> try_send(std::span<const std::byte> message);
  Result<std::size_t> try_recv(std::span<std::byte> into);
  // try_take is try_recv without a look into the socket.
  Result<std::size_t> try_take(std::span<std::byte> into);
  std::size_t pending();
  Result<void> renegotiate();
  Result<void> update_keys(bool ask_peer);
  Result<void> export_keying_material(std::string_view label,
                                      std::optional<std::span<const std::byte>> context,
                                      std::span<std::byte> out) const;
  std::optional<SessionTicket> take_ticket();
  [[nodiscard]] const std::optional<std::string>& wanted_psk() const {
    return association_.wanted_psk;
  }
  void provide_psk(std::optional<Psk> key);
  // See Connection. The callbacks run as background work.
  void on_psk_wanted(std::function<void()> callback);
  void on_ticket(std::function<void()> callback);
  void on_established(std::function<void()> callback);
  void close();

  Result<int> descriptor();
  int take_socket_error();
  [[nodiscard]] net::UdpSocket& socket() { return socket_; }  // its own: closed before descriptor()
  Result<void> set_ipv6_only(bool enable);
  // leave_carrier gives the connection its own socket because the server closes.
  void leave_carrier();

  // fly_away lets go of the association and the descriptor: see Connection.
  void fly_away();
  // inherit takes what an owner has let go of that this connection has waited for, or hears that
  // there is nothing to come.
  void inherit();

  // The peer has begun anew, and another connection takes this one's place: see Inlet.
  std::shared_ptr<Inlet> inlet();
  void yield();
  void on_superseded();
  void reinstate();
  [[nodiscard]] bool has_flown() const { return flown_; }
  // In a forked child the connection is dead, and touches nothing that the parent's copy uses.
  [[nodiscard]] bool is_elsewhere() const { return !birthplace_.is_here(); }

  std::optional<EventLoop::WatchId> watch(Interest interest, std::function<void()> callback);

  void on_readable(TimePoint now) override { take_in(now); }
  void on_datagram(std::span<std::byte> datagram, TimePoint now) override;
  void on_evicted(const endpoint::Eviction& eviction) override;
  [[nodiscard]] bool ready(Interest interest) const override;

 private:
  [[nodiscard]] bool is_live() const { return association_.is_live(); }
  [[nodiscard]] bool is_handshaking() const { return association_.state == State::kHandshaking; }
  // Also of one that the peer has closed since.
  [[nodiscard]] bool was_established() const {
    return association_.state == State::kEstablished || association_.state == State::kClosedByPeer;
  }
  [[nodiscard]] bool has_own_socket() const { return socket_.descriptor() >= 0; }
  void start();
  void start_soon();
  void take(std::span<std::byte> datagram, TimePoint now);
  void feed(std::span<std::byte> datagram, TimePoint now);
  void take_in(TimePoint now);
  bool take_in_batch(TimePoint now);
  void pause_reading();
  void resume_reading();
  void take_in_one(net::Incoming& incoming, TimePoint now);
  void drain(TimePoint now);
  void handle(Event& event, TimePoint now);
  void on_connected(TimePoint now);
  void note_speech(TimePoint now);
  void say_goodbye();
  void transmit(std::span<const std::byte> datagram);
  Result<void> put_on_wire(std::span<const std::byte> datagram);
  void note_socket_error(const Error& error);
  void rearm(TimePoint now);
  void announce_soon();
  void announce();
  void report_failure(Failed failed);
  void fail(Error error) { report_failure({std::move(error)}); }
  void end(State state);
  void leave_endpoint();
  void forget_secrets();
  Result<void> own_socket();
  Result<void> attach_socket(net::UdpSocket&& socket);  // moved from only if that succeeds
  Result<void> begin_anywhere(net::UdpSocket&& socket);
  [[nodiscard]] Error end_error() const;

  [[nodiscard]] bool is_awaiting() const { return awaited_ != nullptr; }
  bool admit(net::Incoming& incoming, TimePoint now);

  // What is told of a session that close has destroyed.
  struct Ended {
    PeerVerification verification;
    std::optional<Negotiated> negotiated;
  };

  // An heir that came before its legacy.
  struct Awaited {
    int fd;  // still another connection's
    HandOvers::Identity socket;
  };

  EventLoop& loop_;
  Association association_;
  net::UdpSocket socket_;            // closed while the carrier's is used
  std::weak_ptr<Carrier> carrier_;   // of a server's connection, while the server lives
  std::shared_ptr<Carrier> remote_;  // keeps the carrier that is a RemoteServer
  std::optional<EventLoop::TimerId> timer_;
  std::optional<TimePoint> armed_for_;
  std::optional<EventLoop::TimerId> start_;
  std::function<void()> on_psk_wanted_;
  std::function<void()> on_ticket_;
  std::function<void()> on_established_;            // until it was called
  std::optional<EventLoop::TimerId> announcement_;  // of what those are called for
  int socket_error_ = 0;
  bool reading_paused_ = false;  // the loop does not watch the own socket
  bool counted_ = false;         // by its server's endpoint
  TimePoint spoke_at_{};         // as that knows
  process::Birthplace birthplace_;
  bool flown_ = false;
  std::unique_ptr<Awaited> awaited_;
  std::unique_ptr<const Ended> ended_;          // of state kClosed, unless flown
  std::unique_ptr<endpoint::CookieGate> gate_;  // until the peer of a taken-up socket is proven
  Duration patience_{};                         // for the handshake of what is inherited
};

}  // namespace dtls::runtime
