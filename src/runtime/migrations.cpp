#include "runtime/migrations.hpp"

#include <cerrno>
#include <utility>

#include "process/forks.hpp"
#include "runtime/connection_core.hpp"
#include "runtime/named_servers.hpp"

namespace dtls::runtime {
namespace {

using Owner = Migrations::Owner;

// tell has the claimant look again.
void tell(const Owner& claimant) {
  claimant.mailbox->post([core = claimant.core] {
    if (const auto here = core.lock()) here->collect();
  });
}

void tell(const Owner& owner, Routing routing) {
  owner.mailbox->post([core = owner.core, routing] {
    if (const auto here = core.lock()) here->on_routing(routing);
  });
}

}  // namespace

Migrations& Migrations::of_process() {
  static process::PerProcess<Migrations> migrations;
  return migrations.get();
}

void Migrations::announce(Id socket, const std::string& server_name, Owner owner) {
  if (socket == 0) return;
  const std::scoped_lock lock(mutex_);
  auto [entry, is_new] = entries_.try_emplace(socket, Entry{server_name, owner, {}});
  if (!is_new) entry->second.holder = std::move(owner);
}

void Migrations::withdraw(Id socket) {
  const std::scoped_lock lock(mutex_);
  const auto entry = entries_.find(socket);
  // A parked entry belongs to its claimant: the connection that closes has not parked it.
  if (entry == entries_.end() || std::holds_alternative<Parked>(entry->second.holder)) return;
  const auto claimant = std::move(entry->second.claimant);
  entries_.erase(entry);
  if (claimant) tell(*claimant);
}

void Migrations::park(Moving moving, TimePoint now) {
  drop_overdue(now);
  const Id socket = moving.socket.identity();
  const std::scoped_lock lock(mutex_);
  const std::string& name = moving.association->server->name;
  Entry& entry = entries_.try_emplace(socket, Entry{name, Owner(), {}}).first->second;
  entry.holder = Parked{std::move(moving), now, {}};
  ++parked_;
  order_.push_back({now, socket});
  if (entry.claimant) tell(*entry.claimant);
}

Result<bool> Migrations::claim(Id socket, const std::string& server_name, Owner claimant,
                               TimePoint now) {
  drop_overdue(now);
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(socket);
  if (found == entries_.end()) return false;
  Entry& entry = found->second;
  if (entry.server_name != server_name) {
    return Error{ErrorKind::kMisuse,
                 EINVAL,
                 "the descriptor belongs to a connection of the server \"" + entry.server_name +
                     "\", not of \"" + server_name + "\"",
                 {}};
  }
  if (entry.claimant && !entry.claimant->core.expired()) {
    return Error{ErrorKind::kMisuse, EBUSY, "the descriptor is being taken up already", {}};
  }
  entry.claimant = std::move(claimant);
  return true;
}

Migrations::Prospect Migrations::collect(Id socket, const ConnectionCore& claimant) {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(socket);
  if (found == entries_.end()) return Never{};
  Entry& entry = found->second;
  if (!entry.claimant || entry.claimant->self != &claimant) return Never{};
  auto* parked = std::get_if<Parked>(&entry.holder);
  if (parked == nullptr) return Later{};
  --parked_;
  Collected collected{std::move(parked->moving), entry.routing, std::move(parked->datagrams)};
  entry.holder = std::move(*std::exchange(entry.claimant, std::nullopt));
  return collected;
}

void Migrations::renounce(Id socket, const ConnectionCore& claimant) {
  const std::scoped_lock lock(mutex_);
  const auto entry = entries_.find(socket);
  if (entry == entries_.end()) return;
  auto& registered = entry->second.claimant;
  if (registered && registered->self == &claimant) registered.reset();
}

bool Migrations::forward(Id socket, std::span<const std::byte> datagram, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(socket);
  if (found == entries_.end()) return false;
  if (datagram.empty() || datagram.size() > kMaxDatagram) return true;  // not of a session
  std::vector<std::byte> copy(datagram.begin(), datagram.end());
  if (auto* parked = std::get_if<Parked>(&found->second.holder)) {
    if (parked->datagrams.size() < kMostKept) parked->datagrams.push_back(std::move(copy));
    return true;
  }
  const auto& owner = std::get<Owner>(found->second.holder);
  owner.mailbox->post(
      [core = owner.core, socket, copy = std::move(copy), now]() mutable {
        const auto here = core.lock();
        if (!here) return;
        if (here->has_moved()) {
          of_process().forward(socket, copy, now);
        } else {
          here->on_datagram(copy, now);
        }
      },
      datagram.size());
  return true;
}

void Migrations::route(Id socket, Routing routing) {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(socket);
  if (found == entries_.end()) return;
  found->second.routing = routing;
  if (const auto* owner = std::get_if<Owner>(&found->second.holder)) tell(*owner, routing);
}

std::optional<Migrations::Dropped> Migrations::take_oldest_if_overdue(TimePoint now) {
  const std::scoped_lock lock(mutex_);
  while (!order_.empty()) {
    const auto [since, socket] = order_.front();
    const auto entry = entries_.find(socket);
    auto* parked = entry == entries_.end() ? nullptr : std::get_if<Parked>(&entry->second.holder);
    const bool still_waits = parked != nullptr && parked->since == since;
    if (still_waits && now - since < kTimeout && parked_ <= most_parked_) return {};
    order_.pop_front();
    if (!still_waits) continue;
    Dropped dropped{socket, std::move(parked->moving)};
    --parked_;
    // The program may have closed it, and the number may be another file's by now.
    if (dropped.moving.socket.identity() != socket) dropped.moving.socket.release();
    entries_.erase(entry);
    return dropped;
  }
  return {};
}

bool Migrations::drop_overdue(TimePoint now) {
  // Each is destroyed without the lock.
  while (const auto dropped = take_oldest_if_overdue(now)) {
    const Association& association = *dropped->moving.association;
    association.server->forget_migrated(association.path.peer, dropped->socket);
  }
  const std::scoped_lock lock(mutex_);
  return parked_ > 0;
}

}  // namespace dtls::runtime
