// The loop's sources, their descriptors, and the watches that wait for them.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

#include "net/epoll_set.hpp"
#include "net/source.hpp"
#include "net/watch.hpp"

namespace dtls::net {

// SourceTable registers the sources' descriptors in the epoll set it is given, under generations
// from 1 on (0 is the loop's own).
class SourceTable {
 public:
  SourceTable(WatchTable& table, EpollSet& epoll) : table_(table), epoll_(epoll) {}

  // attach, pause, resume, detach, watch, readiness_changed: see LoopCore.
  void attach(Source& source, int fd);
  void pause(Source& source);
  void resume(Source& source);
  void detach(Source& source);
  EventLoop::WatchId watch(Source& source, Interest interest, std::function<void()> callback);
  void remove(const WatchPtr& watch);
  void readiness_changed(Source& source);

  // shrink gives back the memory of more sources than there are.
  void shrink() {
    by_source_.rehash(0);
    by_fd_.rehash(0);
  }

  // promise: watches on `fd` are the source's, although the descriptor is not yet; until its attach
  // or detach.
  void promise(Source& source, int fd);

  // owner_of gives the source that the open descriptor belongs or is promised to, or null.
  [[nodiscard]] Source* owner_of(int fd);
  // serve calls on_readable of the source registered under `key`. False if there is none.
  bool serve(RegistrationKey key, TimePoint now);
  // any_ready is true while a watched source may be ready.
  [[nodiscard]] bool any_ready() const { return !ready_.empty(); }
  // fire calls the watches of every ready source once. True if any was called.
  bool fire();

 private:
  struct Entry {
    Source* source;
    std::uint64_t serial;  // another one each time a source, or another at its address, is attached
    RegistrationKey key;   // fd -1: none
    WatchList watches;
    bool listed_ready = false;
    bool is_paused = false;
    std::uint64_t fired_in = 0;  // the round of fire() that served it last
  };
  using Entries = std::list<Entry>;  // an entry moves between the two lists by splice

  Entry* find(Source* source, std::uint64_t serial);
  Entries::iterator find_or_add(Source& source);
  void unregister(Entry& entry);
  void update(Entries::iterator entry);
  bool fire_entry(Source* source, std::uint64_t serial);

  WatchTable& table_;
  EpollSet& epoll_;
  Entries ready_;
  Entries idle_;
  std::unordered_map<Source*, Entries::iterator> by_source_;
  std::unordered_map<int, Entries::iterator> by_fd_;
  std::unordered_map<int, Source*> promised_;
  std::uint64_t next_serial_ = 1;
  std::uint32_t next_generation_ = 1;
  std::uint64_t round_ = 0;
};

}  // namespace dtls::net
