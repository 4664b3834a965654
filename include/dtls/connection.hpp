// Connection: one association with its socket, on an event loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dtls/address.hpp"
#include "dtls/event_loop.hpp"
#include "dtls/session.hpp"
#include "dtls/socket_options.hpp"

namespace dtls {

namespace runtime {
class ConnectionCore;
}

// Connection is made by Client::connect or Server::accept and used on the thread of its loop.
// Destroying it closes it. Its blocking calls run the loop's background work while they wait.
// In a child process made by fork(2) the parent's connections are dead: calls that return a Result
// fail with EBADF, take_socket_error gives EBADF, the others do nothing. Closing or destroying one
// there closes the child's copy of the descriptor; the parent's goes on undisturbed.
class Connection {
 public:
  enum class State : std::uint8_t { kHandshaking, kEstablished, kClosedByPeer, kFailed, kClosed };

  // from_descriptor takes up a connection whose descriptor was handed over: by fly_away of another
  // loop's Connection (before or after this call), or by another process. Then the peer's handshake
  // is done here, with the credentials of the server of this process that is named `server_name`;
  // the peer sends its hello again, and if both servers have the same cookie_secret that is all.
  //   fd: a connected UDP socket; from now on the Connection's, unless this fails
  //   handshake_timeout: how long it may take until the association is established, from now on
  // Fails with EBADF, ENOTSOCK, EPROTOTYPE (no UDP socket), ENOTCONN; ENOENT when there is no
  // server of that name; EINVAL when the descriptor belongs to another one's connection; EBUSY when
  // it is being taken up already.
  static Result<Connection> from_descriptor(EventLoop& loop, const std::string& server_name, int fd,
                                            Duration handshake_timeout = kDefaultHandshakeTimeout);

  explicit Connection(std::shared_ptr<runtime::ConnectionCore> core);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  [[nodiscard]] State state() const;
  // failure tells why, in state kFailed; else nullptr.
  [[nodiscard]] const Error* failure() const;

  // send transmits one message as one record in one datagram. Waits for the handshake within the
  // timeout. Returns the size. Errors: EMSGSIZE above
  // Negotiated::max_message, EAGAIN on timeout, EPIPE after
  // the peer's close, the failure's own errno, EBADF after close.
  Result<std::size_t> send(std::span<const std::byte> message, Timeout timeout = {});
  Result<std::size_t> send(std::string_view message, Timeout timeout = {});

  // send_many makes one record in one datagram of each message, and hands them to the kernel
  // together. It does not wait. Returns how many were accepted, in their order: fewer than all
  // where the socket has no room or the next message cannot be sent. Where not even the first one
  // can be, it fails as send does with a timeout of 0.
  Result<std::size_t> send_many(std::span<const std::span<const std::byte>> messages);

  // flush sends at once. Datagrams that are sent while the loop is in a turn (in a callback of a
  // watch, a timer, or on_message) leave together at the end of that turn; others leave at once.
  void flush();

  // recv copies the next message, or what is left of one that was longer than `into`.
  // Returns 0 when the timeout passes with nothing. Errors: ESHUTDOWN after the peer's
  // close_notify, the failure's own errno, EBADF after close. Messages received before the end are
  // delivered first. Empty messages are never delivered.
  Result<std::size_t> recv(std::span<std::byte> into, Timeout timeout = {});

  // try_send and try_recv are send and recv without a wait and without a turn of the loop; where
  // those would wait, they fail with EAGAIN. try_recv makes no system call: it copies a message
  // that the loop has received. For programs that run the loop themselves.
  Result<std::size_t> try_send(std::span<const std::byte> message);
  Result<std::size_t> try_recv(std::span<std::byte> into);

  // pending takes in what waits in the socket, without blocking, and returns the bytes that the
  // next recv can give.
  std::size_t pending();

  // wait_established waits until the handshake has ended; fails with its error or ETIMEDOUT.
  Result<void> wait_established(Timeout timeout = {});

  // close sends close_notify, releases the descriptor and wipes the keys and secrets of the
  // association, and those of its configuration, unless the server or another connection of it
  // still has them. A ticket that was not taken is lost. Twice is harmless.
  void close();

  // abort closes without a word to the peer, whose association lives on until it notices.
  void abort();

