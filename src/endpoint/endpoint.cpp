#include "endpoint/endpoint.hpp"

#include <algorithm>
#include <chrono>

namespace dtls::endpoint {

Endpoint::Handled Endpoint::receive(const Address& peer, const std::optional<Address>& local,
                                    std::span<std::byte> datagram, TimePoint now,
                                    std::span<std::byte> reply) {
  const auto found = peers_.find(peer);
  if (found == peers_.end()) return admit(peer, local, datagram, now, reply);
  Peer& known = found->second;
  // Another thread may end it at any time, but not while this holds it.
  const auto away = known.away.lock();
  const bool is_accepted = known.here != nullptr || away != nullptr;
  if (!is_accepted && !known.opening) {
    peers_.erase(found);
    return admit(peer, local, datagram, now, reply);
  }
  const auto hello = wire::peek_hello(datagram);
  const bool repeated = hello && ((known.opening && known.opening->mark == *hello) ||
                                  (is_accepted && known.mark == *hello));
  if (hello && !repeated) return admit(peer, local, datagram, now, reply);
  // The rest of a hello does not say of which. Where the gate waits for some, it may be that, or of
  // the association that is there.
  const bool is_rest = !hello && wire::peek_hello_rest(datagram);
  if (is_rest && gate_->is_collecting(peer, datagram, now)) {
    const auto handled = admit(peer, local, datagram, now, reply);
    if (handled.outcome != Outcome::kNothing || !peers_.contains(peer)) return handled;
  }
  if (known.opening && (!is_accepted || is_rest || hello == known.opening->mark)) {
    census_.charge(*known.opening->member, Opening::hold(known.opening->datagrams, datagram));
    keep_to_budget(now);
    return {};
  }
  // The receiver may change the table: nothing of it is touched after this.
  Receiver* receiver = known.here != nullptr ? known.here : away.get();
  if (receiver == nullptr) return {};
  receiver->on_datagram(datagram, now);
  return {Outcome::kDelivered, 0};
}

// admit is the way of hellos, and of whatever comes from nobody known.
Endpoint::Handled Endpoint::admit(const Address& peer, const std::optional<Address>& local,
                                  std::span<std::byte> datagram, TimePoint now,
                                  std::span<std::byte> reply) {
  const auto answer = gate_->inspect(peer, datagram, now, reply);
  switch (answer.verdict) {
    case CookieGate::Verdict::kDiscard:
      ++counters_.discarded;
      return {};
    case CookieGate::Verdict::kChallenge:
      ++counters_.challenged;
      return {Outcome::kReply, answer.reply_size};
    case CookieGate::Verdict::kProven:
      break;
  }
  const std::span<const std::byte> hello =
      answer.collected.empty() ? datagram : std::span<const std::byte>(answer.collected);
  if (!open(peer, local, hello, now)) {
    ++counters_.refused;
    return {};
  }
  return {Outcome::kOpened, 0};
}

bool Endpoint::open(const Address& peer, const std::optional<Address>& local,
                    std::span<const std::byte> datagram, TimePoint now) {
  drop_impatient(now);
  if (datagram.size() > Opening::kMostBytes) return false;
  auto opening = std::make_unique<Opening>();
  opening->peer = peer;
  opening->local = local;
  opening->datagrams.emplace_back(datagram.begin(), datagram.end());
  opening->mark = wire::peek_hello(datagram).value_or(0);
  // A new hello has the place in the queue, and the patience, of the one that it replaces: else who
  // sends one after the other would hold up those behind it.
  if (const auto known = peers_.find(peer); known != peers_.end() && known->second.opening) {
    const Opening& replaced = *known->second.opening;
    opening->since = replaced.since;
    opening->member = replaced.member;
    AcceptQueue::replace(replaced, *opening);
  } else {
    if (!make_room(peer, now)) return false;
    opening->since = now;
    opening->member = census_.enter(peer, now);
    queue_.push(*opening);
  }
  Census::Member& member = *opening->member;
  member.opening = opening.get();
  peers_[peer].opening = std::move(opening);
  census_.charge(member, datagram.size());
  keep_to_budget(now);
  const auto opened = peers_.find(peer);
  return opened != peers_.end() && opened->second.opening;
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
  while (Census::Member* victim = census_.victim_of_budget()) {
    const std::size_t before = census_.associations();
    evict(*victim, now);
    if (census_.associations() == before) return;
  }
}

void Endpoint::evict(Census::Member& member, TimePoint now) {
  ++(member.half_open ? counters_.evicted_half_open : counters_.evicted_idle);
  if (member.receiver != nullptr) {
    member.receiver->on_evicted(
        {.half_open = member.half_open,
         .since = std::chrono::duration_cast<Duration>(now - member.since)});
  } else if (member.opening != nullptr) {
    drop_opening(peers_.find(member.opening->peer)->second);
  }
}

Opening Endpoint::take_opening(Peer& peer) {
  queue_.remove(*peer.opening);
  Opening opening = std::move(*peer.opening);
  peer.opening.reset();
  opening.member->opening = nullptr;
  return opening;
}

std::optional<Opening> Endpoint::accept(TimePoint now) {
  drop_impatient(now);
  if (queue_.empty()) return {};
  Peer& peer = peers_.find(queue_.front().peer)->second;
  Opening opening = take_opening(peer);
  opening.replaces = peer.here;
  opening.replaces_away = peer.away.lock();
  return opening;
}

void Endpoint::adopt(const Opening& opening, Receiver& receiver) {
  Peer& peer = peers_[opening.peer];
  peer.here = &receiver;
  peer.away.reset();
  peer.mark = opening.mark;
  receiver.member = opening.member;
  receiver.member->receiver = &receiver;
}

void Endpoint::abandon(const Opening& opening) {
  census_.leave(*opening.member);
  const auto known = peers_.find(opening.peer);
  if (known != peers_.end() && known->second.is_gone()) peers_.erase(known);
}

void Endpoint::restore(const Address& peer, Receiver& receiver, wire::HelloMark mark) {
  Peer& known = peers_[peer];
  if (known.here != nullptr) return;
  known.here = &receiver;
  known.mark = mark;
}

void Endpoint::restore_away(const Address& peer, std::weak_ptr<Receiver> away,
                            wire::HelloMark mark) {
  Peer& known = peers_[peer];
  if (known.here != nullptr || !known.away.expired()) return;
  known.away = std::move(away);
  known.mark = mark;
  ++departed_;
}

void Endpoint::establish(Receiver& receiver, TimePoint now) {
  if (receiver.member != nullptr) census_.establish(*receiver.member, now);
}

void Endpoint::charge(Receiver& receiver, std::size_t bytes, TimePoint now) {
  if (receiver.member == nullptr) return;
  census_.charge(*receiver.member, bytes);
  keep_to_budget(now);
}

void Endpoint::spoke(Receiver& receiver, TimePoint now) {
  if (receiver.member != nullptr) census_.spoke(*receiver.member, now);
}

Endpoint::Peers::iterator Endpoint::leave(const Address& peer, Receiver& receiver) {
  if (auto* member = std::exchange(receiver.member, nullptr)) census_.leave(*member);
  const auto known = peers_.find(peer);
  if (known == peers_.end() || known->second.here != &receiver) return peers_.end();
  known->second.here = nullptr;
  return known;
}

void Endpoint::forget(const Address& peer, Receiver& receiver) {
  const auto known = leave(peer, receiver);
  if (known != peers_.end() && known->second.is_gone()) peers_.erase(known);
}

void Endpoint::depart(const Address& peer, Receiver& receiver, std::weak_ptr<Receiver> away) {
  const auto known = leave(peer, receiver);
  if (known == peers_.end()) return;
  known->second.away = std::move(away);
  ++departed_;
  sweep_departed();
}

void Endpoint::drop_impatient(TimePoint now) {
  while (!queue_.empty()) {
    const Opening& first = queue_.front();
    if (now - first.since < patience_) return;
    drop_opening(peers_.find(first.peer)->second);
  }
}

void Endpoint::drop_opening(Peer& peer) {
  abandon(take_opening(peer));
}

// Associations that moved away end without a word here. A search of the whole table after as many
// departures as half of it has entries is a constant price for each.
void Endpoint::sweep_departed() {
  constexpr std::size_t kFew = 1024;
  if (departed_ < std::max(kFew, peers_.size() / 2)) return;
  std::erase_if(peers_, [](const auto& entry) { return entry.second.is_gone(); });
  departed_ = 0;
}

}  // namespace dtls::endpoint
