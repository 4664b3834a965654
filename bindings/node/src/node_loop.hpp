// NodeLoop: Node's own event loop (libuv's) of one thread, beside ours.
#pragma once

#include <napi.h>
#include <uv.h>
#include <dtls/dtls.hpp>

#include <cstdint>
#include <functional>
#include <unordered_map>

namespace dtls::node {

// NodeLoop connects libuv's loop with ours, in both directions but never in both at once:
//
//  - While Node's loop runs, it watches the descriptor of ours and calls `notify`.
//  - While the program waits in ours, turn() runs libuv's from inside. libuv's watches are stopped
//    for that time, or our own readiness would wake the wait for libuv's and deliver what a
//    blocking call must not deliver. The next iteration of Node's loop starts them again.
//
// uv_run is not reentrant. Whether it runs underneath is known to JavaScript
// (lib/core/node_loop.js), which then calls await_signals in place of turn.
class NodeLoop {
 public:
  NodeLoop(Napi::Env env, EventLoop& ours);
  ~NodeLoop();
  NodeLoop(const NodeLoop&) = delete;
  NodeLoop& operator=(const NodeLoop&) = delete;

  // set_callbacks begins the watch. Node's loop calls `notify` while ours has something to do;
  // turn() calls `drain` where Node itself would run ticks and promise jobs.
  void set_callbacks(Napi::Function notify, Napi::Function drain);
  // keep_alive says whether our loop keeps Node's alive.
  void keep_alive(bool yes);
  // listen has Node's loop call `notify` while `mailbox` is readable, and stay alive for that.
  void listen(int mailbox, bool yes);

  // turn waits until either loop has something to do or `timeout` has passed, then runs what is due
  // in libuv's. Returns whether that may have called into JavaScript. An exception of such a
  // callback becomes an uncaughtException, as in Node.
  bool turn(Timeout timeout, EventLoop::Scope scope);

  // await_signals waits like turn, but delivers only the signals that libuv has caught and cannot
  // deliver because it is running underneath. Returns whether there was one.
  bool await_signals(Timeout timeout, EventLoop::Scope scope);
  // adopt_signals must be called when the program has begun to listen to a signal.
  void adopt_signals();

 private:
  struct Handle;  // a libuv handle, which outlives this object until libuv has closed it

  // Adopted is a signal handle of Node's. `ahead` counts deliveries that await_signals has made
  // before libuv: libuv's own are dropped in turn. `running` counts those that are under way.
  struct Adopted {
    uv_signal_cb deliver = nullptr;
    unsigned ahead = 0;
    unsigned running = 0;
  };
  using Signals = std::unordered_map<uv_signal_t*, Adopted>;

  template <typename Init>
  void open(Handle*& place, uv_handle_type type, Init init);
  void suspend_watches();
  void resume_watches();
  void notify();
  void drain();
  // protect calls `action`, which runs callbacks of Node's, so that their exceptions are caught.
  void protect(const std::function<void()>& action);
  void report_exception();
  // wait_for waits for our loop and for `other`; true if `other` is ready.
  bool wait_for(int other, Timeout timeout, EventLoop::Scope scope) const;
  void watch_signals();
  bool deliver_signals();

  static Signals& signals();  // of this thread
  static Adopted& adopt(uv_signal_t* handle);
  static void on_signal(uv_signal_t* handle, int number);

  Napi::Env env_;
  EventLoop& ours_;
  uv_loop_t* uv_ = nullptr;
  Handle* watch_ = nullptr;    // uv_poll_t on our loop
  Handle* mailbox_ = nullptr;  // uv_poll_t on the task's mailbox, made by the first listen()
  // uv_prepare_t, started while the watches are stopped: keeps libuv's loop alive in their place,
  // and starts them again when Node's loop runs.
  Handle* stand_in_ = nullptr;
  Handle* after_io_ = nullptr;  // uv_check_t, started in turn()
  bool suspended_ = false;
  bool turning_ = false;
  bool alive_ = false;
  bool listening_ = false;
  int edge_ = -1;       // epoll descriptor, readable when libuv has caught a signal
  Duration recheck_{};  // until await_signals looks for another signal; 0: it need not
  Napi::FunctionReference notify_;
  Napi::FunctionReference drain_;
  Napi::FunctionReference trampoline_;
  const std::function<void()>* action_ = nullptr;  // what the trampoline calls
};

}  // namespace dtls::node
