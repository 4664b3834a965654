// Server: one UDP socket, many peers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dtls/config.hpp"
#include "dtls/connection.hpp"
#include "dtls/event_loop.hpp"

namespace dtls {

namespace runtime {
class ServerCore;
}

// HandshakeFailure tells of a peer of a server whose handshake has failed.
struct HandshakeFailure {
  Address peer;
  Error error;  // its alert is the one that was sent or received, if there was one
  // Who the peer said it is. Nothing of it is proven; identities may be any bytes.
  std::string psk_identity;
  std::string subject;  // of its certificate: "CN=example.org,O=Example"
};

// ServerCounters tell what became of datagrams of unknown peers, and of associations at a limit.
struct ServerCounters {
  std::uint64_t discarded = 0;          // datagrams that were no hello
  std::uint64_t challenged = 0;         // hellos answered with a cookie
  std::uint64_t refused = 0;            // hellos with a cookie, dropped at a limit: see Limits
  std::uint64_t evicted_half_open = 0;  // unfinished handshakes that made room for others
  std::uint64_t evicted_idle = 0;       // idle associations that did
};

// Server accepts peers on one address. In a child process made by fork(2) it is dead, as
// Connections are. Used on the thread of its loop. Connections outlive it:
// those without a socket of their own get one when the server closes. The address is then free for
// the next server of the same user, while the kernel keeps it from other users.
class Server {
 public:
  // listen binds `local` (port 0: any). Fails with EINVAL for unusable credentials or options,
  // EADDRINUSE, EACCES, EADDRNOTAVAIL, ....
  static Result<Server> listen(EventLoop& loop, const ServerConfig& config, const Address& local);
  ~Server();
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;

  // accept waits for a peer whose address is proven (RFC 6347 §4.2.1) and hands it over before its
  // handshake, which goes on by itself. EAGAIN on timeout, EBADF after close.
  Result<Connection> accept(Timeout timeout = {});

  // add_identity adds the certificate of one more host name: see HostIdentityConfig. Handshakes
  // that begin later see it; the same name again takes the place of the earlier one. Fails with
  // EINVAL for unusable credentials or a name that is no host name, EBADF after close.
  Result<void> add_identity(const HostIdentityConfig& config);

  // on_accept calls back for every new peer, as a watch of the loop. An empty function removes.
  void on_accept(std::function<void(Connection)> callback);

  // on_acceptable calls back, level-triggered, while a peer waits: for programs that accept by
  // themselves. It and on_accept take each other's place.
  void on_acceptable(std::function<void()> callback);

  // on_handshake_failed calls back once for each connection of this server whose first handshake
  // has failed, whether the program has looked at it or not; Connection::on_established tells of
  // the others. It runs on the thread of the loop, as background work, so also inside blocking
  // calls, but never from inside a call to the server or a connection; it may call both, but for
  // what blocks. Not told: what the program has closed itself, and connections that were handed to
  // another thread, which are told of there. 1024 failures wait to be told at most; more are
  // dropped. An empty function removes.
  void on_handshake_failed(std::function<void(const HandshakeFailure&)> callback);

  // close ends accepting and releases the descriptor. The private keys, pre-shared keys, ticket
  // keys and cookie secrets are wiped with it, or with the last connection of the server that
  // lives.
  void close();
  [[nodiscard]] int descriptor() const;         // -1 after close
  [[nodiscard]] Address local_address() const;  // also after close

  [[nodiscard]] ServerCounters counters() const;  // since listen; also after close

  // socket_options gives the options of the server's socket; EBADF after close.
  Result<SocketOptions> socket_options();

 private:
  explicit Server(std::shared_ptr<runtime::ServerCore> core);
  std::shared_ptr<runtime::ServerCore> core_;
  std::optional<EventLoop::WatchId> accept_watch_;
};

}  // namespace dtls
