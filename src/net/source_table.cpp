#include "net/source_table.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

namespace dtls::net {

namespace {

bool is_ready(const SourceEntry& entry, const Watch& watch) {
  return entry.source != nullptr && entry.source->ready(watch.interest);
}

}  // namespace

Source::~Source() {
  if (entry_ != nullptr) entry_->source = nullptr;
}

SourceTable::~SourceTable() {
  for (const Entries* entries : {&ready_, &idle_}) {
    for (const SourceEntry& entry : *entries) {
      if (entry.source != nullptr) entry.source->entry_ = nullptr;
    }
  }
}

SourceEntry& SourceTable::entry_of(Source& source) {
  if (source.entry_ == nullptr) {
    SourceEntry& entry = idle_.emplace_back(source);
    entry.place = std::prev(idle_.end());
    source.entry_ = &entry;
  }
  return *source.entry_;
}

void SourceTable::unregister(SourceEntry& entry) {
  if (entry.key.fd < 0) return;
  if (!entry.is_paused) epoll_.remove(entry.key.fd);  // may fail: the program may have closed it
  entry.is_paused = false;
  by_fd_.erase(entry.key.fd);
  entry.key = {};
}

void SourceTable::take_back_promises(const Source& source) {
  if (promised_.empty()) return;
  std::erase_if(promised_, [&](const auto& each) { return each.second == &source; });
}

void SourceTable::attach(Source& source, int fd) {
  take_back_promises(source);
  if (source.entry_ != nullptr) unregister(*source.entry_);
  if (fd < 0) return;
  // The number is known as another source's: that source's descriptor has been closed under it.
  if (const auto known = by_fd_.find(fd); known != by_fd_.end()) unregister(*known->second);
  if (next_generation_ == 0) ++next_generation_;
  const RegistrationKey key{fd, next_generation_++};
  if (const int failure = epoll_.add(key, EPOLLIN)) {
    throw std::system_error(failure, std::generic_category(),
                            "cannot poll descriptor " + std::to_string(fd));
  }
  SourceEntry& entry = entry_of(source);
  entry.key = key;
  by_fd_[fd] = &entry;
}

// epoll tells of errors even where no event is asked for, so that the descriptor has to leave it.
void SourceTable::pause(Source& source) {
  SourceEntry* entry = source.entry_;
  if (entry == nullptr || entry->key.fd < 0) return;
  if (!std::exchange(entry->is_paused, true)) epoll_.remove(entry->key.fd);
}

void SourceTable::resume(Source& source) {
  SourceEntry* entry = source.entry_;
  if (entry == nullptr) return;
  // It fails where the program has closed the descriptor: then nothing is to be read either.
  if (std::exchange(entry->is_paused, false)) epoll_.add(entry->key, EPOLLIN);
}

void SourceTable::detach(Source& source) {
  take_back_promises(source);
  SourceEntry* entry = std::exchange(source.entry_, nullptr);
  if (entry == nullptr) return;
  unregister(*entry);
  for (Firing* each = firing_; each != nullptr; each = each->outer) {
    if (each->entry == entry) each->entry = nullptr;
  }
  Entries gone;  // destructors of callbacks run when all is consistent
  gone.splice(gone.end(), entry->listed_ready ? ready_ : idle_, entry->place);
  for (const WatchPtr& watch : entry->watches)
    table_.remove(*watch);
}

EventLoop::WatchId SourceTable::watch(Source& source, Interest interest,
                                      std::function<void()> callback) {
  SourceEntry& entry = entry_of(source);
  WatchPtr watch = table_.make(interest, std::move(callback));
  watch->source = &entry;
  entry.watches.add(watch);
  update(entry);
  return watch->id;
}

void SourceTable::remove(const WatchPtr& watch) {
  table_.remove(*watch);
  watch->source->watches.remove(*watch);
  update(*watch->source);
}

void SourceTable::update(SourceEntry& entry) {
  const bool ready = std::any_of(entry.watches.begin(), entry.watches.end(),
                                 [&](const WatchPtr& watch) { return is_ready(entry, *watch); });
  if (ready == entry.listed_ready) return;
  Entries& from = ready ? idle_ : ready_;
  Entries& to = ready ? ready_ : idle_;
  to.splice(to.end(), from, entry.place);
  entry.listed_ready = ready;
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
  if (found->second->source == nullptr) return false;
  found->second->source->on_readable(now);
  return true;
}

bool SourceTable::fire() {
  const std::uint64_t round = ++round_;
  bool fired = false;
  // An entry goes to the end of the list before its callbacks run: should one throw, the entry
  // is still listed and the next round begins with the others.
  while (!ready_.empty() && ready_.front().fired_in < round) {
    SourceEntry& entry = ready_.front();
    entry.fired_in = round;
    ready_.splice(ready_.end(), ready_, entry.place);
    fired |= fire_entry(entry);
  }
  return fired;
}

bool SourceTable::fire_entry(SourceEntry& entry) {
  const std::uint64_t added_before = table_.next_sequence();
  std::uint64_t last = 0;
  Firing firing{&entry, firing_};
  firing_ = &firing;
  struct Restore {
    SourceTable& table;
    Firing* outer;
    ~Restore() { table.firing_ = outer; }
  } const restore{*this, firing.outer};
  while (firing.entry != nullptr) {
    const WatchPtr watch = firing.entry->watches.next(
        last, added_before, [&](const Watch& each) { return is_ready(*firing.entry, each); });
    if (watch == nullptr) {
      update(*firing.entry);
      break;
    }
    last = watch->sequence;
    watch->callback();
  }
  return last != 0;
}

}  // namespace dtls::net
