#include "node_loop.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <memory>
#include <utility>

#include "convert.hpp"

namespace dtls::node {
namespace {

// -1 is for ever, as in poll(2).
int to_milliseconds(Timeout timeout) {
  if (!timeout) return -1;
  constexpr std::int64_t kLongest = std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp<std::int64_t>(timeout->count(), 0, kLongest));
}

}  // namespace

// libuv's structures differ in size between versions, so the handle is allocated by the size that
// the running one tells. Node waits for the asynchronous clean-up hook, so libuv is done with the
// handle when its loop ends.
struct NodeLoop::Handle {
  uv_handle_t* uv = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  NodeLoop* owner = nullptr;  // null when it has gone
  Handle** place = nullptr;   // where the owner keeps it

  template <typename Type>
  Type* as() {
    return reinterpret_cast<Type*>(uv);
  }
  template <typename Type>
  static NodeLoop* owner_of(Type* handle) {
    return static_cast<Handle*>(handle->data)->owner;
  }
  void keep_alive(bool yes) {
    if (yes) {
      uv_ref(uv);
    } else {
      uv_unref(uv);
    }
  }

  void watch() {
    uv_poll_start(as<uv_poll_t>(), UV_READABLE, [](uv_poll_t* handle, int, int) {
      if (NodeLoop* loop = owner_of(handle)) loop->notify();
    });
  }

  static void on_cleanup(napi_async_cleanup_hook_handle /*hook*/, void* self_pointer) {
    auto* self = static_cast<Handle*>(self_pointer);
    if (self->owner != nullptr) *self->place = nullptr;
    self->owner = nullptr;
    uv_close(self->uv, [](uv_handle_t* closed) {
      auto* done = static_cast<Handle*>(closed->data);
      napi_remove_async_cleanup_hook(done->hook);
      std::free(done->uv);
      delete done;
    });
  }
};

NodeLoop::NodeLoop(Napi::Env env, EventLoop& ours) : env_(env), ours_(ours) {
  napi_get_uv_event_loop(env, &uv_);
}

NodeLoop::~NodeLoop() {
  for (Handle* handle : {watch_, mailbox_, stand_in_, after_io_}) {
    if (handle != nullptr) handle->owner = nullptr;
  }
  if (edge_ >= 0) ::close(edge_);
}

template <typename Init>
void NodeLoop::open(Handle*& place, uv_handle_type type, Init init) {
  auto handle = std::make_unique<Handle>();
  handle->uv = static_cast<uv_handle_t*>(std::malloc(uv_handle_size(type)));
  if (handle->uv == nullptr || init(handle->uv) != 0) {
    std::free(handle->uv);
    throw_error(env_, {ErrorKind::kSystem, ENOMEM, "Node's event loop takes no more handles", {}});
  }
  handle->uv->data = handle.get();
  handle->owner = this;
  handle->place = &place;
  napi_add_async_cleanup_hook(env_, &Handle::on_cleanup, handle.get(), &handle->hook);
  place = handle.release();
}

void NodeLoop::set_callbacks(Napi::Function notify, Napi::Function drain) {
  notify_ = Napi::Persistent(notify);
  drain_ = Napi::Persistent(drain);
  if (watch_ != nullptr) return;
  trampoline_ = Napi::Persistent(
      Napi::Function::New(env_, [this](const Napi::CallbackInfo& /*info*/) { (*action_)(); }));
  open(watch_, UV_POLL, [this](uv_handle_t* handle) {
    return uv_poll_init(uv_, reinterpret_cast<uv_poll_t*>(handle), ours_.descriptor());
  });
  watch_->watch();
  watch_->keep_alive(false);
  open(stand_in_, UV_PREPARE, [this](uv_handle_t* handle) {
    return uv_prepare_init(uv_, reinterpret_cast<uv_prepare_t*>(handle));
  });
  stand_in_->keep_alive(false);
  open(after_io_, UV_CHECK, [this](uv_handle_t* handle) {
    return uv_check_init(uv_, reinterpret_cast<uv_check_t*>(handle));
  });
  adopt_signals();
}

void NodeLoop::keep_alive(bool yes) {
  alive_ = yes;
  if (watch_ != nullptr) watch_->keep_alive(yes);
  if (stand_in_ != nullptr) stand_in_->keep_alive(turning_ || alive_ || listening_);
}

