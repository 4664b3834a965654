// Endpoint: many peers on one address. Decides what a datagram is for; sends and keeps time by
// nobody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dtls/address.hpp"
#include "dtls/config.hpp"
#include "dtls/time.hpp"
#include "endpoint/accept_queue.hpp"
#include "endpoint/census.hpp"
#include "endpoint/cookie_gate.hpp"
#include "endpoint/opening.hpp"
#include "wire/client_hello.hpp"

namespace dtls::endpoint {

// Eviction is why an association has to make room for others.
struct Eviction {
  bool half_open = false;  // its handshake has not finished
  Duration since{};        // for so long; established: no message for so long
};

// Receiver takes the datagrams of one accepted peer.
class Receiver {
 public:
  Receiver() = default;
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  virtual ~Receiver() = default;
  virtual void on_datagram(std::span<std::byte> datagram, TimePoint now) = 0;
  // on_evicted has the association end, with Endpoint::forget, before it returns.
  virtual void on_evicted(const Eviction& /*eviction*/) {}

  Census::Member* member = nullptr;  // the endpoint's own: it counts while this is set
};

// Counters of what was not delivered, for people who look for the reason.
struct EndpointCounters {
  std::uint64_t discarded = 0;   // not a hello, of an unknown peer
  std::uint64_t challenged = 0;  // answered with a cookie
  std::uint64_t refused = 0;     // proven, but a limit was reached and nothing could make room
  std::uint64_t evicted_half_open = 0;  // unfinished ones that made room for others
  std::uint64_t evicted_idle = 0;       // established ones that did
};

// Endpoint knows three kinds of peers: accepted ones, by their Receiver; those that were accepted
// and whose association has moved to another thread, by a Receiver that may be called from here;
// and those that wait to be accepted. A known peer may begin anew (RFC 6347 §4.2.8): it proves its
// address like any other and waits to be accepted, while its old association goes on. With adopt
// the new one takes the old one's place; to end the old one is for those who hear that the new one
// has proven itself.
class Endpoint {
 public:
  enum class Outcome : std::uint8_t { kNothing, kReply, kDelivered, kOpened };
  struct Handled {
    Outcome outcome = Outcome::kNothing;
    std::size_t reply_size = 0;  // of kReply: send that much of the reply buffer to the peer
  };

  // patience: how long a proven peer is kept waiting for accept.
  Endpoint(CookieGate gate, const Limits& limits, Duration patience)
      : gate_(std::move(gate)), limits_(limits), patience_(patience), census_(limits) {}

  // receive routes one datagram: to its peer's Receiver, into its Opening, or through the cookie
  // gate. `reply` needs CookieGate::kMaxReplySize bytes.
  Handled receive(const Address& peer, const std::optional<Address>& local,
                  std::span<std::byte> datagram, TimePoint now, std::span<std::byte> reply);

  [[nodiscard]] bool is_waiting(const Address& peer) const {
    const auto known = peers_.find(peer);
    return known != peers_.end() && known->second.opening;
  }
  [[nodiscard]] bool has_waiting() const { return !queue_.empty(); }
  // accept takes the peer that has waited longest; nullopt if there is none.
  std::optional<Opening> accept(TimePoint now);
  // adopt or abandon must follow accept at once. After adopt the peer's datagrams go to `receiver`
  // until forget or depart.
  void adopt(const Opening& opening, Receiver& receiver);
  void abandon(const Opening& opening);

  // Of an adopted receiver, also when another one has taken its place by now. establish: its
  // handshake is done. charge: its peer has it hold that many bytes while it is not. spoke: a
  // message has gone either way. Then either forget: its association has ended; or depart: it moves
  // to another thread, no longer counts, and what still comes here goes to `away` while that
  // exists.
  void establish(Receiver& receiver, TimePoint now);
  void charge(Receiver& receiver, std::size_t bytes, TimePoint now);
  void spoke(Receiver& receiver, TimePoint now);
  void forget(const Address& peer, Receiver& receiver);
  void depart(const Address& peer, Receiver& receiver, std::weak_ptr<Receiver> away);
  // restore routes to the receiver again whose place was taken by one that has ended.
  // restore_away does so for one in another thread.
  void restore(const Address& peer, Receiver& receiver, wire::HelloMark mark);
  void restore_away(const Address& peer, std::weak_ptr<Receiver> away, wire::HelloMark mark);

  // forget_secrets ends the cookie gate: receive must not be called any more.
  void forget_secrets() { gate_.reset(); }

  // shrink gives back the memory of more peers than there are.
  void shrink() {
    peers_.rehash(0);
    census_.shrink();
  }

  [[nodiscard]] const EndpointCounters& counters() const { return counters_; }
  [[nodiscard]] const Census& census() const { return census_; }

 private:
  struct Peer {
    Receiver* here = nullptr;
    std::weak_ptr<Receiver> away;
    std::unique_ptr<Opening> opening;
    wire::HelloMark mark = 0;  // of the hello that `here` or `away` began with

    [[nodiscard]] bool is_gone() const { return here == nullptr && !opening && away.expired(); }
  };
  using Peers = std::unordered_map<Address, Peer>;

  Handled admit(const Address& peer, const std::optional<Address>& local,
                std::span<std::byte> datagram, TimePoint now, std::span<std::byte> reply);
  bool open(const Address& peer, const std::optional<Address>& local,
            std::span<const std::byte> datagram, TimePoint now);
  // take_opening and drop_opening end the wait of a peer that has an Opening.
  Opening take_opening(Peer& peer);
  void drop_impatient(TimePoint now);
  void drop_opening(Peer& peer);
  // make_room evicts whom the limits let go for one more of `peer`; false: there is no room.
  bool make_room(const Address& peer, TimePoint now);
  void keep_to_budget(TimePoint now);
  void evict(Census::Member& member, TimePoint now);
  void sweep_departed();
  // leave ends the routing to a receiver, if it has not been replaced.
  Peers::iterator leave(const Address& peer, Receiver& receiver);

  std::optional<CookieGate> gate_;  // until forget_secrets
  Limits limits_;
  Duration patience_;
  Census census_;
  Peers peers_;
  AcceptQueue queue_;
  std::size_t departed_ = 0;  // since the last sweep
  EndpointCounters counters_;
};

}  // namespace dtls::endpoint
