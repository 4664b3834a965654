#include "runtime/hand_overs.hpp"

#include <cerrno>
#include <utility>

#include "runtime/connection_core.hpp"

namespace dtls::runtime {
namespace {

// tell leaves `legacy`, empty if the owner has closed the connection, to the heir. False if the
// heir is gone: `legacy` is untouched then.
bool tell(const Heir& heir, std::shared_ptr<Legacy> legacy) {
  return heir.mailbox->post([core = heir.core, legacy = std::move(legacy)] {
    if (const auto here = core.lock()) here->inherit(std::move(*legacy));
  });
}

}  // namespace

HandOvers& HandOvers::of_process() {
  static HandOvers hand_overs;
  return hand_overs;
}

void HandOvers::announce(Identity socket, const std::string& server_name) {
  if (socket == 0) return;
  const std::scoped_lock lock(mutex_);
  entries_[socket] = Entry{server_name, {}, {}};
}

void HandOvers::withdraw(Identity socket) {
  const std::scoped_lock lock(mutex_);
  const auto entry = entries_.find(socket);
  if (entry == entries_.end()) return;
  const auto heir = std::move(entry->second.heir);
  entries_.erase(entry);
  if (heir) tell(*heir, std::make_shared<Legacy>());
}

void HandOvers::park(Legacy legacy, TimePoint now) {
  drop_due(now);
  const Identity socket = legacy.socket.identity();
  const auto shared = std::make_shared<Legacy>(std::move(legacy));
  const std::scoped_lock lock(mutex_);
  Entry& entry = entries_[socket];
  if (entry.heir && tell(*std::exchange(entry.heir, {}), shared)) {
    entries_.erase(socket);
    return;
  }
  entry.server_name = shared->association->server_name;
  entry.parked = Parked{std::move(*shared), now};
  order_.push_back({now, socket});
}

Result<HandOvers::Claim> HandOvers::claim(Identity socket, const std::string& server_name,
                                          Heir heir, TimePoint now) {
  drop_due(now);
  const std::scoped_lock lock(mutex_);
  const auto found = entries_.find(socket);
  if (found == entries_.end()) return Claim{};
  Entry& entry = found->second;
  if (entry.server_name != server_name) {
    return Error{ErrorKind::kMisuse,
                 EINVAL,
                 "the descriptor belongs to a connection of the server \"" + entry.server_name +
                     "\", not of \"" + server_name + "\"",
                 {}};
  }
  if (entry.heir) {
    return Error{ErrorKind::kMisuse, EBUSY, "the descriptor is being taken up already", {}};
  }
  if (!entry.parked) {
    entry.heir = std::move(heir);
    return Claim{true, {}};
  }
  Claim claim{true, std::move(entry.parked->legacy)};
  entries_.erase(found);
  return claim;
}

void HandOvers::renounce(Identity socket) {
  const std::scoped_lock lock(mutex_);
  if (const auto entry = entries_.find(socket); entry != entries_.end()) entry->second.heir.reset();
}

std::optional<Legacy> HandOvers::take_oldest_if_due(TimePoint now) {
  const std::scoped_lock lock(mutex_);
  while (!order_.empty()) {
    const auto [since, socket] = order_.front();
    const auto entry = entries_.find(socket);
    const bool still_waits =
        entry != entries_.end() && entry->second.parked && entry->second.parked->since == since;
    if (still_waits && now - since < kPatience && order_.size() <= kMostParked) return {};
    order_.pop_front();
    if (!still_waits) continue;
    Legacy dropped = std::move(entry->second.parked->legacy);
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
  return !order_.empty();
}

}  // namespace dtls::runtime
