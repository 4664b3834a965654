// Census: how many associations a server holds, in all and for each address, and which one makes
// room when there are too many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>

#include "dtls/address.hpp"
#include "dtls/config.hpp"
#include "dtls/time.hpp"
#include "endpoint/handle.hpp"

namespace dtls::endpoint {

struct Slot;

// Census admits peers as long as Limits allow. Peers are counted by IPv4 address, and by the first
// 64 bits of an IPv6 address: whoever has one of those has all of them. Every operation takes
// constant time or time logarithmic in the number of addresses.
class Census {
 public:
  struct Member;
  struct Group;
  using Groups = std::unordered_map<Address, Group>;

  // Neighbours of a member in a Chain.
  struct Link {
    Member* before = nullptr;
    Member* after = nullptr;
  };
  // Member is one association. Its owner keeps the pointer from enter to leave.
  struct Member {
    // The endpoint's own: the handle of a peer that was accepted, and the slot. That is null once
    // another association has taken the place.
    Handle handle;
    std::pair<const Address, Slot>* slot = nullptr;
    TimePoint since;          // half-open: of its entry; else: of its last message
    std::uint32_t bytes = 0;  // half-open: what the peer makes the server hold
    bool half_open = true;
    // The census's own.
    Groups::value_type* group = nullptr;
    Link in_group;
    Link in_idle;
  };
  // Chain is a list of members without memory of its own, that with the earliest `since` in front.
  template <Link Member::*link>
  struct Chain {
    Member* front = nullptr;
    Member* back = nullptr;
    void push(Member& member);
    void remove(Member& member);
  };
  // Group is what one address has.
  struct Group {
    std::uint32_t size = 0;
    std::uint32_t half_open = 0;
    std::size_t half_open_bytes = 0;
    Chain<&Member::in_group> unfinished;
    Chain<&Member::in_group> settled;
  };

  // An unfinished handshake makes room for a peer of an address that has as many only after this
  // time, else a few clients at a small limit would evict each other for ever.
  static constexpr Duration kGrace{1000};
  // An established association is never evicted within this time after a message, either way.
  static constexpr Duration kSpokeLately{60000};
  // One address holds at most this many times as many associations as are free, so the table is
  // never full of one that speaks now and then.
  static constexpr std::size_t kShare = 16;
  // What an unfinished handshake takes besides the bytes that are charged: engine, keys, its
  // flight.
  static constexpr std::size_t kHalfOpenCost = std::size_t{10} * 1024;

  explicit Census(const Limits& limits) : limits_(limits) {}
  Census(Census&&) = default;
  Census& operator=(Census&&) = delete;
  ~Census();

  [[nodiscard]] bool has_room(const Address& peer) const;
  // victim_for gives the association that makes room for one more of `peer`, where has_room is
  // false: the oldest unfinished one, or the longest idle one of the address with the most. nullptr
  // if none may go.
  [[nodiscard]] Member* victim_for(const Address& peer, TimePoint now) const;
  // victim_of_budget gives the oldest unfinished association of the address whose unfinished ones
  // take the most bytes, while all together take more than Limits::half_open_bytes; else nullptr.
  // The only one that is unfinished may go on.
  [[nodiscard]] Member* victim_of_budget() const;
  // outnumbers: the address of `member` has more unfinished associations than that of `peer`
  // would have with one more.
  [[nodiscard]] bool outnumbers(const Member& member, const Address& peer) const;

  // enter counts one more, half-open, association; nullptr, and nothing counted, without room.
  Member* enter(const Address& peer, TimePoint now);
  // Of a member, until leave destroys it. charge says how much it holds now, until it is
  // established; spoke notes a message, either way.
  void charge(Member& member, std::size_t bytes);
  void establish(Member& member, TimePoint now);
  void spoke(Member& member, TimePoint now);
  void leave(Member& member);

  // shrink gives back the memory of more addresses than there are.
  void shrink() { groups_.rehash(0); }

  [[nodiscard]] std::size_t associations() const { return associations_; }
  [[nodiscard]] std::size_t half_open() const { return half_open_; }
  [[nodiscard]] std::size_t half_open_bytes() const { return half_open_bytes_; }

 private:
  using Ranking = std::set<std::pair<std::size_t, Group*>>;

  // share is how many one address may hold just now, of those that are free.
  [[nodiscard]] std::size_t share() const {
    return kShare * (limits_.associations - associations_);
  }
  [[nodiscard]] const Group* find(const Address& peer) const;
  // Each gives the member if it may go, else nullptr.
  static Member* idle_victim(Member* longest, TimePoint now);
  static Member* unfinished_victim(const Group* of, std::size_t own, TimePoint now);
  void weigh(Group& group, std::size_t half_open_bytes);
  void count(Group& group, std::uint32_t size);

  Limits limits_;
  std::size_t associations_ = 0;
  std::size_t half_open_ = 0;
  std::size_t half_open_bytes_ = 0;
  Groups groups_;
  Ranking by_size_;  // of groups with two or more
  Ranking by_bytes_;
  Chain<&Member::in_idle> idle_;  // the established ones
};

}  // namespace dtls::endpoint
