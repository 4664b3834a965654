// The event loop's inside: what Server and Connection use of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "dtls/event_loop.hpp"
#include "net/alarm.hpp"
#include "net/epoll_set.hpp"
#include "net/mailbox.hpp"
#include "net/plain_watches.hpp"
#include "net/source.hpp"
#include "net/source_table.hpp"
#include "net/timer_queue.hpp"
#include "net/watch.hpp"

namespace dtls::net {

// LoopCore does the work of EventLoop, whose contract see. Three epoll sets:
//
//   outer ── core ── descriptors of the sources
//     │       ├───── alarm: the earliest timer
//     │       └───── mailbox: another thread has a letter for us, or stop() was called
//     ├───── user ── the program's descriptors (PlainWatches)
//     └───── ready:  a watched source is ready
//
// A background wait looks at `core` alone, so a descriptor that only the program can read dry
// does not make it spin. `outer` is what other loops watch.
class LoopCore {
 public:
  using WatchId = EventLoop::WatchId;
  using TimerId = EventLoop::TimerId;

  LoopCore();  // throws std::system_error when the process is out of descriptors
  ~LoopCore();
  LoopCore(const LoopCore&) = delete;
  LoopCore& operator=(const LoopCore&) = delete;

  // attach makes the loop call source.on_readable while fd is readable. fd may be -1: the source
  // then has only watches. A source has at most one descriptor; it may come with a later attach,
  // which takes the place of the earlier one. The loop owns neither.
  // Throws std::system_error when the descriptor cannot be polled.
  void attach(Source& source, int fd);
  // promise makes watches on `fd` the source's before the descriptor is: see Connection's
  // from_descriptor, where another connection still has it.
  void promise(Source& source, int fd) { sources_.promise(source, fd); }
  // pause has the loop not call on_readable, until resume. Both are harmless for a source without a
  // descriptor.
  void pause(Source& source) { sources_.pause(source); }
  void resume(Source& source);
  // detach forgets the source, its descriptor and every watch on it. Call it before close(fd).
  // Safe from inside any callback, and harmless for a source that is not attached.
  void detach(Source& source);
  // watch_source is EventLoop::watch for a source, with or without a descriptor. A source that was
  // not attached is so from now on.
  WatchId watch_source(Source& source, Interest interest, std::function<void()> callback);
  // readiness_changed must be called when source.ready() may have become true.
  void readiness_changed(Source& source);
  // post runs the callback once, as background work, soon but not from inside this call.
  TimerId post(std::function<void()> callback);
  // shrink gives back what the tables took for more sources, watches and timers than there are.
  void shrink() {
    sources_.shrink();
    watches_.shrink();
    timers_.shrink();
  }
  // mailbox is where other threads ask this loop's for something.
  [[nodiscard]] const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }

  // See EventLoop.
  Result<WatchId> watch(int fd, Interest interest, std::function<void()> callback);
  void unwatch(WatchId id);
  TimerId add_timer(TimePoint when, std::function<void()> callback);
  void cancel_timer(TimerId id);
  bool run_once(Timeout timeout, EventLoop::Scope scope);
  void run();
  void stop();
  [[nodiscard]] int descriptor(EventLoop::Scope scope) const {
    return scope == EventLoop::Scope::kAll ? outer_.descriptor() : core_.descriptor();
  }

 private:
  // Round is one run_once, which may be inside another's callback. When the outermost ends, by a
  // return or an exception, the descriptors tell the outside what is left to do.
  class Round {
   public:
    explicit Round(LoopCore& loop) : loop_(loop) { ++loop_.depth_; }
    ~Round() {
      --loop_.depth_;
      loop_.show_state_outside();
    }
    Round(const Round&) = delete;
    Round& operator=(const Round&) = delete;

   private:
    LoopCore& loop_;
  };

  struct Served {
    bool worked = false;      // a source has read, or a letter was opened
    bool woken = false;       // perhaps stop() was called
    bool user_ready = false;  // a plain descriptor is ready
  };

  // wait_and_serve waits, then lets the readable sources read.
  Served wait_and_serve(std::optional<TimePoint> deadline, EventLoop::Scope scope);
  [[nodiscard]] std::optional<Clock::duration> time_to_wait(std::optional<TimePoint> deadline,
                                                            EventLoop::Scope scope) const;
  void show_state();
  void show_state_outside() {
    if (depth_ == 0) show_state();
  }

  EpollSet core_;
  EpollSet outer_;
  WatchTable watches_;
  PlainWatches plain_{watches_};
  SourceTable sources_{watches_, core_};
  TimerQueue timers_;
  Alarm alarm_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  Flag ready_;
  bool ready_raised_ = false;
  int depth_ = 0;
  std::atomic<bool> stopped_ = false;
};

}  // namespace dtls::net
