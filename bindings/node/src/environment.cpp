#include "environment.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "convert.hpp"

namespace dtls::node {

// libuv's structures differ in size between versions, so the handle is allocated by the size that
// the running one tells. Node waits for the asynchronous clean-up hook, so libuv is done with the
// handle when its loop ends.
struct Environment::Poll {
  uv_poll_t* handle = nullptr;
  napi_env env = nullptr;
  napi_async_cleanup_hook_handle hook = nullptr;
  std::weak_ptr<Environment> owner;
  Poll* Environment::*place = nullptr;  // where the owner keeps it

  void start() { uv_poll_start(handle, UV_READABLE, &Poll::on_event); }
  void stop() { uv_poll_stop(handle); }
  void keep_alive(bool yes) {
    auto* base = reinterpret_cast<uv_handle_t*>(handle);
    if (yes) {
      uv_ref(base);
    } else {
      uv_unref(base);
    }
  }

  static void on_event(uv_poll_t* handle, int /*status*/, int /*events*/) {
    auto* self = static_cast<Poll*>(handle->data);
    if (const auto owner = self->owner.lock()) owner->notify(self->env);
  }

  static void on_cleanup(napi_async_cleanup_hook_handle /*hook*/, void* self_pointer) {
    auto* self = static_cast<Poll*>(self_pointer);
    if (const auto owner = self->owner.lock()) owner.get()->*self->place = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(self->handle), [](uv_handle_t* closed) {
      auto* done = static_cast<Poll*>(closed->data);
      napi_remove_async_cleanup_hook(done->hook);
      std::free(done->handle);
      delete done;
    });
  }
};

std::shared_ptr<Environment> Environment::of(Napi::Env env) {
  auto* held = env.GetInstanceData<std::shared_ptr<Environment>>();
  if (held == nullptr) {
    held = new std::shared_ptr<Environment>(std::make_shared<Environment>());
    env.SetInstanceData(held);  // deletes it when the environment ends
  }
  return *held;
}

Environment::~Environment() {
  // First, while the loop that others wake still lives.
  if (task_ != 0) TaskRegistry::of_process().close(task_);
}

std::function<void()> Environment::reporter(Id id) {
  return [this, id] { ready_.push_back(id); };
}

void Environment::add_notice(ConnectionObject* connection) {
  if (std::ranges::find(notices_, connection) == notices_.end()) notices_.push_back(connection);
  loop_.stop();  // wakes whoever waits, Node's loop too
}

ConnectionObject* Environment::take_notice() {
  if (notices_.empty()) return nullptr;
  ConnectionObject* const first = notices_.front();
  notices_.erase(notices_.begin());
  return first;
}

Napi::Value Environment::wait(const Napi::CallbackInfo& info) {
  const double milliseconds = info[0].As<Napi::Number>().DoubleValue();
  const bool all = info[1].As<Napi::Boolean>().Value();
  Timeout timeout;
  if (milliseconds >= 0) timeout = Duration(static_cast<std::int64_t>(milliseconds));
  ready_.clear();
  loop_.run_once(timeout, all ? EventLoop::Scope::kAll : EventLoop::Scope::kBackground);
  auto ids = Napi::Array::New(info.Env(), ready_.size());
  for (std::uint32_t i = 0; i < ready_.size(); ++i)
    ids[i] = Napi::Number::New(info.Env(), ready_[i]);
  return ids;
}

Napi::Value Environment::watch(const Napi::CallbackInfo& info) {
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const Id id = new_id();
  auto made = loop_.watch(fd, to_interest(info[1]), reporter(id));
  if (!made) throw_error(info.Env(), made.error());
  remember(id, [this, watch_id = *made] { loop_.unwatch(watch_id); });
  return Napi::Number::New(info.Env(), id);
}

void Environment::unwatch(const Napi::CallbackInfo& info) {
  const auto found = cancels_.find(info[0].As<Napi::Number>().Uint32Value());
  if (found == cancels_.end()) return;
  const auto cancel = std::move(found->second);
  cancels_.erase(found);
  cancel();
}

void Environment::set_notify(const Napi::CallbackInfo& info) {
  notify_ = Napi::Persistent(info[0].As<Napi::Function>());
  if (poll_ != nullptr) return;
  add_poll(info.Env(), &Environment::poll_, loop_.descriptor());
  poll_->start();
  poll_->keep_alive(false);
}

void Environment::keep_alive(bool yes) {
  if (poll_ != nullptr) poll_->keep_alive(yes);
}

void Environment::adopt_task(TaskId id) {
  task_ = id;
  TaskRegistry::of_process().attach(id, loop_);
}

void Environment::listen(Napi::Env env, bool yes) {
  if (mailbox_poll_ == nullptr) {
    add_poll(env, &Environment::mailbox_poll_, TaskRegistry::of_process().descriptor(task_));
  }
  if (yes) {
    mailbox_poll_->start();
  } else {
    mailbox_poll_->stop();
  }
}

void Environment::add_poll(Napi::Env env, Poll* Environment::*place, int fd) {
  uv_loop_t* uv = nullptr;
  napi_get_uv_event_loop(env, &uv);
  auto poll = std::make_unique<Poll>();
  poll->handle = static_cast<uv_poll_t*>(std::malloc(uv_handle_size(UV_POLL)));
  if (poll->handle == nullptr || uv_poll_init(uv, poll->handle, fd) != 0) {
    std::free(poll->handle);
    throw_error(env, {ErrorKind::kSystem, ENOMEM, "Node's event loop takes no more handles", {}});
  }
  poll->handle->data = poll.get();
  poll->env = env;
  poll->owner = weak_from_this();
  poll->place = place;
  napi_add_async_cleanup_hook(env, &Poll::on_cleanup, poll.get(), &poll->hook);
  this->*place = poll.release();
}

void Environment::notify(Napi::Env env) {
  const Napi::HandleScope scope(env);
  const Napi::AsyncContext context(env, "dtls");
  try {
    // As a callback of Node's own: ticks and promise jobs run after it.
    notify_.Value().MakeCallback(env.Global(), std::initializer_list<napi_value>{}, context);
  } catch (const Napi::Error& error) {
    napi_fatal_exception(env, error.Value());
  }
}

}  // namespace dtls::node
