#include "net/timer_queue.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace dtls::net {
namespace {

// Four: half the levels of a binary heap, and the children share cache lines.
constexpr std::size_t kChildren = 4;
constexpr std::size_t kSmallestIndex = 16;

}  // namespace

TimerQueue::~TimerQueue() {
  clear();
}

TimerQueue::TimerId TimerQueue::add(TimePoint when, std::function<void()> callback) {
  reserve_one();
  // 0 is never an id, and after 2^32 timers an id that is still in use is passed over.
  std::size_t entry = 0;
  for (;; ++next_sequence_) {
    if (static_cast<TimerId>(next_sequence_) == 0) continue;
    entry = find(static_cast<TimerId>(next_sequence_));
    if (index_[entry] == kNone) break;
  }
  const std::uint64_t sequence = next_sequence_++;
  Slot slot = free_;
  if (slot != kNone) {
    free_ = places_[slot];
  } else {
    slot = static_cast<Slot>(slots_.size());
    slots_.emplace_back();
    places_.emplace_back();
  }
  slots_[slot].callback = std::move(callback);
  slots_[slot].sequence = sequence;
  index_[entry] = slot;
  push({when, slot});
  return static_cast<TimerId>(sequence);
}

// reserve_one makes room for a timer in every array, so that nothing fails half-way.
void TimerQueue::reserve_one() {
  const std::size_t count = heap_.size() + set_aside_.size() + 1;
  const auto grow = [count](auto& array) {
    if (array.capacity() < count) array.reserve(std::max(count, array.capacity() * 2));
  };
  grow(heap_);
  grow(slots_);
  grow(places_);
  if (count * 2 > index_.size()) rebuild_index(std::max(kSmallestIndex, index_.size() * 2));
}

void TimerQueue::cancel(TimerId id) {
  if (index_.empty()) return;
  const Slot slot = index_[find(id)];
  if (slot == kNone) return;
  const std::uint32_t place = places_[slot];
  if (place >= kSetAside) {
    Place& gap = set_aside_[place - kSetAside];
    gap = set_aside_.back();
    places_[gap.slot] = place;
    set_aside_.pop_back();
  } else {
    remove_place(place);
  }
  // The callback's destructor may come back here: let it run when all is consistent.
  const auto callback = take(slot);
}

void TimerQueue::clear() {
  while (!heap_.empty())
    cancel(static_cast<TimerId>(slots_[heap_.front().slot].sequence));
  while (!set_aside_.empty())
    cancel(static_cast<TimerId>(slots_[set_aside_.back().slot].sequence));
}

std::optional<TimePoint> TimerQueue::earliest() const {
  std::optional<TimePoint> result;
  if (!heap_.empty()) result = heap_.front().when;
  for (const Place& each : set_aside_)
    result = std::min(result.value_or(each.when), each.when);
  return result;
}

bool TimerQueue::run_due(TimePoint now) {
  const std::uint64_t added_before = next_sequence_;
  return_set_aside();  // of a run in whose callback this one is
  // However the run ends, what it has set aside is in the heap again.
  struct Return {
    explicit Return(TimerQueue& its_queue) : queue(its_queue) {}
    Return(const Return&) = delete;
    Return& operator=(const Return&) = delete;
    ~Return() { queue.return_set_aside(); }
    TimerQueue& queue;
  } const at_the_end(*this);

  bool ran = false;
  while (!heap_.empty() && heap_.front().when <= now) {
    const Place first = heap_.front();
    if (slots_[first.slot].sequence >= added_before) {
      set_aside_.push_back(first);
      remove_place(0);
      places_[first.slot] = kSetAside + static_cast<std::uint32_t>(set_aside_.size() - 1);
      continue;
    }
    remove_place(0);
    ran = true;
    const auto callback = take(first.slot);
    callback();
  }
  return ran;
}

void TimerQueue::return_set_aside() {
  for (; !set_aside_.empty(); set_aside_.pop_back())
    push(set_aside_.back());
}

