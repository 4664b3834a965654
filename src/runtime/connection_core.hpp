// ConnectionCore: what stands behind a Connection handle.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "dtls/connection.hpp"
#include "dtls/event_loop.hpp"
#include "dtls/session.hpp"
#include "endpoint/endpoint.hpp"
#include "net/loop_core.hpp"
#include "process/forks.hpp"
#include "runtime/association.hpp"
#include "runtime/migrations.hpp"
#include "runtime/port.hpp"

namespace dtls::runtime {

class ServerCore;

// ConnectionCore joins one association with the socket its datagrams travel by: its own (a client,
// or an accepted connection that was asked for its descriptor) or its server's.
// connection_core.cpp processes datagrams and timers, connection_calls.cpp has the program's calls,
// connection_migration.cpp the moves from thread to thread.
class ConnectionCore final : public net::Source,
                             public Flushing,
                             public std::enable_shared_from_this<ConnectionCore> {
 public:
  using State = Connection::State;
  using MessageCallback = Connection::MessageCallback;

  ConnectionCore(EventLoop& loop, Association association)
      : loop_(loop), association_(std::move(association)) {}
  ~ConnectionCore() override;
  ConnectionCore(const ConnectionCore&) = delete;
  ConnectionCore& operator=(const ConnectionCore&) = delete;

  // Exactly one of these follows construction.
  Result<void> begin_on(net::UdpSocket socket);  // client
  void begin_shared(const std::shared_ptr<ServerCore>& server,
                    endpoint::Handle handle);  // accepted
  // take_up makes a connection of a descriptor from another thread or process: see
  // Connection::from_descriptor.
  static Result<std::shared_ptr<ConnectionCore>> take_up(EventLoop& loop, const std::string& name,
                                                         int fd, Duration handshake_timeout);

  [[nodiscard]] State state() const;
  [[nodiscard]] const Error* failure() const;
  [[nodiscard]] const PeerVerification& verification() const;
  [[nodiscard]] std::optional<Negotiated> negotiated() const;
  [[nodiscard]] const Path& path() const { return association_.path; }
  [[nodiscard]] EventLoop& loop() { return loop_; }

  // Non-blocking halves of Connection's calls; EAGAIN where those would wait.
  Result<std::size_t> try_send(std::span<const std::byte> message);
  Result<std::size_t> send_many(std::span<const std::span<const std::byte>> messages);
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
  void on_message(MessageCallback callback);
  void close();
  void abort();
  // flush sends what waits in the port that this connection's datagrams leave by.
  void flush() override;

  Result<int> descriptor();
  int take_socket_error();
  [[nodiscard]] net::UdpSocket& socket() { return port_.socket(); }  // closed before descriptor()
  Result<void> set_ipv6_only(bool enable);
  std::optional<EventLoop::WatchId> watch(Interest interest, std::function<void()> callback);
  // In a forked child the connection is dead, and touches nothing that the parent's copy uses.
  [[nodiscard]] bool is_elsewhere() const { return !birthplace_.is_here(); }

  // ---- the server's ----
  // on_datagram takes a datagram that its server, or Migrations, has routed here.
  void on_datagram(std::span<std::byte> datagram, TimePoint now);
  // is_reached_by: this connection takes what the server's socket receives of its peer. One with a
  // socket of its own on another device does not: the kernel leaves to the server what came by a
  // device that is not its.
  [[nodiscard]] bool is_reached_by(const ServerCore& server) const;
  // handle gives the endpoint's, while that counts this association.
  [[nodiscard]] endpoint::Handle handle() const;
  // on_evicted: the endpoint has forgotten it, to make room.
  void on_evicted(const endpoint::Evicted& evicted);
  // on_superseded: the peer's new association takes its place.
  void on_superseded();
  // on_room: the server's port, which was full, has room again.
  void on_room();
  // leave_server gives the connection its own socket because the server closes.
  void leave_server();

  // ---- migration ----
  void fly_away();
  // collect takes an association that this connection waits for, once its owner has let go of it.
  void collect();
  void on_routing(Routing routing);
  [[nodiscard]] bool has_moved() const { return std::holds_alternative<Moved>(phase_); }

  void on_readable(TimePoint now) override { take_in(now); }
  [[nodiscard]] bool ready(Interest interest) const override;

 private:
  // Where the connection is, in this order; some are skipped.
  struct Awaiting {  // another connection still has the association
    int fd;
    Migrations::Id socket;
    Duration handshake_timeout;
  };
  struct Unproven {  // its descriptor is from another process
    std::unique_ptr<endpoint::CookieGate> gate;
  };
  struct Opening {  // accepted: the program may let it move before its handshake begins
    EventLoop::TimerId start;
  };
  struct Serving {};  // the association takes datagrams, or has ended
  struct Moved {};    // another thread has the association
  struct Closed {     // close has wiped the session
    PeerVerification verification;
    std::optional<Negotiated> negotiated;
  };
  using Phase = std::variant<Awaiting, Unproven, Opening, Serving, Moved, Closed>;

  // Which server knows of the association.
  struct None {};
  struct Local {  // of this thread
    std::weak_ptr<ServerCore> server;
    endpoint::Handle handle;  // none once the endpoint has forgotten it
    TimePoint spoke_at{};     // as the endpoint knows
  };
  struct Remote {  // of another thread: Association::server
    Migrations::Id id = 0;
    Routing routing = Routing::kOwn;
  };
  using Home = std::variant<None, Local, Remote>;

  template <typename Of>
  [[nodiscard]] bool is_in() const {
    return std::holds_alternative<Of>(phase_);
  }
  [[nodiscard]] bool is_closed() const { return is_in<Closed>() || is_in<Moved>(); }
  [[nodiscard]] bool is_live() const { return !is_closed() && !association_.end; }
  [[nodiscard]] bool is_handshaking() const { return is_live() && !association_.established; }
  [[nodiscard]] bool was_established() const;
  [[nodiscard]] bool has_own_socket() const { return port_.is_open(); }

  void start();
  void cancel_timers();
  void receive(std::span<std::byte> datagram, TimePoint now);
  void take_in(TimePoint now);
  bool take_in_batch(TimePoint now);
  void take_own(net::Incoming& incoming, TimePoint now);
  bool admit(Unproven& unproven, net::Incoming& incoming, TimePoint now);
  [[nodiscard]] bool begins_anew(std::span<const std::byte> datagram) const;
  void pause_reading();
  void resume_reading();
  void drain(TimePoint now);
  void take_message(std::span<const std::byte> message, TimePoint now);
  void deliver_queue();
  void handle(Event& event, TimePoint now);
  void on_connected(TimePoint now);
  void note_speech(TimePoint now);
  // The port that datagrams leave by: the own one, or the server's; null once that is gone.
  [[nodiscard]] Port* port();
  [[nodiscard]] const Path* wire_path() const {
    return has_own_socket() ? nullptr : &association_.path;
  }
  [[nodiscard]] bool is_blocked() const;
  void send_pending();
  void flush_soon();
  Result<std::size_t> seal(std::span<const std::byte> message);
  void say_goodbye();
  void drop();
  void note_socket_error(const Error& error);
  void rearm(TimePoint now);
  void on_timer();
  void announce_soon();
  void announce();
  void report_failure(Failed failed);
  void fail(Error error) { report_failure({std::move(error)}); }
  void end(Association::End how);
  // server_here gives the server of this thread while it is open, and null otherwise.
  [[nodiscard]] std::shared_ptr<ServerCore> server_here() const;
  void leave_endpoint();
  Result<void> own_socket();
  Result<void> attach_socket(net::UdpSocket&& socket);  // moved from only if that succeeds
  Result<void> begin_anywhere(net::UdpSocket&& socket);
  Migrations::Owner as_owner();
  [[nodiscard]] bool can_migrate() const;
  [[nodiscard]] Error end_error() const;

  EventLoop& loop_;
  Phase phase_ = Serving{};
  Home home_ = None{};
  Association association_;
  Port port_;  // without a socket while the server's is used
  std::optional<EventLoop::TimerId> timer_;
  std::optional<TimePoint> armed_for_;
  std::function<void()> on_psk_wanted_;
  std::function<void()> on_ticket_;
  std::function<void()> on_established_;  // until it was called
  std::shared_ptr<const MessageCallback> on_message_;
  std::optional<EventLoop::TimerId> announcement_;  // of what those are called for
  int socket_error_ = 0;
  bool reading_paused_ = false;  // the loop does not watch the own socket
  bool is_draining_ = false;     // events are being processed: a callback must not begin to
  TimePoint read_empty_at_{};    // the turn that has read all there was
  process::Birthplace birthplace_;
};

}  // namespace dtls::runtime
