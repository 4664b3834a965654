#include "runtime/hand_overs.hpp"

#include <cerrno>
#include <utility>

#include "process/forks.hpp"
#include "runtime/connection_core.hpp"
#include "runtime/named_servers.hpp"

namespace dtls::runtime {
namespace {

// tell has the heir look again.
void tell(const Heir& heir) {
  heir.mailbox->post([core = heir.core] {
    if (const auto here = core.lock()) here->inherit();
  });
}

}  // namespace

HandOvers& HandOvers::of_process() {
  static process::PerProcess<HandOvers> hand_overs;
  return hand_overs.get();
}

void HandOvers::announce(Identity socket, const std::string& server_name) {
  if (socket == 0) return;
  const std::scoped_lock lock(mutex_);
  entries_[socket] = Entry{server_name, {}, {}};
}

void HandOvers::withdraw(Identity socket) {
  const std::scoped_lock lock(mutex_);
  const auto entry = entries_.find(socket);
  // What is parked is somebody else's to take up: the one who withdraws has not parked it.
  if (entry == entries_.end() || entry->second.parked) return;
  const auto heir = std::move(entry->second.heir);
  entries_.erase(entry);
  if (heir) tell(*heir);
}

void HandOvers::park(Legacy legacy, TimePoint now) {
  drop_due(now);
  const Identity socket = legacy.socket.identity();
  const std::scoped_lock lock(mutex_);
  Entry& entry = entries_[socket];
  entry.server_name = legacy.association->server->name;
  entry.parked = Parked{std::move(legacy), now};
  ++parked_;
  order_.push_back({now, socket});
  if (entry.heir) tell(*entry.heir);
}

Result<bool> HandOvers::claim(Identity socket, const std::string& server_name, Heir heir,
                              TimePoint now) {
  drop_due(now);
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
  if (entry.heir && !entry.heir->core.expired()) {
    return Error{ErrorKind::kMisuse, EBUSY, "the descriptor is being taken up already", {}};
  }
  entry.heir = std::move(heir);
  return true;
}

HandOvers::Collected HandOvers::collect(Identity socket, const ConnectionCore& heir) {
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(socket);
  if (found == entries_.end()) return {};
  Entry& entry = found->second;
  if (!entry.heir || entry.heir->self != &heir) return {};
  if (!entry.parked) return {Prospect::kLater, {}};
  Collected collected{Prospect::kReady, take(entry)};
  entries_.erase(found);
  return collected;
}

void HandOvers::renounce(Identity socket, const ConnectionCore& heir) {
  const std::scoped_lock lock(mutex_);
  const auto entry = entries_.find(socket);
  if (entry == entries_.end() || !entry->second.heir || entry->second.heir->self != &heir) return;
  entry->second.heir.reset();
}

Legacy HandOvers::take(Entry& entry) {
  --parked_;
  Legacy legacy = std::move(entry.parked->legacy);
  entry.parked.reset();
  return legacy;
}

std::optional<Legacy> HandOvers::take_oldest_if_due(TimePoint now) {
  const std::scoped_lock lock(mutex_);
  while (!order_.empty()) {
    const auto [since, socket] = order_.front();
    const auto entry = entries_.find(socket);
    const bool still_waits =
        entry != entries_.end() && entry->second.parked && entry->second.parked->since == since;
    if (still_waits && now - since < kPatience && parked_ <= most_parked_) return {};
    order_.pop_front();
    if (!still_waits) continue;
    Legacy dropped = take(entry->second);
    // The program may have closed it, and the number may be another file's by now.
    if (dropped.socket.identity() != socket) dropped.socket.release();
    entries_.erase(entry);
    return dropped;
  }
  return {};
}

bool HandOvers::drop_due(TimePoint now) {
  while (take_oldest_if_due(now)) {
    // Destroyed here, without the lock.
  }
  const std::scoped_lock lock(mutex_);
  return parked_ > 0;
}

}  // namespace dtls::runtime
