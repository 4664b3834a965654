// Watches on the program's own descriptors.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "dtls/error.hpp"
#include "net/epoll_set.hpp"
#include "net/watch.hpp"

namespace dtls::net {

// PlainWatches keeps one epoll entry for each watched descriptor, however many watches it has.
//
// Programs close descriptors without a word and the numbers come back as other files; where the
// old file lives on (dup, fork) epoll goes on to report it and nobody can take it out any more.
// So each entry is one-shot and is armed again, which fails for a changed file, right before a
// callback: a callback never runs for a stranger, and a lost entry rings once at most.
class PlainWatches {
 public:
  explicit PlainWatches(WatchTable& table) : table_(table) {}

  // add fails with EBADF, or EPERM for a file that cannot be polled.
  Result<EventLoop::WatchId> add(int fd, Interest interest, std::function<void()> callback);
  void remove(const WatchPtr& watch);

  // fire calls the watches of every ready descriptor once. True if any was called.
  bool fire();

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] int descriptor() const { return epoll_.descriptor(); }

 private:
  struct Entry {
    RegistrationKey key;
    WatchList watches;
    std::uint64_t fired_in = 0;  // the round of fire() that served it last
  };

  Entry* find(RegistrationKey key);
  int arm(const Entry& entry);
  void forget(Entry& entry);
  bool fire_entry(RegistrationKey key, std::uint32_t events);

  WatchTable& table_;
  EpollSet epoll_;
  std::unordered_map<int, Entry> entries_;
  std::uint32_t next_generation_ = 1;
  std::uint64_t round_ = 0;
};

}  // namespace dtls::net
