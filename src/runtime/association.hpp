// Association: what moves when a connection changes its owner.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dtls/connection.hpp"
#include "dtls/session.hpp"
#include "runtime/inlet.hpp"
#include "runtime/message_queue.hpp"

namespace dtls::runtime {

// Association is a session with what has arrived for it and what became of it. It has no socket, no
// loop and no thread.
struct Association {
  Association(Session started, const Address& to, const Address& from, std::size_t receive_queue)
      : session(std::move(started)), received(receive_queue), peer(to), local(from) {}

  Session session;
  Connection::State state = Connection::State::kHandshaking;
  std::optional<Error> failure;
  MessageQueue received;
  Address peer;
  Address local;
  std::vector<std::vector<std::byte>> opening;  // not given to the session yet
  std::vector<std::byte> unsent;                // a datagram the kernel had no room for
  bool heard = false;                           // something came from the peer

  // Of a server's association only.
  std::string server_name;             // ServerConfig::name; empty: it cannot be handed over
  wire::HelloMark mark = 0;            // see Endpoint
  std::shared_ptr<Inlet> inlet;        // made when somebody elsewhere needs it
  std::shared_ptr<Inlet> predecessor;  // the association that this one takes the place of

  [[nodiscard]] bool is_live() const {
    return state == Connection::State::kHandshaking || state == Connection::State::kEstablished;
  }
};

}  // namespace dtls::runtime
