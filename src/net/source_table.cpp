#include "net/source_table.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

namespace dtls::net {

SourceTable::Entry* SourceTable::find(Source* source, std::uint64_t serial) {
  const auto found = by_source_.find(source);
  if (found == by_source_.end() || found->second->serial != serial) return nullptr;
  return &*found->second;
}

SourceTable::Entries::iterator SourceTable::find_or_add(Source& source) {
  if (const auto found = by_source_.find(&source); found != by_source_.end()) {
    return found->second;
  }
  idle_.push_back(Entry{&source, next_serial_++, {}, {}});
  const auto entry = std::prev(idle_.end());
  by_source_.emplace(&source, entry);
  return entry;
}

void SourceTable::unregister(Entry& entry) {
  if (entry.key.fd < 0) return;
  if (!entry.is_paused) epoll_.remove(entry.key.fd);  // may fail: the program may have closed it
  entry.is_paused = false;
  by_fd_.erase(entry.key.fd);
  entry.key = {};
}

void SourceTable::promise(Source& source, int fd) {
  find_or_add(source);
  promised_[fd] = &source;
}

void SourceTable::attach(Source& source, int fd) {
  std::erase_if(promised_, [&](const auto& each) { return each.second == &source; });
  const auto entry = find_or_add(source);
  unregister(*entry);
  if (fd < 0) return;
  // The number is known as another source's: that source's descriptor has been closed under it.
  if (const auto known = by_fd_.find(fd); known != by_fd_.end()) unregister(*known->second);
  if (next_generation_ == 0) ++next_generation_;
  const RegistrationKey key{fd, next_generation_++};
  if (const int failure = epoll_.add(key, EPOLLIN)) {
    throw std::system_error(failure, std::generic_category(),
                            "cannot poll descriptor " + std::to_string(fd));
  }
  entry->key = key;
  by_fd_[fd] = entry;
}

// epoll tells of errors even where no event is asked for, so that the descriptor has to leave it.
void SourceTable::pause(Source& source) {
  const auto found = by_source_.find(&source);
  if (found == by_source_.end() || found->second->key.fd < 0) return;
  Entry& entry = *found->second;
  if (!std::exchange(entry.is_paused, true)) epoll_.remove(entry.key.fd);
}

void SourceTable::resume(Source& source) {
  const auto found = by_source_.find(&source);
  if (found == by_source_.end()) return;
  Entry& entry = *found->second;
  // It fails where the program has closed the descriptor: then nothing is to be read either.
  if (std::exchange(entry.is_paused, false)) epoll_.add(entry.key, EPOLLIN);
}

void SourceTable::detach(Source& source) {
  std::erase_if(promised_, [&](const auto& each) { return each.second == &source; });
  const auto found = by_source_.find(&source);
  if (found == by_source_.end()) return;
  const auto entry = found->second;
  unregister(*entry);
  by_source_.erase(found);
  Entries gone;  // destructors of callbacks run when all is consistent
  gone.splice(gone.end(), entry->listed_ready ? ready_ : idle_, entry);
  for (const WatchPtr& watch : entry->watches)
    table_.remove(*watch);
}

EventLoop::WatchId SourceTable::watch(Source& source, Interest interest,
                                      std::function<void()> callback) {
  const auto entry = find_or_add(source);
  WatchPtr watch = table_.make(interest, std::move(callback));
  watch->source = &source;
  entry->watches.add(watch);
  update(entry);
  return watch->id;
}

void SourceTable::remove(const WatchPtr& watch) {
  table_.remove(*watch);
  const auto found = by_source_.find(watch->source);
  if (found == by_source_.end()) return;
  found->second->watches.remove(*watch);
  update(found->second);
}

void SourceTable::readiness_changed(Source& source) {
  if (const auto found = by_source_.find(&source); found != by_source_.end()) {
    update(found->second);
  }
}

void SourceTable::update(Entries::iterator entry) {
  const bool ready =
      std::any_of(entry->watches.begin(), entry->watches.end(),
                  [&](const WatchPtr& watch) { return entry->source->ready(watch->interest); });
  if (ready == entry->listed_ready) return;
  Entries& from = ready ? idle_ : ready_;
  Entries& to = ready ? ready_ : idle_;
  to.splice(to.end(), from, entry);
  entry->listed_ready = ready;
}

Source* SourceTable::owner_of(int fd) {
  const auto found = by_fd_.find(fd);
  if (found == by_fd_.end()) {
    const auto promised = promised_.find(fd);
    return promised == promised_.end() ? nullptr : promised->second;
  }
  // The set cannot tell of a paused descriptor, which is not in it.
  if (found->second->is_paused) return found->second->source;
  const bool still_its = epoll_.modify(found->second->key, EPOLLIN) == 0;
  return still_its ? found->second->source : nullptr;
}

bool SourceTable::serve(RegistrationKey key, TimePoint now) {
  const auto found = by_fd_.find(key.fd);
  if (found == by_fd_.end() || found->second->key != key) return false;
  found->second->source->on_readable(now);
  return true;
}

bool SourceTable::fire() {
  const std::uint64_t round = ++round_;
  bool fired = false;
  // An entry goes to the end of the list before its callbacks run: should one throw, the entry
  // is still listed and the next round begins with the others.
  while (!ready_.empty() && ready_.front().fired_in < round) {
    const auto entry = ready_.begin();
    entry->fired_in = round;
    ready_.splice(ready_.end(), ready_, entry);
    fired |= fire_entry(entry->source, entry->serial);
  }
  return fired;
}

bool SourceTable::fire_entry(Source* source, std::uint64_t serial) {
  const std::uint64_t added_before = table_.next_sequence();
  std::uint64_t last = 0;
  while (Entry* entry = find(source, serial)) {
    const WatchPtr watch = entry->watches.next(last, added_before, [entry](const Watch& each) {
      return entry->source->ready(each.interest);
    });
    if (watch == nullptr) {
      update(by_source_.find(source)->second);
      break;
    }
    last = watch->sequence;
    watch->callback();
  }
  return last != 0;
}

}  // namespace dtls::net
