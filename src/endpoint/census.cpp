#include "endpoint/census.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace dtls::endpoint {
namespace {

Address without_port(const Address& peer) {
  Address owner = peer;
  owner.port = 0;
  constexpr std::size_t kSubnetBytes = 8;
  if (peer.family == Address::Family::kIpv6 && !peer.is_ipv4_mapped()) {
    std::fill(owner.ip.begin() + kSubnetBytes, owner.ip.end(), std::uint8_t{0});
  }
  return owner;
}

// rerank moves an entry of a ranking to another weight; 0: it has none. It allocates only where an
// entry is new.
template <typename Ranking, typename Group>
void rerank(Ranking& ranking, Group& group, std::size_t from, std::size_t to) {
  if (from == to) return;
  auto node = ranking.extract({from, &group});
  if (to == 0) return;
  if (node.empty()) {
    ranking.emplace(to, &group);
  } else {
    node.value().first = to;
    ranking.insert(std::move(node));
  }
}

}  // namespace

template <Census::Link Census::Member::*link>
void Census::Chain<link>::push(Member& member) {
  member.*link = {.before = back, .after = nullptr};
  (back != nullptr ? (back->*link).after : front) = &member;
  back = &member;
}

template <Census::Link Census::Member::*link>
void Census::Chain<link>::remove(Member& member) {
  const auto [before, after] = member.*link;
  (before != nullptr ? (before->*link).after : front) = after;
  (after != nullptr ? (after->*link).before : back) = before;
}

Census::~Census() {
  for (auto& [owner, group] : groups_) {
    for (auto* chain : {&group.unfinished, &group.settled}) {
      while (Member* member = chain->front) {
        const std::unique_ptr<Member> owned(member);
        chain->remove(*member);
      }
    }
  }
}

const Census::Group* Census::find(const Address& peer) const {
  const auto found = groups_.find(without_port(peer));
  return found == groups_.end() ? nullptr : &found->second;
}

bool Census::has_room(const Address& peer) const {
  if (associations_ >= limits_.associations || half_open_ >= limits_.half_open) return false;
  const Group* own = find(peer);
  return own == nullptr || (own->size < limits_.associations_per_address &&
                            own->half_open < limits_.half_open_per_address && own->size < share());
}

Census::Member* Census::idle_victim(Member* longest, TimePoint now) {
  return longest != nullptr && now - longest->since >= kSpokeLately ? longest : nullptr;
}

Census::Member* Census::unfinished_victim(const Group* of, std::size_t own, TimePoint now) {
  Member* oldest = of == nullptr ? nullptr : of->unfinished.front;
  if (oldest == nullptr) return nullptr;
  return of->half_open > own + 1 || now - oldest->since >= kGrace ? oldest : nullptr;
}

Census::Member* Census::victim_for(const Address& peer, TimePoint now) const {
  const Group* own = find(peer);
  const std::size_t own_half_open = own == nullptr ? 0 : own->half_open;
  // Where the address itself has too many, one of its own goes.
  if (own != nullptr && own->half_open >= limits_.half_open_per_address) {
    return unfinished_victim(own, own_half_open, now);
  }
  const bool is_full = associations_ >= limits_.associations;
  if (own != nullptr &&
      (own->size >= limits_.associations_per_address || (!is_full && own->size >= share()))) {
    Member* idle = idle_victim(own->settled.front, now);
    return idle != nullptr ? idle : unfinished_victim(own, own_half_open, now);
  }
  const Group* heaviest = by_bytes_.empty() ? nullptr : by_bytes_.rbegin()->second;
  if (is_full) {
    Member* of_most = by_size_.empty() ? nullptr : by_size_.rbegin()->second->settled.front;
    if (Member* idle = idle_victim(of_most, now)) return idle;
    if (Member* idle = idle_victim(idle_.front, now)) return idle;
  }
  return unfinished_victim(heaviest, own_half_open, now);
}

Census::Member* Census::victim_of_budget() const {
  if (half_open_bytes_ <= limits_.half_open_bytes || half_open_ < 2) return nullptr;
  return by_bytes_.rbegin()->second->unfinished.front;
}

bool Census::outnumbers(const Member& member, const Address& peer) const {
  const Group* own = find(peer);
  return member.group->second.half_open > (own == nullptr ? 0 : own->half_open) + 1;
}

Census::Member* Census::enter(const Address& peer, TimePoint now) {
  if (!has_room(peer)) return nullptr;
  auto& entry = *groups_.try_emplace(without_port(peer)).first;
  Group& group = entry.second;
  auto member = std::make_unique<Member>();
  member->group = &entry;
  member->since = now;
  group.unfinished.push(*member);
  ++associations_;
  ++half_open_;
  ++group.half_open;
  count(group, group.size + 1);
  weigh(group, group.half_open_bytes + kHalfOpenCost);
  return member.release();  // until leave
}

void Census::count(Group& group, std::uint32_t size) {
  const auto weight = [](std::uint32_t of) { return of < 2 ? 0 : of; };
  rerank(by_size_, group, weight(std::exchange(group.size, size)), weight(size));
}

void Census::weigh(Group& group, std::size_t half_open_bytes) {
  half_open_bytes_ = half_open_bytes_ - group.half_open_bytes + half_open_bytes;
  rerank(by_bytes_, group, std::exchange(group.half_open_bytes, half_open_bytes), half_open_bytes);
}

void Census::charge(Member& member, std::size_t bytes) {
  if (!member.half_open || bytes == member.bytes) return;
  Group& group = member.group->second;
  weigh(group, group.half_open_bytes - member.bytes + bytes);
  member.bytes = static_cast<std::uint32_t>(bytes);
}

void Census::establish(Member& member, TimePoint now) {
  charge(member, 0);
  Group& group = member.group->second;
  group.unfinished.remove(member);
  group.settled.push(member);
  idle_.push(member);
  member.half_open = false;
  member.since = now;
  --half_open_;
  --group.half_open;
  weigh(group, group.half_open_bytes - kHalfOpenCost);
}

void Census::spoke(Member& member, TimePoint now) {
  if (member.half_open) return;
  member.since = now;
  auto& settled = member.group->second.settled;
  settled.remove(member);
  settled.push(member);
  idle_.remove(member);
  idle_.push(member);
}

void Census::leave(Member& member) {
  const std::unique_ptr<Member> owned(&member);
  Group& group = member.group->second;
  if (member.half_open) {
    charge(member, 0);
    --half_open_;
    --group.half_open;
    weigh(group, group.half_open_bytes - kHalfOpenCost);
    group.unfinished.remove(member);
  } else {
    idle_.remove(member);
    group.settled.remove(member);
  }
  --associations_;
  count(group, group.size - 1);
  if (group.size == 0) groups_.erase(groups_.find(member.group->first));
}

}  // namespace dtls::endpoint
