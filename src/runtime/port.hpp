// Port: a UDP socket with the datagrams that are to leave by it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dtls/error.hpp"
#include "dtls/path.hpp"
#include "dtls/time.hpp"
#include "net/loop_core.hpp"
#include "net/transmit_batch.hpp"
#include "net/udp_socket.hpp"

namespace dtls::runtime {

// Port collects datagrams and sends them together. Its memory is one of a few batches of the
// thread, which it has only while something waits to be sent.
class Port {
 public:
  // How soon a flush is tried again that the kernel's send buffer had no room for.
  static constexpr Duration kRetry{1};

  Port() = default;
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  [[nodiscard]] net::UdpSocket& socket() { return socket_; }
  [[nodiscard]] const net::UdpSocket& socket() const { return socket_; }
  [[nodiscard]] bool is_open() const { return socket_.descriptor() >= 0; }
  // open takes the socket; the port has none before.
  void open(net::UdpSocket socket) { socket_ = std::move(socket); }
  // release gives the socket away, and close closes it; datagrams that wait are dropped.
  net::UdpSocket release();
  void close();

  // room gives memory for one datagram of at most `most` bytes, until the next call. Empty: the
  // kernel has no room for the datagrams before it. Otherwise commit must follow.
  std::span<std::byte> room(std::size_t most);
  // commit makes the first `size` bytes of that memory a datagram, to `path` or, where that is
  // null, to the peer that the socket is connected to. Size 0: none.
  void commit(const Path* path, std::size_t size);
  // add makes a datagram of a copy of these bytes; without room it is lost, as datagrams may be.
  void add(const Path* path, std::span<const std::byte> datagram);

  // flush sends what waits. The result is the first failure; a full send buffer is none.
  std::optional<Error> flush();
  // is_blocked: datagrams wait because the kernel's send buffer was full at the last flush.
  [[nodiscard]] bool is_blocked() const { return is_blocked_; }
  // take_pending gives the datagrams that wait, for the socket's next owner.
  std::vector<std::vector<std::byte>> take_pending();

 private:
  void give_back();

  net::UdpSocket socket_;
  std::unique_ptr<net::TransmitBatch> batch_;
  bool is_blocked_ = false;
};

// Flushing is an owner of a port. Datagrams that are sent in a turn of the loop leave together at
// its end, and at once outside of a turn.
class Flushing {
 public:
  Flushing() = default;
  Flushing(const Flushing&) = delete;
  Flushing& operator=(const Flushing&) = delete;

  virtual void flush() = 0;

  // flush_soon flushes at the end of the loop's turn, or now where it is in none.
  void flush_soon(net::LoopCore& loop);

 protected:
  virtual ~Flushing() { cancel_flush(); }
  void cancel_flush();  // it has nothing to flush any more

 private:
  static void flush_all();

  bool is_listed_ = false;
};

}  // namespace dtls::runtime