  // fly_away forgets the association without a word to the peer and leaves the descriptor open, for
  // from_descriptor to take up on another thread: with its keys, what has arrived, and whatever
  // part of the handshake is done. That needs a server with a name, and a descriptor that was asked
  // for. Nobody takes it up within kDefaultHandshakeTimeout: it is dropped, and the descriptor
  // closed. Without a name the association is dropped at once. The Connection is closed afterwards.
  void fly_away();

  // renegotiate begins a new handshake within the association (RFC 5746). The peer's messages are
  // received meanwhile (RFC 5246 §6.2.1); send waits for the end of the handshake, and fails with
  // EAGAIN where its timeout is 0, because new keys protect nothing before the peer has proven them
  // (RFC 5246 §7.4.9). on_writable tells the end. Needs ServerConfig::renegotiate or
  // ClientConfig::renegotiate; fails like Session::renegotiate.
  Result<void> renegotiate();

  // update_keys, export_keying_material and take_ticket: see Session.
  Result<void> update_keys(bool ask_peer = false);
  Result<void> export_keying_material(std::string_view label,
                                      std::optional<std::span<const std::byte>> context,
                                      std::span<std::byte> out) const;
  std::optional<SessionTicket> take_ticket();

  // wanted_psk is the identity of the key that the handshake waits for, because the configuration's
  // psk_callback has put off its answer; provide_psk gives it: see Session.
  [[nodiscard]] const std::optional<std::string>& wanted_psk() const;
  void provide_psk(std::optional<Psk> key);
  // on_psk_wanted and on_ticket call back when a key is wanted or a ticket has come (at once, if
  // that was before): as background work of the loop, so also inside blocking calls, but never from
  // inside a call to this connection. They may call it, but for what blocks. An empty function
  // removes. on_established does the same, once, when the first handshake has finished.
  void on_psk_wanted(std::function<void()> callback);
  void on_ticket(std::function<void()> callback);
  void on_established(std::function<void()> callback);

  // descriptor is a UDP socket bound to the local and connected to the peer's address; the first
  // call gives an accepted connection a socket of its own. For watching with the loop only. EBADF
  // after close; EMFILE when the process is out of descriptors.
  Result<int> descriptor();

  [[nodiscard]] Address local_address() const;  // also after close
  [[nodiscard]] Address peer_address() const;   // also after close

  // verification: outcome of checking the peer's certificate; meaningful once established or
  // failed.
  [[nodiscard]] const PeerVerification& verification() const;

  // negotiated is what was agreed upon; nullopt until the handshake is finished and after fly_away.
  [[nodiscard]] std::optional<Negotiated> negotiated() const;

  // take_socket_error returns the last socket error (SO_ERROR) and clears it; 0: none.
  int take_socket_error();

  // socket_options gives the options of the connection's own socket, which an accepted connection
  // gets with this call as with descriptor. Fails like descriptor.
  Result<SocketOptions> socket_options();

  // on_message calls back with each message as it is received, in order, without a queue or a copy:
  // the bytes are valid until the callback returns or calls this connection. It runs as background
  // work of the loop, so also inside blocking calls. It may call this connection and others, close
  // them and destroy them, but must not wait: a blocking call in it receives nothing by the same
  // socket. While it is set recv gives nothing and on_readable tells of the end alone; messages
  // that were received before come first. An empty function removes it, and messages are queued
  // again. An exception passes out of the loop; the messages behind it are delivered nevertheless.
  using MessageCallback = std::function<void(std::span<const std::byte>)>;
  void on_message(MessageCallback callback);

  // on_readable / on_settled call back, level-triggered, while data or the end waits / once the
  // handshake has ended either way. They run as watches of the loop. An empty function removes.
  void on_readable(std::function<void()> callback);
  void on_settled(std::function<void()> callback);
  // on_writable calls back, level-triggered, while send would not wait: the handshake is finished,
  // no renegotiation runs and the socket has room; or the association has ended. As on_readable
  // otherwise. Remove it where there is nothing to send.
  void on_writable(std::function<void()> callback);

 private:
  struct Watches;

  std::shared_ptr<runtime::ConnectionCore> core_;
  std::unique_ptr<Watches> watches_;
};

}  // namespace dtls
