// The associations of an endpoint: how each begins, replaces another, moves and ends.
#include "endpoint/endpoint.hpp"

namespace dtls::endpoint {

Census::Member* Endpoint::find(Handle handle) {
  if (!handle || handle.index >= known_.size()) return nullptr;
  const Known& known = known_[handle.index];
  return known.generation == handle.generation ? known.member : nullptr;
}

Endpoint::Slots::value_type* Endpoint::slot_of(const Address& peer) {
  const auto found = slots_.find(peer);
  return found == slots_.end() ? nullptr : &*found;
}

void Endpoint::enter(Census::Member& member) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(known_.size()));
    known_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Known& known = known_[index];
  if (++known.generation == 0) known.generation = 1;  // 0 names none
  known.member = &member;
  member.handle = {.index = index, .generation = known.generation};
}

bool Endpoint::is_unfinished(const Place& place) {
  const auto* handle = std::get_if<Handle>(&place);
  const Census::Member* member = handle == nullptr ? nullptr : find(*handle);
  return member != nullptr && member->half_open;
}

void Endpoint::detach(const Place& place) {
  const auto* handle = std::get_if<Handle>(&place);
  Census::Member* member = handle == nullptr ? nullptr : find(*handle);
  if (member != nullptr) member->slot = nullptr;
}

std::optional<Accepted> Endpoint::accept(TimePoint now) {
  drop_overdue(now);
  if (queue_.empty()) return {};
  Slot& slot = queue_.front().member->slot->second;
  Opening opening = take_opening(slot);
  enter(*opening.member);
  Accepted accepted{.handle = opening.member->handle,
                    .path = opening.path,
                    .datagrams = std::move(opening.datagrams),
                    .mark = opening.mark,
                    .superseded = {},
                    .shared = {}};
  const bool is_beside = slot.current && !is_unfinished(slot.current.place);
  if (is_beside && !slot.candidate) slot.candidate = std::make_unique<Slot::Served>();
  Slot::Served& role = is_beside ? *slot.candidate : slot.current;
  accepted.superseded = std::exchange(role, {accepted.handle, opening.mark}).place;
  detach(accepted.superseded);
  if (is_beside && std::holds_alternative<Elsewhere>(slot.current.place)) {
    accepted.shared = slot.current.place;
  }
  return accepted;
}

// promote makes a candidate the current association, and returns the previous one.
Place Endpoint::promote(Slots::value_type* slot, const Place& place) {
  if (slot == nullptr || !slot->second.is_candidate(place)) return {};
  const Place replaced = slot->second.current.place;
  slot->second.current = *std::exchange(slot->second.candidate, nullptr);
  detach(replaced);
  return replaced;
}

Place Endpoint::establish(Handle handle, TimePoint now) {
  Census::Member* member = find(handle);
  if (member == nullptr) return {};
  if (member->half_open) census_.establish(*member, now);
  return promote(member->slot, handle);
}

Place Endpoint::establish(const Address& peer, Elsewhere elsewhere) {
  return promote(slot_of(peer), elsewhere);
}

void Endpoint::erase_if_free(Slots::value_type& slot) {
  if (slot.second.is_free()) slots_.erase(slots_.find(slot.first));
}

// leave takes an association out of its slot. A candidate is the only one left where the current
// one ends.
Place Endpoint::leave(Slots::value_type* slot, const Place& place) {
  if (slot == nullptr) return {};
  auto& [current, candidate, opening] = slot->second;
  Place resumed;
  if (slot->second.is_candidate(place)) {
    candidate.reset();
    if (std::holds_alternative<Elsewhere>(current.place)) resumed = current.place;
  } else if (current.place == place) {
    current = candidate ? *std::exchange(candidate, nullptr) : Slot::Served();
  }
  erase_if_free(*slot);
  return resumed;
}

Place Endpoint::end(Handle handle) {
  Census::Member* member = find(handle);
  if (member == nullptr) return {};
  auto* slot = member->slot;
  census_.leave(*member);
  known_[handle.index].member = nullptr;
  free_.push_back(handle.index);
  return leave(slot, handle);
}

Place Endpoint::end(const Address& peer, Elsewhere elsewhere) {
  return leave(slot_of(peer), elsewhere);
}

void Endpoint::depart(Handle handle, Elsewhere elsewhere) {
  Census::Member* member = find(handle);
  if (member == nullptr) return;
  if (member->slot != nullptr) {
    Slot& slot = member->slot->second;
    Slot::Served& role = slot.is_candidate(handle) ? *slot.candidate : slot.current;
    role.place = elsewhere;
    member->slot = nullptr;
  }
  end(handle);
}

void Endpoint::introduce(const Address& peer, Elsewhere elsewhere) {
  Slot& slot = slots_[peer];
  if (!slot.current && !slot.candidate) slot.current.place = elsewhere;
}

}  // namespace dtls::endpoint