// take frees the slot of a timer that is in neither order any more.
std::function<void()> TimerQueue::take(Slot slot) {
  Timer& timer = slots_[slot];
  forget(static_cast<TimerId>(timer.sequence));
  timer.sequence = 0;
  places_[slot] = std::exchange(free_, slot);
  return std::exchange(timer.callback, nullptr);
}

bool TimerQueue::is_before(const Place& a, const Place& b) const {
  if (a.when != b.when) return a.when < b.when;
  return slots_[a.slot].sequence < slots_[b.slot].sequence;
}

void TimerQueue::put(std::size_t place, const Place& entry) {
  heap_[place] = entry;
  places_[entry.slot] = static_cast<std::uint32_t>(place);
}

void TimerQueue::push(const Place& entry) {
  heap_.push_back(entry);
  sift_up(heap_.size() - 1);
}

void TimerQueue::sift_up(std::size_t place) {
  const Place entry = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / kChildren;
    if (!is_before(entry, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, entry);
}

void TimerQueue::sift_down(std::size_t place) {
  const Place entry = heap_[place];
  for (;;) {
    const std::size_t first = place * kChildren + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + kChildren, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (is_before(heap_[child], heap_[least])) least = child;
    }
    if (!is_before(heap_[least], entry)) break;
    put(place, heap_[least]);
    place = least;
  }
  put(place, entry);
}

void TimerQueue::remove_place(std::size_t place) {
  const Place last = heap_.back();
  heap_.pop_back();
  if (place == heap_.size()) return;
  put(place, last);
  sift_up(place);
  sift_down(places_[last.slot]);
}

// The numbers follow one another: unscattered they would be one long row, of which forget would go
// through the rest each time (Fibonacci hashing, Knuth 6.4).
std::size_t TimerQueue::home_of(TimerId id) const {
  return (id * 2654435769U) >> index_shift_;
}

std::size_t TimerQueue::find(TimerId id) const {
  std::size_t entry = home_of(id);
  while (index_[entry] != kNone && static_cast<TimerId>(slots_[index_[entry]].sequence) != id)
    entry = (entry + 1) & mask();
  return entry;
}

// forget closes the gap that a number leaves, for find stops at a free entry.
void TimerQueue::forget(TimerId id) {
  std::size_t gap = find(id);
  for (std::size_t entry = (gap + 1) & mask(); index_[entry] != kNone;
       entry = (entry + 1) & mask()) {
    const std::size_t home = home_of(static_cast<TimerId>(slots_[index_[entry]].sequence));
    if (((entry - home) & mask()) < ((entry - gap) & mask())) continue;
    index_[gap] = index_[entry];
    gap = entry;
  }
  index_[gap] = kNone;
}

void TimerQueue::rebuild_index(std::size_t size) {
  index_.assign(size, kNone);
  index_shift_ = 32 - std::countr_zero(size);
  for (Slot slot = 0; slot < slots_.size(); ++slot) {
    const auto id = static_cast<TimerId>(slots_[slot].sequence);
    if (slots_[slot].sequence != 0) index_[find(id)] = slot;
  }
}

void TimerQueue::shrink() {
  return_set_aside();  // run_due, in whose callback this is, sets them aside again
  std::vector<Timer> slots;
  slots.reserve(heap_.size());
  for (Place& each : heap_) {
    slots.push_back(std::move(slots_[each.slot]));
    each.slot = static_cast<Slot>(slots.size() - 1);
  }
  slots_ = std::move(slots);
  places_.resize(slots_.size());
  places_.shrink_to_fit();
  for (std::size_t place = 0; place < heap_.size(); ++place)
    places_[heap_[place].slot] = static_cast<std::uint32_t>(place);
  free_ = kNone;
  heap_.shrink_to_fit();
  set_aside_.shrink_to_fit();
  std::size_t size = kSmallestIndex;
  while (size < heap_.size() * 2)
    size *= 2;
  index_ = {};
  rebuild_index(size);
}

}  // namespace dtls::net
