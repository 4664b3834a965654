// Endpoint: many peers on one address. Decides what a datagram is for; sends and keeps time by
// nobody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "dtls/address.hpp"
#include "dtls/config.hpp"
#include "dtls/time.hpp"
#include "endpoint/cookie_gate.hpp"

namespace dtls::endpoint {

// Receiver takes the datagrams of one accepted peer.
class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual void on_datagram(std::span<std::byte> datagram, TimePoint now) = 0;
};

// Opening is a peer that proved its address and waits to be accepted, with what it has sent so far.
struct Opening {
  Address peer;
  std::optional<Address> local;  // where it sent to, as far as known
  std::vector<std::vector<std::byte>> datagrams;
};

// Counters of what was not delivered, for people who look for the reason.
struct EndpointCounters {
  std::uint64_t discarded = 0;   // not a hello, of an unknown peer
  std::uint64_t challenged = 0;  // answered with a cookie
  std::uint64_t refused = 0;     // proven, but a limit was reached
};

class Endpoint {
 public:
  enum class Outcome : std::uint8_t { kNothing, kReply, kDelivered, kOpened };
  struct Handled {
    Outcome outcome = Outcome::kNothing;
    std::size_t reply_size = 0;  // of kReply: send that much of the reply buffer to the peer
  };

  Endpoint(CookieGate gate, Limits limits) : gate_(std::move(gate)), limits_(limits) {}

  // receive routes one datagram: to its peer's Receiver, into its Opening, or through the cookie
  // gate. `reply` needs CookieGate::kReplySize bytes.
  Handled receive(const Address& peer, const std::optional<Address>& local,
                  std::span<std::byte> datagram, TimePoint now, std::span<std::byte> reply);

  [[nodiscard]] bool has_waiting() const { return !queue_.empty(); }
  // accept takes the peer that has waited longest and gives its datagrams to `adopt`'s receiver
  // from now on.
  std::optional<Opening> accept();
  // adopt must follow accept at once; the receiver stays until forget.
  void adopt(const Address& peer, Receiver& receiver);
  void forget(const Address& peer) { peers_.erase(peer); }

  // take_all empties the endpoint: the accepted peers' receivers.
  std::vector<Receiver*> take_all();

  [[nodiscard]] const EndpointCounters& counters() const { return counters_; }
  [[nodiscard]] std::size_t size() const { return peers_.size(); }

 private:
  using Entry = std::variant<Opening, Receiver*>;

  CookieGate gate_;
  Limits limits_;
  std::unordered_map<Address, Entry> peers_;
  std::deque<Address> queue_;
  EndpointCounters counters_;
};

}  // namespace dtls::endpoint
