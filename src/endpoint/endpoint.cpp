// The way of a datagram through an endpoint, and the limits.
#include "endpoint/endpoint.hpp"

#include <chrono>

namespace dtls::endpoint {

Endpoint::Routed Endpoint::receive(const Path& path, std::span<std::byte> datagram, TimePoint now,
                                   std::span<std::byte> reply) {
  const auto found = slots_.find(path.peer);
  if (found == slots_.end()) return admit(path, datagram, now, reply);
  Slot& slot = found->second;
  const Slot::Served& newest = slot.newest();
  const auto hello = wire::peek_hello(datagram);
  const bool repeated = hello && ((slot.opening && slot.opening->mark == *hello) ||
                                  (newest && newest.mark == *hello));
  if (hello && !repeated) return admit(path, datagram, now, reply);
  // A later fragment of a hello does not say of which. The gate may wait for it; otherwise it is
  // for the association that is there.
  const bool is_rest = !hello && wire::peek_hello_rest(datagram);
  if (is_rest && gate_->is_collecting(path.peer, datagram, now)) {
    const auto routed = admit(path, datagram, now, reply);
    if (!std::holds_alternative<Nothing>(routed) || slot_of(path.peer) == nullptr) return routed;
  }
  if (slot.opening && (!newest || is_rest || hello == slot.opening->mark)) {
    census_.charge(*slot.opening->member, Opening::hold(slot.opening->datagrams, datagram));
    keep_to_budget(now);
    return Nothing{};
  }
  return Deliver{newest.place, slot.candidate && !hello ? slot.current.place : Place()};
}

// admit is the way of hellos, and of all datagrams of unknown peers.
Endpoint::Routed Endpoint::admit(const Path& path, std::span<std::byte> datagram, TimePoint now,
                                 std::span<std::byte> reply) {
  const auto answer = gate_->inspect(path.peer, datagram, now, reply);
  switch (answer.verdict) {
    case CookieGate::Verdict::kDiscard:
      ++counters_.discarded;
      return Nothing{};
    case CookieGate::Verdict::kChallenge:
      ++counters_.challenged;
      return Reply{answer.reply_size};
    case CookieGate::Verdict::kProven:
      break;
  }
  const std::span<const std::byte> hello =
      answer.collected.empty() ? datagram : std::span<const std::byte>(answer.collected);
  if (open(path, hello, now)) return Opened{};
  ++counters_.refused;
  return Nothing{};
}

bool Endpoint::open(const Path& path, std::span<const std::byte> datagram, TimePoint now) {
  drop_overdue(now);
  if (datagram.size() > Opening::kMostBytes) return false;
  auto opening = std::make_unique<Opening>();
  opening->path = path;
  opening->datagrams.emplace_back(datagram.begin(), datagram.end());
  opening->mark = wire::peek_hello(datagram).value_or(0);
  // A new hello takes the place in the queue, and the time of entry, of the one that it replaces: a
  // peer that sends one after the other would hold up those behind it otherwise.
  if (auto* known = slot_of(path.peer); known != nullptr && known->second.opening) {
    const Opening& replaced = *known->second.opening;
    opening->since = replaced.since;
    opening->member = replaced.member;
    AcceptQueue::replace(replaced, *opening);
  } else {
    if (!make_room(path.peer, now)) return false;
    opening->since = now;
    opening->member = census_.enter(path.peer, now);
    queue_.push(*opening);
  }
  Census::Member& member = *opening->member;
  member.slot = &*slots_.try_emplace(path.peer).first;
  member.slot->second.opening = std::move(opening);
  census_.charge(member, datagram.size());
  keep_to_budget(now);
  return is_waiting(path.peer);
}

bool Endpoint::make_room(const Address& peer, TimePoint now) {
  if (!census_.has_room(peer) && census_.victim_for(peer, now) == nullptr) return false;
  if (queue_.size() >= limits_.accept_queue) {
    const Opening* victim = queue_.oldest_of_most();
    if (victim == nullptr) return false;
    if (now - victim->since < Census::kGrace && !census_.outnumbers(*victim->member, peer)) {
      return false;
    }
    evict(*victim->member, now);
  }
  if (census_.has_room(peer)) return true;
  if (Census::Member* victim = census_.victim_for(peer, now)) evict(*victim, now);
  return census_.has_room(peer);
}

void Endpoint::keep_to_budget(TimePoint now) {
  while (Census::Member* victim = census_.victim_of_budget())
    evict(*victim, now);
}

void Endpoint::evict(Census::Member& member, TimePoint now) {
  ++(member.half_open ? counters_.evicted_half_open : counters_.evicted_idle);
  if (!member.handle) return drop_opening(*member.slot);
  evicted_.push_back({.handle = member.handle,
                      .half_open = member.half_open,
                      .since = std::chrono::duration_cast<Duration>(now - member.since)});
  end(member.handle);
}

void Endpoint::charge(Handle handle, std::size_t bytes, TimePoint now) {
  Census::Member* member = find(handle);
  if (member == nullptr) return;
  census_.charge(*member, bytes);
  keep_to_budget(now);
}

void Endpoint::spoke(Handle handle, TimePoint now) {
  if (Census::Member* member = find(handle)) census_.spoke(*member, now);
}

void Endpoint::drop_overdue(TimePoint now) {
  while (!queue_.empty()) {
    const Opening& first = queue_.front();
    if (now - first.since < accept_timeout_) return;
    drop_opening(*first.member->slot);
  }
}

Opening Endpoint::take_opening(Slot& slot) {
  queue_.remove(*slot.opening);
  Opening opening = std::move(*slot.opening);
  slot.opening.reset();
  return opening;
}

void Endpoint::drop_opening(Slots::value_type& slot) {
  census_.leave(*take_opening(slot.second).member);
  erase_if_free(slot);
}

void Endpoint::shrink() {
  slots_.rehash(0);
  census_.shrink();
}

}  // namespace dtls::endpoint
