// Migrations: the associations of this process that can move, or have moved, between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "dtls/error.hpp"
#include "dtls/time.hpp"
#include "net/mailbox.hpp"
#include "net/udp_socket.hpp"
#include "runtime/association.hpp"

namespace dtls::runtime {

class ConnectionCore;

// Routing says where an association in another thread takes the datagrams of its own socket. Its
// server decides.
enum class Routing : std::uint8_t {
  kOwn,       // it processes them
  kShared,    // to the server first: the peer may have begun anew
  kReplaced,  // the peer's new association has replaced this one, which must end
};

// Migrations knows each socket of a named server's connection by the kernel's number of it
// (UdpSocket::identity). A program passes on the bare descriptor number, before or after it lets go
// of the connection (the specification's own example: before), so the connection that takes it up,
// the claimant, may come first and has to wait then. Any thread.
class Migrations {
 public:
  using Id = std::uint64_t;

  // An association that waits longer for a claimant is dropped and its socket closed.
  static constexpr Duration kTimeout = kDefaultHandshakeTimeout;
  // More than this do not wait at once; the oldest is dropped.
  static constexpr std::size_t kMostParked = 65536;
  // Datagrams that are kept for an association that waits: a flight, and a little more.
  static constexpr std::size_t kMostKept = 16;

  // Owner is a connection, as other threads reach it.
  struct Owner {
    std::shared_ptr<net::Mailbox> mailbox;
    std::weak_ptr<ConnectionCore> core;
    const ConnectionCore* self = nullptr;  // to tell it from others, also when it is gone
  };
  // Moving is an association with the socket it travels by.
  struct Moving {
    std::unique_ptr<Association> association;
    net::UdpSocket socket;
  };

  explicit Migrations(std::size_t most_parked = kMostParked) : most_parked_(most_parked) {}
  static Migrations& of_process();

  // announce: a connection has this socket, and may park its association.
  void announce(Id socket, const std::string& server_name, Owner owner);
  // withdraw: it was closed instead; a claimant that waits is told.
  void withdraw(Id socket);
  // park lets go of the association and its socket; a claimant that waits is told.
  void park(Moving moving, TimePoint now);

  // claim registers the claimant of a socket. False: it is not a socket of a named server's
  // connection of this process. Fails with EINVAL if it belongs to a server of another name, EBUSY
  // if another claimant is registered.
  Result<bool> claim(Id socket, const std::string& server_name, Owner claimant, TimePoint now);

  // The outcome for a claimant: nothing yet, nothing ever, or the association.
  struct Later {};
  struct Never {};
  struct Collected {
    Moving moving;
    Routing routing = Routing::kOwn;
    std::vector<std::vector<std::byte>> datagrams;  // forwarded meanwhile
  };
  using Prospect = std::variant<Later, Never, Collected>;
  // collect makes the registered claimant the owner, if the association is parked.
  Prospect collect(Id socket, const ConnectionCore& claimant);
  // renounce: that claimant no longer waits.
  void renounce(Id socket, const ConnectionCore& claimant);

  // forward takes a datagram to an association, in whichever thread it is. A full mailbox loses it,
  // as a full socket buffer would. False: there is no such association any more.
  bool forward(Id socket, std::span<const std::byte> datagram, TimePoint now);
  // route has an association in another thread change its routing.
  void route(Id socket, Routing routing);

  // drop_overdue drops what has waited too long. True if anything goes on waiting.
  bool drop_overdue(TimePoint now);

 private:
  struct Parked {
    Moving moving;
    TimePoint since;
    std::vector<std::vector<std::byte>> datagrams;
  };
  struct Entry {
    std::string server_name;
    std::variant<Owner, Parked> holder;
    std::optional<Owner> claimant = {};  // waits for the owner to let go
    Routing routing = Routing::kOwn;
  };
  struct Waiting {
    TimePoint since;
    Id socket;
  };

  struct Dropped {
    Id socket;
    Moving moving;
  };
  std::optional<Dropped> take_oldest_if_overdue(TimePoint now);

  const std::size_t most_parked_;
  std::mutex mutex_;
  std::unordered_map<Id, Entry> entries_;
  std::deque<Waiting> order_;  // of parking; may name sockets that were collected since
  std::size_t parked_ = 0;
};

}  // namespace dtls::runtime
