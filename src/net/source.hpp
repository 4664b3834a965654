// What the event loop serves in the background: a socket that belongs to the protocol.
#pragma once

#include "dtls/event_loop.hpp"
#include "dtls/time.hpp"

namespace dtls::net {

struct SourceEntry;

// Source is an object whose datagrams the loop takes in by itself, and whose readiness, as a
// program's watches see it, is its own and not the kernel's. Its owner detaches it before it is
// destroyed, but for a forked child, where the loop must not be touched.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source();

  // on_readable is called, level-triggered, while the source's descriptor is readable
  // (errors and hang-ups included: reading tells them).
  virtual void on_readable(TimePoint now) = 0;

  // ready says whether watches for `interest` on this source fire now.
  [[nodiscard]] virtual bool ready(Interest interest) const = 0;

 private:
  friend class SourceTable;
  SourceEntry* entry_ = nullptr;  // null: neither a descriptor nor a watch
};

}  // namespace dtls::net
