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
#include "process/forks.hpp"

namespace dtls::net {

// LoopCore does the work of EventLoop, whose contract see. Three epoll sets:
//
//   outer ── core ── descriptors of the sources
//     │       ├───── alarm: the earliest timer, for other loops
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
  // now is the time of the turn that is under way: read when its wait ended, so that one turn's
  // datagrams cost one reading. Outside of a turn it is the clock's.
  [[nodiscard]] TimePoint now() const { return in_turn() ? now_ : Clock::now(); }
  // in_turn is true inside of run_once and run: in a callback of the loop, or in a blocking call
  // that one has made.
  [[nodiscard]] bool in_turn() const { return depth_ > 0; }
  // set_flusher has `flusher` called, if ask_flush was called since its last call, before every
  // wait of this loop, when its outermost turn ends (also by an exception), and when the loop is
  // destroyed; in a forked child never. It must not throw; it may ask again. An empty one ends
  // that.
  void set_flusher(std::function<void()> flusher) { flusher_ = std::move(flusher); }
  void ask_flush() { flush_asked_ = true; }
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
  // From the first call on, the descriptors tell the outside what is left to do after each turn.
  [[nodiscard]] int descriptor(EventLoop::Scope scope);

 private:
  // Turn is one run_once, which may be inside another's callback, or a run. When the outermost
  // ends, by a return or an exception, the descriptors tell the outside what is left to do.
  class Turn {
   public:
    explicit Turn(LoopCore& loop) : loop_(loop) { ++loop_.depth_; }
    ~Turn() {
      if (loop_.depth_ == 1) loop_.flush();
      if (--loop_.depth_ > 0) return;
      loop_.renew_alarm();
      loop_.show_state_outside();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

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
  void flush();
  // What a turn ends with and what is changed outside of one is shown to the outside; hide_state
  // keeps that from ending a wait when it is so no more.
  void show_state_outside() {
    if (depth_ == 0 && is_watched_) show_state();
  }
  void show_state();
  void show_ready();
  void hide_state();
  void renew_alarm();

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
  bool is_watched_ = false;  // from outside, by one of its descriptors
  bool flush_asked_ = false;
  std::function<void()> flusher_;
  int depth_ = 0;  // of run_once and run in one another
  TimePoint now_;  // in a turn
  std::atomic<bool> stopped_ = false;
  process::Birthplace birthplace_;
};

}  // namespace dtls::net