void NodeLoop::listen(int mailbox, bool yes) {
  if (mailbox_ == nullptr) {
    open(mailbox_, UV_POLL, [this, mailbox](uv_handle_t* handle) {
      return uv_poll_init(uv_, reinterpret_cast<uv_poll_t*>(handle), mailbox);
    });
  }
  listening_ = yes;
  if (yes && !suspended_) {
    mailbox_->watch();
  } else {
    uv_poll_stop(mailbox_->as<uv_poll_t>());
  }
  keep_alive(alive_);
}

void NodeLoop::suspend_watches() {
  if (suspended_ || watch_ == nullptr) return;
  suspended_ = true;
  uv_poll_stop(watch_->as<uv_poll_t>());
  if (mailbox_ != nullptr) uv_poll_stop(mailbox_->as<uv_poll_t>());
  uv_prepare_start(stand_in_->as<uv_prepare_t>(), [](uv_prepare_t* handle) {
    NodeLoop* owner = Handle::owner_of(handle);
    if (owner != nullptr && !owner->turning_) owner->resume_watches();
  });
}

void NodeLoop::resume_watches() {
  suspended_ = false;
  uv_prepare_stop(stand_in_->as<uv_prepare_t>());
  watch_->watch();
  if (listening_) mailbox_->watch();
}

bool NodeLoop::turn(Timeout timeout, EventLoop::Scope scope) {
  if (watch_ == nullptr || turning_) return false;  // the environment ends
  suspend_watches();
  // libuv gives no timeout, and runs nothing, while none of its handles keeps it alive.
  turning_ = true;
  keep_alive(alive_);
  uv_update_time(uv_);
  const int libuv_ms = uv_backend_timeout(uv_);
  if (libuv_ms >= 0) {
    const Duration until_timer(libuv_ms);
    timeout = timeout ? std::min(*timeout, until_timer) : until_timer;
  }
  bool due = wait_for(uv_backend_fd(uv_), timeout, scope);
  uv_update_time(uv_);
  due = due || uv_backend_timeout(uv_) == 0;
  if (due) {
    // Ticks run where they would: after the events, before setImmediate's callbacks, and at the
    // end.
    uv_check_start(after_io_->as<uv_check_t>(), [](uv_check_t* handle) {
      if (NodeLoop* owner = Handle::owner_of(handle)) owner->drain();
    });
    protect([this] { uv_run(uv_, UV_RUN_NOWAIT); });
    if (after_io_ != nullptr) uv_check_stop(after_io_->as<uv_check_t>());
    drain();
  }
  turning_ = false;
  keep_alive(alive_);
  return due;
}

bool NodeLoop::wait_for(int other, Timeout timeout, EventLoop::Scope scope) const {
  std::array<pollfd, 2> set{pollfd{ours_.descriptor(scope), POLLIN, 0}, pollfd{other, POLLIN, 0}};
  if (::poll(set.data(), set.size(), to_milliseconds(timeout)) <= 0) return false;
  return set[1].revents != 0;
}

void NodeLoop::protect(const std::function<void()>& action) {
  const auto* outer = std::exchange(action_, &action);
  const Napi::HandleScope scope(env_);
  // V8 keeps an exception that passes from a callback through native code to JavaScript for later,
  // and would throw it in the next callback. napi_call_function catches it where it leaves the
  // callback, because between the two no frame is JavaScript's.
  napi_value result = nullptr;
  const napi_status status =
      napi_call_function(env_, env_.Global(), trampoline_.Value(), 0, nullptr, &result);
  action_ = outer;
  if (status != napi_ok) report_exception();
}

void NodeLoop::drain() {
  const Napi::HandleScope scope(env_);
  napi_value result = nullptr;
  const napi_status status =
      napi_call_function(env_, env_.Global(), drain_.Value(), 0, nullptr, &result);
  if (status != napi_ok) report_exception();
}

void NodeLoop::report_exception() {
  bool pending = false;
  napi_value error = nullptr;
  napi_is_exception_pending(env_, &pending);
  if (!pending || napi_get_and_clear_last_exception(env_, &error) != napi_ok) return;
  napi_valuetype type = napi_null;
  // A thread that is being ended throws null at its callbacks.
  if (error != nullptr && napi_typeof(env_, error, &type) == napi_ok && type != napi_null) {
    napi_fatal_exception(env_, error);
  }
}

