// HandOvers: the associations of this process that are on the way from one thread to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "dtls/error.hpp"
#include "dtls/time.hpp"
#include "net/mailbox.hpp"
#include "net/udp_socket.hpp"
#include "runtime/association.hpp"

namespace dtls::runtime {

class ConnectionCore;

// Heir is the connection that takes an association up.
struct Heir {
  std::shared_ptr<net::Mailbox> mailbox;
  std::weak_ptr<ConnectionCore> core;
  const ConnectionCore* self = nullptr;  // to tell it from others, also when it is gone
};

// Legacy is what an heir gets: an association with the socket it travels by.
struct Legacy {
  std::unique_ptr<Association> association;
  net::UdpSocket socket;
};

// HandOvers knows each socket of a named server's connection by its identity (UdpSocket::identity).
// A program passes on the bare descriptor number, before or after it lets go of the connection
// (the specification's own example: before), so the heir may come first and has to wait then.
// Any thread.
class HandOvers {
 public:
  using Identity = std::uint64_t;

  // Nobody takes up an association that waits longer: it is dropped and its socket closed.
  static constexpr Duration kPatience = kDefaultHandshakeTimeout;
  // More than this do not wait at once; the oldest is dropped.
  static constexpr std::size_t kMostParked = 65536;

  explicit HandOvers(std::size_t most_parked = kMostParked) : most_parked_(most_parked) {}
  static HandOvers& of_process();

  // announce: a connection has this socket, and may park its association.
  void announce(Identity socket, const std::string& server_name);
  // withdraw: it was closed instead; an heir that waits is told.
  void withdraw(Identity socket);
  // park lets go of the association and its socket; an heir that waits is told.
  void park(Legacy legacy, TimePoint now);

  // claim registers the heir of a socket. False: it is not a socket of a named server's connection
  // of this process. Fails with EINVAL if it belongs to a server of another name, EBUSY if another
  // heir is registered.
  Result<bool> claim(Identity socket, const std::string& server_name, Heir heir, TimePoint now);

  enum class Prospect : std::uint8_t { kReady, kLater, kNever };
  struct Collected {
    Prospect prospect = Prospect::kNever;
    Legacy legacy;  // of kReady
  };
  // collect gives the registered heir its legacy, if it is parked.
  Collected collect(Identity socket, const ConnectionCore& heir);
  // renounce: that heir no longer waits.
  void renounce(Identity socket, const ConnectionCore& heir);

  // drop_due drops what has waited too long. True if anything goes on waiting.
  bool drop_due(TimePoint now);

 private:
  struct Parked {
    Legacy legacy;
    TimePoint since;
  };
  struct Entry {
    std::string server_name;
    std::optional<Heir> heir;      // waits for the owner to let go
    std::optional<Parked> parked;  // waits for an heir
  };
  struct Waiting {
    TimePoint since;
    Identity socket;
  };

  std::optional<Legacy> take_oldest_if_due(TimePoint now);
  Legacy take(Entry& entry);

  const std::size_t most_parked_;
  std::mutex mutex_;
  std::unordered_map<Identity, Entry> entries_;
  std::deque<Waiting> order_;  // of parking; may name sockets that are taken up by now
  std::size_t parked_ = 0;
};

}  // namespace dtls::runtime
