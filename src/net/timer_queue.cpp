#include "net/timer_queue.hpp"

namespace dtls::net {

TimerQueue::~TimerQueue() {
  clear();
}

TimerQueue::TimerId TimerQueue::add(TimePoint when, std::function<void()> callback) {
  // 0 is never an id, and after 2^32 timers an id that is still in use is passed over.
  while (static_cast<TimerId>(next_sequence_) == 0 ||
         by_id_.contains(static_cast<TimerId>(next_sequence_))) {
    ++next_sequence_;
  }
  const std::uint64_t sequence = next_sequence_++;
  const auto id = static_cast<TimerId>(sequence);
  const auto place = queue_.emplace(Key{when, sequence}, Timer{id, std::move(callback)}).first;
  by_id_.emplace(id, place);
  return id;
}

void TimerQueue::cancel(TimerId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  // The callback's destructor may come back here: let it run when both containers are consistent.
  const auto node = queue_.extract(found->second);
  by_id_.erase(found);
}

void TimerQueue::clear() {
  while (!queue_.empty())
    cancel(queue_.begin()->second.id);
}

std::optional<TimePoint> TimerQueue::earliest() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.begin()->first.when;
}

bool TimerQueue::run_due(TimePoint now) {
  const std::uint64_t added_before = next_sequence_;
  bool ran = false;
  auto next = queue_.begin();
  while (next != queue_.end() && next->first.when <= now) {
    if (next->first.sequence >= added_before) {
      ++next;
      continue;
    }
    const Key key = next->first;
    const auto node = queue_.extract(next);
    by_id_.erase(node.mapped().id);
    ran = true;
    node.mapped().callback();
    next = queue_.upper_bound(key);
  }
  return ran;
}

}  // namespace dtls::net
