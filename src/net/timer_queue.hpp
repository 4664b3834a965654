// Callbacks in the order of their time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "dtls/event_loop.hpp"
#include "dtls/time.hpp"

namespace dtls::net {

// TimerQueue reads no clock: `now` is handed in. Timers of the same time run in the order in which
// they were added. Arrays, and no allocation per timer: a heap orders the timers, `slots_`
// holds their callbacks, `index_` finds a timer by its number.
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
  void shrink();
  // clear cancels all timers, also those that the destructor of a cancelled callback adds.
  void clear();

  [[nodiscard]] std::optional<TimePoint> earliest() const;

  // run_due runs what is due, but nothing that was added meanwhile: a callback that adds a due
  // timer does not keep the loop from its other work. Returns whether anything ran. When a
  // callback throws, it is gone and the others stay.
  bool run_due(TimePoint now);

 private:
  using Slot = std::uint32_t;  // a place in slots_
  static constexpr Slot kNone = UINT32_MAX;

  struct Place {
    TimePoint when;
    Slot slot;
  };
  struct Timer {
    std::function<void()> callback;
    std::uint64_t sequence = 0;  // whose lower half is its number; 0: the slot is free
  };
  static constexpr std::uint32_t kSetAside = 0x80000000U;

  [[nodiscard]] bool is_before(const Place& a, const Place& b) const;
  void put(std::size_t place, const Place& entry);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  void push(const Place& entry);
  void remove_place(std::size_t place);
  std::function<void()> take(Slot slot);
  void reserve_one();
  void return_set_aside();

  [[nodiscard]] std::size_t mask() const { return index_.size() - 1; }
  [[nodiscard]] std::size_t home_of(TimerId id) const;
  [[nodiscard]] std::size_t find(TimerId id) const;  // in index_: its entry, or the free one
  void rebuild_index(std::size_t size);
  void forget(TimerId id);

  std::vector<Place> heap_;
  std::vector<Place> set_aside_;  // due, but added while run_due runs
  std::vector<Timer> slots_;
  // By slot: its place in heap_, or in set_aside_ behind kSetAside; of a free one, the next. They
  // stand by themselves because the heap changes many of them at a time.
  std::vector<std::uint32_t> places_;
  std::vector<Slot> index_;  // open addressing by number; a power of two, at most half full
  int index_shift_ = 32;     // 32 less the bits of its size
  Slot free_ = kNone;
  std::uint64_t next_sequence_ = 1;
};

}  // namespace dtls::net
