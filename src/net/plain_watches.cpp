#include "net/plain_watches.hpp"

#include <cerrno>
#include <string>
#include <system_error>

namespace dtls::net {
namespace {

std::uint32_t events_for(Interest interest) {
  switch (interest) {
    case Interest::kRead:
      return EPOLLIN;
    case Interest::kWrite:
      return EPOLLOUT;
    case Interest::kExcept:
      return EPOLLPRI;
  }
  return 0;
}

// epoll reports an error or a hang-up whether asked or not; it concerns every watch.
bool concerns(const Watch& watch, std::uint32_t events) {
  return (events & (events_for(watch.interest) | EPOLLERR | EPOLLHUP)) != 0;
}

Error cannot_watch(int fd, int sys_errno) {
  const std::string what = "cannot watch descriptor " + std::to_string(fd) + ": ";
  switch (sys_errno) {
    case EBADF:
      return {ErrorKind::kMisuse, sys_errno, what + "it is not open; watch it before closing it",
              std::nullopt};
    case EPERM:
      return {ErrorKind::kMisuse, sys_errno,
              what + "a file of this type is always ready and cannot be polled; read it directly",
              std::nullopt};
    default:
      return {ErrorKind::kSystem, sys_errno, what + std::generic_category().message(sys_errno),
              std::nullopt};
  }
}

}  // namespace

PlainWatches::Entry* PlainWatches::find(RegistrationKey key) {
  const auto found = entries_.find(key.fd);
  return found != entries_.end() && found->second.key == key ? &found->second : nullptr;
}

int PlainWatches::arm(const Entry& entry) {
  std::uint32_t events = EPOLLONESHOT;
  for (const WatchPtr& watch : entry.watches)
    events |= events_for(watch->interest);
  return epoll_.modify(entry.key, events);
}

void PlainWatches::forget(Entry& entry) {
  const Entry gone = std::move(entry);  // destructors of callbacks run when all is consistent
  entries_.erase(gone.key.fd);
  for (const WatchPtr& watch : gone.watches)
    table_.remove(*watch);
}

Result<EventLoop::WatchId> PlainWatches::add(int fd, Interest interest,
                                             std::function<void()> callback) {
  if (fd < 0) return cannot_watch(fd, EBADF);
  if (const auto known = entries_.find(fd); known != entries_.end() && arm(known->second) != 0) {
    forget(known->second);
  }
  if (!entries_.contains(fd)) {
    const RegistrationKey key{fd, next_generation_++};
    if (const int failure = epoll_.add(key, EPOLLONESHOT)) return cannot_watch(fd, failure);
    entries_[fd].key = key;
  }
  Entry& entry = entries_[fd];
  WatchPtr watch = table_.make(interest, std::move(callback));
  watch->key = entry.key;
  entry.watches.add(watch);
  if (const int failure = arm(entry)) {
    forget(entry);
    return cannot_watch(fd, failure);
  }
  return watch->id;
}

void PlainWatches::remove(const WatchPtr& watch) {
  table_.remove(*watch);
  Entry* entry = find(watch->key);
  if (entry == nullptr) return;
  entry->watches.remove(*watch);
  if (!entry->watches.empty()) {
    if (arm(*entry) != 0) forget(*entry);
    return;
  }
  epoll_.remove(watch->key.fd);  // may fail: the descriptor may be closed already
  entries_.erase(watch->key.fd);
}

bool PlainWatches::fire() {
  const std::uint64_t round = ++round_;
  bool fired = false;
  // One event at a time: what a callback changed is seen by the next wait, and a nested run_once
  // finds every other ready descriptor still armed. epoll hands ready entries out in turn, so the
  // first one that comes again (or was served by a nested call) ends the round.
  epoll_event event{};
  while (epoll_.wait({&event, 1}, Clock::duration::zero()) == 1) {
    const auto key = RegistrationKey::unpack(event.data.u64);
    Entry* entry = find(key);
    if (entry == nullptr) continue;
    if (arm(*entry) != 0) {
      forget(*entry);
      continue;
    }
    if (entry->fired_in >= round) break;
    entry->fired_in = round;
    fired |= fire_entry(key, event.events);
  }
  return fired;
}

bool PlainWatches::fire_entry(RegistrationKey key, std::uint32_t events) {
  const std::uint64_t added_before = table_.next_sequence();
  std::uint64_t last = 0;
  bool verified = true;
  while (Entry* entry = find(key)) {
    const WatchPtr watch = entry->watches.next(
        last, added_before, [events](const Watch& each) { return concerns(each, events); });
    if (watch == nullptr) break;
    if (!verified && arm(*entry) != 0) {
      forget(*entry);
      break;
    }
    last = watch->sequence;
    verified = false;
    watch->callback();
  }
  return last != 0;
}

}  // namespace dtls::net
