// A UDP proxy on loopback between clients and one server: a network as bad as a test wants it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>

#include "dtls/address.hpp"
#include "dtls/event_loop.hpp"

namespace dtls::test {

enum class Way : std::uint8_t { kToServer, kToClient };

// Passing is a datagram whose fate is to be decided.
struct Passing {
  Way way;
  std::size_t client;  // clients are numbered in the order they appear, from 0
  int number;          // in the conversation of that client, from 0
  int number_in_way;   // the same, counting one direction only
  std::span<const std::byte> bytes;
};

// Fate is what becomes of a datagram.
struct Fate {
  int copies = 1;  // 0: it is lost
  Duration delay{0};
  // It goes right behind the next one of its way, and after `delay` at the latest.
  bool behind_next = false;
};

using Rule = std::function<Fate(const Passing&)>;

// lose_if makes a Rule of a condition.
Rule lose_if(std::function<bool(const Passing&)> condition);

// Chances in percent, for every datagram by itself.
struct Chances {
  unsigned lost = 0;
  unsigned duplicated = 0;
  unsigned delayed = 0;  // by 0 ms to longest_delay, so that others overtake it
  Duration longest_delay{10};
};
// by_chance is a Rule that depends on nothing but the seed, the client, the way and the number in
// that way: not on time, nor on what happened before.
Rule by_chance(std::uint32_t seed, const Chances& chances);

// LossyProxy hands datagrams on as its rule says, in the loop's background. Every client has a
// socket of its own towards the server. What is under way when the proxy goes is lost. It belongs
// to the loop's thread, but may be made before and destroyed after that runs.
class LossyProxy {
 public:
  struct Counts {
    int arrived = 0;
    int lost = 0;
    int delivered = 0;      // copies
    std::size_t bytes = 0;  // of what arrived
  };

  // Without a rule everything passes. Throws std::runtime_error when there is no socket to be had.
  LossyProxy(EventLoop& loop, const Address& server, Rule rule = {});
  ~LossyProxy();
  LossyProxy(const LossyProxy&) = delete;
  LossyProxy& operator=(const LossyProxy&) = delete;

  [[nodiscard]] Address address() const;  // where clients send to
  void follow(Rule rule) { rule_ = std::move(rule); }
  [[nodiscard]] const Counts& counts(Way way) const {
    return counts_[static_cast<std::size_t>(way)];
  }
  [[nodiscard]] int arrived() const { return counts_[0].arrived + counts_[1].arrived; }
  [[nodiscard]] int lost() const { return counts_[0].lost + counts_[1].lost; }

 private:
  class Port;
  struct Held;
  struct Conversation;

  Conversation& conversation_of(const Address& client);
  void take(Conversation& conversation, Way way, std::span<const std::byte> bytes);
  void hold(Conversation& conversation, Way way, const Fate& fate,
            std::span<const std::byte> bytes);
  void release_held(Conversation& conversation, Way way);
  void deliver(Conversation& conversation, Way way, int copies, std::span<const std::byte> bytes);

  EventLoop& loop_;
  Address server_;
  Rule rule_;
  std::unique_ptr<Port> front_;
  std::unordered_map<Address, std::unique_ptr<Conversation>> conversations_;
  std::array<Counts, 2> counts_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for timers that come too late
};

}  // namespace dtls::test
