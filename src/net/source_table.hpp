// The loop's sources, their descriptors, and the watches that wait for them.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

#include "net/epoll_set.hpp"
#include "net/source.hpp"
#include "net/watch.hpp"

namespace dtls::net {

// SourceEntry is what the table knows of a source that has a descriptor or a watch, or had one.
struct SourceEntry {
  explicit SourceEntry(Source& its_source) : source(&its_source) {}

  Source* source;       // null: destroyed without a detach
  RegistrationKey key;  // fd -1: none
  WatchList watches;
  bool listed_ready = false;
  bool is_paused = false;
  std::uint64_t fired_in = 0;  // the round of fire() that served it last
  std::list<SourceEntry>::iterator place;
};

// SourceTable registers the sources' descriptors in the epoll set it is given, under generations
// from 1 on (0 is the loop's own). A source finds its entry by itself; one without a descriptor and
// without watches, as most connections of a server are, has none.
class SourceTable {
 public:
  SourceTable(WatchTable& table, EpollSet& epoll) : table_(table), epoll_(epoll) {}
  ~SourceTable();
  SourceTable(const SourceTable&) = delete;
  SourceTable& operator=(const SourceTable&) = delete;

  // attach, pause, resume, detach, watch, readiness_changed: see LoopCore.
  void attach(Source& source, int fd);
  void pause(Source& source);
  void resume(Source& source);
  void detach(Source& source);
  EventLoop::WatchId watch(Source& source, Interest interest, std::function<void()> callback);
  void remove(const WatchPtr& watch);
  void readiness_changed(Source& source) {
    if (source.entry_ != nullptr) update(*source.entry_);
  }

  // shrink gives back the memory of more sources than there are.
  void shrink() { by_fd_.rehash(0); }

  // promise: watches on `fd` are the source's, although the descriptor is not yet; until its attach
  // or detach.
  void promise(Source& source, int fd) { promised_[fd] = &source; }

  // owner_of gives the source that the open descriptor belongs or is promised to, or null.
  [[nodiscard]] Source* owner_of(int fd);
  // serve calls on_readable of the source registered under `key`. False if there is none.
  bool serve(RegistrationKey key, TimePoint now);
  // any_ready is true while a watched source may be ready.
  [[nodiscard]] bool any_ready() const { return !ready_.empty(); }
  // fire calls the watches of every ready source once. True if any was called.
  bool fire();

 private:
  using Entries = std::list<SourceEntry>;  // an entry moves between the two lists by splice

  // Firing is an entry whose watches are being called. They may detach the source, also from
  // inside a fire() of their own: then there is none.
  struct Firing {
    SourceEntry* entry;
    Firing* outer;
  };

  SourceEntry& entry_of(Source& source);
  void unregister(SourceEntry& entry);
  void take_back_promises(const Source& source);
  void update(SourceEntry& entry);
  bool fire_entry(SourceEntry& entry);

  WatchTable& table_;
  EpollSet& epoll_;
  Entries ready_;
  Entries idle_;
  std::unordered_map<int, SourceEntry*> by_fd_;
  std::unordered_map<int, Source*> promised_;
  Firing* firing_ = nullptr;  // the innermost
  std::uint32_t next_generation_ = 1;
  std::uint64_t round_ = 0;
};

}  // namespace dtls::net
