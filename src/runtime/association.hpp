// Association: what moves when a connection changes its owner.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dtls/connection.hpp"
#include "dtls/session.hpp"
#include "endpoint/opening.hpp"
#include "runtime/inlet.hpp"
#include "runtime/message_queue.hpp"

namespace dtls::runtime {

struct NamedServer;

// Predecessor is the association whose place a new one may take. Unless it does (release), the old
// one goes on, whatever becomes of the new one.
class Predecessor {
 public:
  Predecessor() = default;
  explicit Predecessor(std::shared_ptr<Inlet> inlet) : inlet_(std::move(inlet)) {}
  ~Predecessor() { give_up(); }
  Predecessor(Predecessor&& other) noexcept : inlet_(std::move(other.inlet_)) {}
  Predecessor& operator=(Predecessor&& other) noexcept {
    if (this != &other) {
      give_up();
      inlet_ = std::move(other.inlet_);
    }
    return *this;
  }

  [[nodiscard]] Inlet* get() const { return inlet_.get(); }
  std::shared_ptr<Inlet> release() { return std::exchange(inlet_, nullptr); }
  void give_up() {
    if (const auto old = release()) old->reinstate();
  }

 private:
  std::shared_ptr<Inlet> inlet_;
};

// ReceivedMessages is the queue of an association. It is full at `receive_queue` bytes: then its
// socket is not read, and further datagrams wait in the kernel. Datagrams that were read by then go
// beyond the limit. A batch brings no more of them than the kernel's receive buffer held, 208 KiB
// by default. A server's socket is read on for the other peers, a batch for each turn of the loop,
// in which the program may read as well: only at four times the limit messages are dropped.
class ReceivedMessages : public MessageQueue {
 public:
  explicit ReceivedMessages(std::size_t receive_queue)
      : MessageQueue(receive_queue > SIZE_MAX / kMostLimits ? SIZE_MAX
                                                            : kMostLimits * receive_queue),
        limit_(receive_queue) {}

  [[nodiscard]] bool is_full() const { return !empty() && size() >= limit_; }
  // is_half_empty: reading may begin again; not at the first free byte, which would cost system
  // calls for each message.
  [[nodiscard]] bool is_half_empty() const { return size() <= limit_ / 2; }

 private:
  static constexpr std::size_t kMostLimits = 4;

  std::size_t limit_;
};

// Association is a session with what has arrived for it and what became of it. It has no socket, no
// loop and no thread.
struct Association {
  Association(Session started, const Address& to, const Address& from, std::size_t receive_queue)
      : session(std::move(started)), received(receive_queue), peer(to), local(from) {}

  Session session;
  Connection::State state = Connection::State::kHandshaking;
  std::optional<Error> failure;
  ReceivedMessages received;
  Address peer;
  Address local;
  endpoint::Opening::Datagrams opening;   // not given to the session yet; see hold_opening
  std::vector<std::byte> unsent;          // a datagram the kernel had no room for
  bool heard = false;                     // something came from the peer
  std::optional<std::string> wanted_psk;  // the handshake waits for it
  bool has_ticket = false;                // the session has one to take

  // Of a server's association only.
  std::shared_ptr<const NamedServer>
      server;                    // null: it has no name, and this cannot be handed over
  bool proven = true;            // the peer's address, to this process
  wire::HelloMark mark = 0;      // see Endpoint
  std::shared_ptr<Inlet> inlet;  // made when somebody elsewhere needs it
  Predecessor predecessor;
  bool yielding = false;  // what the own socket receives is the server's to route

  // hold_opening keeps a datagram that came before the handshake begins, within Opening's bounds.
  void hold_opening(std::span<const std::byte> datagram) {
    endpoint::Opening::hold(opening, datagram);
  }

  [[nodiscard]] bool is_live() const {
    return state == Connection::State::kHandshaking || state == Connection::State::kEstablished;
  }
};

}  // namespace dtls::runtime
