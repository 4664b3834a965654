// A program's watch, and the table that gives it its number.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dtls/event_loop.hpp"
#include "net/epoll_set.hpp"
#include "net/source.hpp"

namespace dtls::net {

// Watch waits for a source, or else for the plain descriptor registered under `key`.
// It is shared so that a callback may remove the watch that is calling it.
struct Watch {
  EventLoop::WatchId id;
  std::uint64_t sequence;  // grows from watch to watch
  Interest interest;
  std::function<void()> callback;
  SourceEntry* source = nullptr;
  RegistrationKey key;
};

using WatchPtr = std::shared_ptr<Watch>;

// WatchList holds the watches of one source or descriptor, oldest first.
class WatchList {
 public:
  void add(WatchPtr watch) { watches_.push_back(std::move(watch)); }

  void remove(const Watch& watch) {
    std::erase_if(watches_, [&](const WatchPtr& each) { return each.get() == &watch; });
  }

  // next gives the oldest watch with after < sequence < before that `wanted` accepts, or null.
  // Asking anew after each callback is what makes changes by the callback harmless.
  template <typename Predicate>
  [[nodiscard]] WatchPtr next(std::uint64_t after, std::uint64_t before, Predicate wanted) const {
    for (const WatchPtr& watch : watches_) {
      if (watch->sequence > after && watch->sequence < before && wanted(*watch)) return watch;
    }
    return nullptr;
  }

  [[nodiscard]] bool empty() const { return watches_.empty(); }
  [[nodiscard]] auto begin() const { return watches_.begin(); }
  [[nodiscard]] auto end() const { return watches_.end(); }

 private:
  std::vector<WatchPtr> watches_;
};

// WatchTable finds a watch by its number.
class WatchTable {
 public:
  WatchPtr make(Interest interest, std::function<void()> callback) {
    // 0 is never an id, and after 2^32 watches an id that is still in use is passed over.
    while (id_of(next_sequence_) == 0 || watches_.contains(id_of(next_sequence_))) {
      ++next_sequence_;
    }
    const std::uint64_t sequence = next_sequence_++;
    auto watch = std::make_shared<Watch>(
        Watch{id_of(sequence), sequence, interest, std::move(callback), nullptr, {}});
    watches_.emplace(watch->id, watch);
    return watch;
  }

  [[nodiscard]] WatchPtr find(EventLoop::WatchId id) const {
    const auto found = watches_.find(id);
    return found == watches_.end() ? nullptr : found->second;
  }

  // shrink gives back the memory of more watches than there are.
  void shrink() { watches_.rehash(0); }
  // remove forgets the watch; the caller holds it while its destructor must not run.
  void remove(const Watch& watch) { watches_.erase(watch.id); }

  [[nodiscard]] std::uint64_t next_sequence() const { return next_sequence_; }
  [[nodiscard]] bool empty() const { return watches_.empty(); }
  [[nodiscard]] EventLoop::WatchId any() const { return watches_.begin()->first; }

 private:
  static EventLoop::WatchId id_of(std::uint64_t sequence) {
    return static_cast<EventLoop::WatchId>(sequence);
  }

  std::unordered_map<EventLoop::WatchId, WatchPtr> watches_;
  std::uint64_t next_sequence_ = 1;
};

}  // namespace dtls::net