void NodeLoop::notify() {
  const Napi::HandleScope scope(env_);
  const Napi::AsyncContext context(env_, "dtls");
  try {
    // As a callback of Node's own: ticks and promise jobs run after it.
    notify_.Value().MakeCallback(env_.Global(), std::initializer_list<napi_value>{}, context);
  } catch (const Napi::Error& error) {
    napi_fatal_exception(env_, error.Value());
  }
}

bool NodeLoop::await_signals(Timeout timeout, EventLoop::Scope scope) {
  watch_signals();
  if (recheck_ > Duration::zero()) timeout = timeout ? std::min(*timeout, recheck_) : recheck_;
  const bool news = wait_for(edge_, timeout, scope);
  if (news) {
    epoll_event event{};
    ::epoll_wait(edge_, &event, 1, 0);
  } else if (recheck_ == Duration::zero()) {
    return false;
  }
  const bool delivered = deliver_signals();
  // A handler on another thread writes to the pipe first and counts afterwards.
  constexpr Duration kLongestRecheck(64);
  recheck_ = news ? Duration(1) : recheck_ * 2;
  if (delivered || recheck_ > kLongestRecheck) recheck_ = Duration::zero();
  return delivered;
}

void NodeLoop::watch_signals() {
  // The pipe through which libuv hears of signals; -1 until it has caught the first. Private, like
  // the counters below, but part of the ABI that version 1 keeps.
  const int pipe = uv_->signal_pipefd[0];
  if (edge_ >= 0 || pipe < 0) return;
  edge_ = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  // Edge-triggered: the pipe stays readable for as long as libuv is held up here.
  event.events = EPOLLIN | EPOLLET;
  if (edge_ < 0 || ::epoll_ctl(edge_, EPOLL_CTL_ADD, pipe, &event) != 0) {
    throw_error(env_, {ErrorKind::kSystem, errno, "Node's signals cannot be waited for", {}});
  }
}

NodeLoop::Signals& NodeLoop::signals() {
  thread_local Signals signals;
  return signals;
}

NodeLoop::Adopted& NodeLoop::adopt(uv_signal_t* handle) {
  Adopted& adopted = signals()[handle];
  if (handle->signal_cb != &NodeLoop::on_signal) {
    // New, perhaps in the place of one that was closed.
    adopted = {.deliver = handle->signal_cb};
    // Changes only the callback of a handle that listens to that signal already.
    uv_signal_start(handle, &NodeLoop::on_signal, handle->signum);
  }
  return adopted;
}

void NodeLoop::on_signal(uv_signal_t* handle, int number) {
  // The reference stays good while `deliver` adopts others.
  Adopted& adopted = signals()[handle];
  if (adopted.ahead > 0) {
    --adopted.ahead;
    return;
  }
  ++adopted.running;
  adopted.deliver(handle, number);
  --adopted.running;
}

void NodeLoop::adopt_signals() {
  const auto adopt_each = [](uv_handle_t* handle, void* /*unused*/) {
    if (handle->type != UV_SIGNAL || uv_is_active(handle) == 0) return;
    adopt(reinterpret_cast<uv_signal_t*>(handle));
  };
  uv_walk(uv_, adopt_each, nullptr);
}

bool NodeLoop::deliver_signals() {
  // One at a time: a callback may stop, close or begin others. libuv frees none while it is held
  // up.
  const auto find = [](uv_handle_t* handle, void* found) {
    if (handle->type != UV_SIGNAL || uv_is_active(handle) == 0) return;
    auto* signal = reinterpret_cast<uv_signal_t*>(handle);
    const Adopted& adopted = adopt(signal);
    const unsigned waiting = signal->caught_signals - signal->dispatched_signals;
    if (waiting > adopted.ahead + adopted.running) *static_cast<uv_signal_t**>(found) = signal;
  };
  for (bool any = false;; any = true) {
    uv_signal_t* handle = nullptr;
    uv_walk(uv_, find, &handle);
    if (handle == nullptr) return any;
    Adopted& adopted = signals()[handle];
    ++adopted.ahead;
    protect([&] { adopted.deliver(handle, handle->signum); });
    drain();
  }
}

}  // namespace dtls::node
