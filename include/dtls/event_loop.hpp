// The event loop: one thread's sockets, timers and watches, on one epoll descriptor that nests.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "dtls/error.hpp"
#include "dtls/time.hpp"

namespace dtls {

namespace net {
class LoopCore;
}

enum class Interest : std::uint8_t { kRead = 0, kWrite = 1, kExcept = 2 };

// EventLoop drives every Server and Connection made with it. It belongs to one thread: it and
// everything made with it may be used from that thread only, but for post and stop. Different loops
// are independent; Connection::fly_away moves a connection from one to another. In a child process
// made by fork(2) the parent's loop is dead: waits throw std::system_error (EBADF), watch, listen
// and connect fail with EBADF, post gives false; destroying it leaves the parent's undisturbed.
//
// There are two kinds of work. *Background* work is the protocol's own (datagrams, handshakes,
// retransmission) and timers; it is done in every wait, also inside a blocking send or recv.
// *Watches* are the program's callbacks; they run only in run_once(…, Scope::kAll) and run().
class EventLoop {
 public:
  enum class Scope : std::uint8_t { kBackground, kAll };
  using WatchId = std::uint32_t;
  using TimerId = std::uint32_t;

  EventLoop();  // throws std::system_error when the process is out of descriptors
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // run_once waits until there is work or `timeout` has passed, does the work, returns: datagrams
  // first, then the timers that are due, then (Scope::kAll) the watches that are ready, each once.
  // True if anything was done. Not reentrant from a timer; a watch's callback may call it.
  // An exception from a callback passes out of it; whatever else was ready is done next time.
  bool run_once(Timeout timeout, Scope scope = Scope::kAll);

  // run_until repeats run_once until `done` returns true (true) or `timeout` has passed (false).
  bool run_until(const std::function<bool()>& done, Timeout timeout, Scope scope = Scope::kAll);

  // run repeats run_once until stop is called. A stop before run makes it return at once.
  void run();
  // stop ends run, and a wait of run_once that is under way. Any thread, and signal handlers.
  void stop();

  // watch calls back, level-triggered, while `fd` is ready for `interest`. For the descriptor of
  // a Server or Connection of this loop readiness is the object's: a peer to accept, decrypted
  // data or the end waiting. An error or hang-up on a descriptor wakes every watch on it.
  // The callback may remove any watch and close any descriptor. The loop does not own `fd`: unwatch
  // before closing it; a watch whose descriptor was closed is dropped without a call.
  // Fails with EBADF, or EPERM for a file that cannot be polled. One watch per call.
  Result<WatchId> watch(int fd, Interest interest, std::function<void()> callback);
  void unwatch(WatchId id);  // harmless when the watch is gone already

  // add_timer calls back once, not before `when`; a time in the past means the next run_once.
  TimerId add_timer(TimePoint when, std::function<void()> callback);
  void cancel_timer(TimerId id);  // harmless when the timer has fired

  // post has the loop call back once, soon, as background work. Any thread: this is how threads
  // talk to each other's loops. Callbacks of one thread keep their order. False when too many
  // (16,384) wait already; `callback` is dropped then.
  bool post(std::function<void()> callback);

  // descriptor is readable when run_once(0, scope) has something to do (and now and then when it
  // has not): let another loop (libuv, asio, epoll) watch it. Owned by the loop; do not read from
  // it.
  [[nodiscard]] int descriptor(Scope scope = Scope::kAll) const;

  net::LoopCore& core() { return *core_; }  // for the library itself

 private:
  std::unique_ptr<net::LoopCore> core_;
};

}  // namespace dtls
