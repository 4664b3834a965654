// Callbacks in the order of their time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "dtls/event_loop.hpp"
#include "dtls/time.hpp"

namespace dtls::net {

// TimerQueue reads no clock: `now` is handed in. Timers of the same time run in the order in which
// they were added.
class TimerQueue {
 public:
  using TimerId = EventLoop::TimerId;

  TimerQueue() = default;
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  TimerId add(TimePoint when, std::function<void()> callback);
  void cancel(TimerId id);
  // shrink gives back the memory of more timers than there are.
  void shrink() { by_id_.rehash(0); }
  // clear cancels all timers, also those that the destructor of a cancelled callback adds.
  void clear();

  [[nodiscard]] std::optional<TimePoint> earliest() const;

  // run_due runs what is due, but nothing that was added meanwhile: a callback that adds a due
  // timer does not keep the loop from its other work. Returns whether anything ran. When a
  // callback throws, it is gone and the others stay.
  bool run_due(TimePoint now);

 private:
  struct Key {
    TimePoint when;
    std::uint64_t sequence;
    auto operator<=>(const Key&) const = default;
  };
  struct Timer {
    TimerId id;
    std::function<void()> callback;
  };
  using Queue = std::map<Key, Timer>;

  Queue queue_;
  std::unordered_map<TimerId, Queue::iterator> by_id_;
  std::uint64_t next_sequence_ = 1;
};

}  // namespace dtls::net
