// Endpoint: many peers on one address. It decides which association a datagram is for, performs no
// I/O and reads no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "dtls/config.hpp"
#include "dtls/path.hpp"
#include "dtls/time.hpp"
#include "endpoint/accept_queue.hpp"
#include "endpoint/census.hpp"
#include "endpoint/cookie_gate.hpp"
#include "endpoint/handle.hpp"
#include "endpoint/opening.hpp"
#include "endpoint/slot.hpp"

namespace dtls::endpoint {

// Evicted is an association that has to end because a limit was reached. The endpoint has forgotten
// it.
struct Evicted {
  Handle handle;
  bool half_open = false;  // its handshake has not finished
  Duration since{};        // half-open: since it began; established: since the last message
};

// Counters of what was not delivered, for people who look for the reason.
struct EndpointCounters {
  std::uint64_t discarded = 0;   // not a hello, of an unknown peer
  std::uint64_t challenged = 0;  // answered with a cookie
  std::uint64_t refused = 0;     // proven, but a limit was reached and nothing could make room
  std::uint64_t evicted_half_open = 0;  // unfinished ones that made room for others
  std::uint64_t evicted_idle = 0;       // established ones that did
};

// Accepted is a peer that has proven its address, and the handle of the association that it gets.
struct Accepted {
  Handle handle;
  Path path;
  Opening::Datagrams datagrams;  // received so far, in order
  wire::HelloMark mark = 0;
  // An unfinished association of the same peer, which the caller must end: of two unfinished ones
  // the newer goes on.
  Place superseded;
  // An association in another thread that stays the current one. Its socket receives the
  // candidate's datagrams, too, so they must come here until the candidate's handshake has ended.
  Place shared;
};

// Endpoint routes by address: see Slot. Its owner has the associations, by handle, and tells what
// becomes of them. One thread at a time.
class Endpoint {
 public:
  // The outcome for a datagram.
  struct Nothing {};  // dropped, or kept with what its peer has sent before
  struct Reply {
    std::size_t size = 0;  // send that much of the reply buffer to the peer
  };
  struct Opened {};  // a peer waits to be accepted
  struct Deliver {
    Place to;
    Place also;  // while a candidate's handshake runs the datagram may be for the current one
  };
  using Routed = std::variant<Nothing, Reply, Opened, Deliver>;

  // accept_timeout: how long a proven peer waits for accept.
  Endpoint(CookieGate gate, const Limits& limits, Duration accept_timeout)
      : gate_(std::move(gate)), limits_(limits), accept_timeout_(accept_timeout), census_(limits) {}

  // receive routes one datagram: to associations, into an Opening, or through the cookie gate.
  // `reply` needs CookieGate::kMaxReplySize bytes. Ask take_evicted afterwards.
  Routed receive(const Path& path, std::span<std::byte> datagram, TimePoint now,
                 std::span<std::byte> reply);

  [[nodiscard]] bool is_waiting(const Address& peer) const {
    const auto known = slots_.find(peer);
    return known != slots_.end() && known->second.opening;
  }
  [[nodiscard]] bool has_waiting() const { return !queue_.empty(); }
  // accept takes the peer that has waited longest; nullopt if there is none.
  std::optional<Accepted> accept(TimePoint now);

  // establish: the handshake of an association has finished. Gives the one that it replaces, which
  // the caller must end.
  Place establish(Handle handle, TimePoint now);
  Place establish(const Address& peer, Elsewhere elsewhere);
  // charge says how many bytes an unfinished association's peer has it hold. Ask take_evicted
  // afterwards.
  void charge(Handle handle, std::size_t bytes, TimePoint now);
  // spoke: a message has gone either way.
  void spoke(Handle handle, TimePoint now);
  // end forgets an association. Gives the one in another thread that need not share its datagrams
  // any more (see Accepted::shared), if there is one.
  Place end(Handle handle);
  Place end(const Address& peer, Elsewhere elsewhere);
  // depart: an association moves to another thread. It no longer counts.
  void depart(Handle handle, Elsewhere elsewhere);
  // introduce makes an association known that another thread serves, where none is current.
  void introduce(const Address& peer, Elsewhere elsewhere);

  // take_evicted gives, once, the associations that have made room. Their handles mean nothing to
  // the endpoint any more.
  std::vector<Evicted> take_evicted() { return std::exchange(evicted_, {}); }

  // forget_secrets ends the cookie gate: receive must not be called any more.
  void forget_secrets() { gate_.reset(); }

  // shrink gives back the memory of more peers than there are.
  void shrink();

  [[nodiscard]] const EndpointCounters& counters() const { return counters_; }
  [[nodiscard]] const Census& census() const { return census_; }

 private:
  using Slots = std::unordered_map<Address, Slot>;
  // Known is a place in the table of associations.
  struct Known {
    Census::Member* member = nullptr;  // null: the place is free
    std::uint32_t generation = 0;
  };

  Routed admit(const Path& path, std::span<std::byte> datagram, TimePoint now,
               std::span<std::byte> reply);
  bool open(const Path& path, std::span<const std::byte> datagram, TimePoint now);
  // take_opening and drop_opening end the wait of a peer that has an Opening.
  Opening take_opening(Slot& slot);
  void drop_opening(Slots::value_type& slot);
  void drop_overdue(TimePoint now);
  // make_room evicts whom the limits let go for one more of `peer`; false: there is no room.
  bool make_room(const Address& peer, TimePoint now);
  void keep_to_budget(TimePoint now);
  void evict(Census::Member& member, TimePoint now);

  [[nodiscard]] Census::Member* find(Handle handle);
  void enter(Census::Member& member);
  [[nodiscard]] bool is_unfinished(const Place& place);
  // detach cuts the way from an association of this thread to its slot.
  void detach(const Place& place);
  Place promote(Slots::value_type* slot, const Place& place);
  Place leave(Slots::value_type* slot, const Place& place);
  void erase_if_free(Slots::value_type& slot);
  Slots::value_type* slot_of(const Address& peer);

  std::optional<CookieGate> gate_;  // until forget_secrets
  Limits limits_;
  Duration accept_timeout_;
  Census census_;
  Slots slots_;
  std::vector<Known> known_;  // by Handle::index
  std::vector<std::uint32_t> free_;
  AcceptQueue queue_;
  std::vector<Evicted> evicted_;
  EndpointCounters counters_;
};

}  // namespace dtls::endpoint
