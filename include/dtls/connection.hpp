// Connection: one association with its socket, on an event loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
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
class Connection {
 public:
  enum class State : std::uint8_t { kHandshaking, kEstablished, kClosedByPeer, kFailed, kClosed };

  explicit Connection(std::shared_ptr<runtime::ConnectionCore> core);
  ~Connection();
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;

  [[nodiscard]] State state() const;
  // failure tells why, in state kFailed; else nullptr.
  [[nodiscard]] const Error* failure() const;

  // send transmits one message as one record in one datagram. Waits for the handshake within the
  // timeout. Returns the size. Errors: EMSGSIZE above 16384 bytes, EAGAIN on timeout, EPIPE after
  // the peer's close, the failure's own errno, EBADF after close.
  Result<std::size_t> send(std::span<const std::byte> message, Timeout timeout = {});
  Result<std::size_t> send(std::string_view message, Timeout timeout = {});

  // recv copies the next message, or what is left of one that was longer than `into`.
  // Returns 0 when the timeout passes with nothing. Errors: ESHUTDOWN after the peer's
  // close_notify, the failure's own errno, EBADF after close. Messages received before the end are
  // delivered first. Empty messages are never delivered.
  Result<std::size_t> recv(std::span<std::byte> into, Timeout timeout = {});

  // pending takes in what waits in the socket, without blocking, and returns the bytes that the
  // next recv can give.
  std::size_t pending();

  // wait_established waits until the handshake has ended; fails with its error or ETIMEDOUT.
  Result<void> wait_established(Timeout timeout = {});

  // close sends close_notify and releases the descriptor. Twice is harmless.
  void close();

  // descriptor is a UDP socket bound to the local and connected to the peer's address; the first
  // call gives an accepted connection a socket of its own. For watching with the loop only. EBADF
  // after close; EMFILE when the process is out of descriptors.
  Result<int> descriptor();

  [[nodiscard]] Address local_address() const;  // also after close
  [[nodiscard]] Address peer_address() const;   // also after close

  // verification: outcome of checking the peer's certificate; meaningful once established or
  // failed.
  [[nodiscard]] const PeerVerification& verification() const;

  // take_socket_error returns the last socket error (SO_ERROR) and clears it; 0: none.
  int take_socket_error();

  // socket_options gives the options of the connection's own socket, which an accepted connection
  // gets with this call as with descriptor. Fails like descriptor.
  Result<SocketOptions> socket_options();

  // on_readable / on_settled call back, level-triggered, while data or the end waits / once the
  // handshake has ended either way. They run as watches of the loop. An empty function removes.
  void on_readable(std::function<void()> callback);
  void on_settled(std::function<void()> callback);

 private:
  struct Watches;

  std::shared_ptr<runtime::ConnectionCore> core_;
  std::unique_ptr<Watches> watches_;
};

}  // namespace dtls
