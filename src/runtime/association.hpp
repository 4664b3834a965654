// Association: the part of a connection that moves from one thread to another.
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
#include "dtls/path.hpp"
#include "dtls/session.hpp"
#include "endpoint/opening.hpp"
#include "runtime/message_queue.hpp"

namespace dtls::runtime {

struct NamedServer;

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

// Association is a session with its unread messages and its path. It has no socket, no loop and no
// thread.
struct Association {
  // End is how it ended: by the peer's close_notify, or by a failure.
  struct End {
    std::optional<Error> failure;
  };

  Association(Session started, const Path& of, std::size_t receive_queue)
      : session(std::move(started)), path(of), received(receive_queue) {}

  Session session;
  Path path;
  ReceivedMessages received;
  endpoint::Opening::Datagrams opening;        // received before the handshake begins here
  std::vector<std::vector<std::byte>> unsent;  // while it moves: the kernel had no room for them
  std::optional<std::string> wanted_psk;       // the handshake waits for this identity's key
  bool has_ticket = false;                     // the session has one to take
  bool established = false;
  bool heard = false;  // a datagram of the peer has been received
  std::optional<End> end;

  // Of a server's association only.
  std::shared_ptr<const NamedServer> server;  // null: without a name it cannot migrate
  bool proven = true;                         // the peer's address, to this process
  wire::HelloMark mark = 0;                   // of the hello that it began with
};

}  // namespace dtls::runtime
