#include "environment.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "convert.hpp"

namespace dtls::node {

namespace {

Timeout timeout_argument(const Napi::Value& value) {
  const double milliseconds = value.As<Napi::Number>().DoubleValue();
  if (std::isnan(milliseconds)) {
    throw Napi::TypeError::New(value.Env(), "the time to wait is no number");
  }
  if (milliseconds < 0) return std::nullopt;
  constexpr double kMost = 1e12;
  return Duration(static_cast<std::int64_t>(std::min(milliseconds, kMost)));
}

EventLoop::Scope scope_argument(const Napi::Value& value) {
  return value.As<Napi::Boolean>().Value() ? EventLoop::Scope::kAll : EventLoop::Scope::kBackground;
}

}  // namespace

std::shared_ptr<Environment> Environment::of(Napi::Env env) {
  auto* held = env.GetInstanceData<std::shared_ptr<Environment>>();
  if (held == nullptr) {
    held = new std::shared_ptr<Environment>(std::make_shared<Environment>(env));
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

void Environment::add_notice(Noticed* object) {
  if (std::ranges::find(notices_, object) == notices_.end()) notices_.push_back(object);
  loop_.stop();  // wakes whoever waits, Node's loop too
}

Noticed* Environment::take_notice() {
  if (notices_.empty()) return nullptr;
  Noticed* const first = notices_.front();
  notices_.erase(notices_.begin());
  return first;
}

Napi::Value Environment::keep(Napi::Env env, SessionTicket ticket) {
  auto owned = std::make_unique<SessionTicket>(std::move(ticket));
  tickets_.insert(owned.get());
  auto external = Napi::External<SessionTicket>::New(
      env, owned.get(), [here = weak_from_this()](Napi::Env, SessionTicket* done) {
        if (const auto environment = here.lock()) environment->tickets_.erase(done);
        delete done;
      });
  static_cast<void>(owned.release());
  return external;
}

const SessionTicket* Environment::ticket_of(const Napi::Value& value) const {
  if (!value.IsExternal()) return nullptr;
  void* data = nullptr;
  if (napi_get_value_external(value.Env(), value, &data) != napi_ok) return nullptr;
  const auto found = tickets_.find(static_cast<const SessionTicket*>(data));
  return found == tickets_.end() ? nullptr : *found;
}

Napi::Value Environment::wait(const Napi::CallbackInfo& info) {
  ready_.clear();
  loop_.run_once(timeout_argument(info[0]), scope_argument(info[1]));
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
  if (!info[0].IsFunction() || !info[1].IsFunction()) {
    throw Napi::TypeError::New(info.Env(), "setNotify() wants two functions");
  }
  node_loop_.set_callbacks(info[0].As<Napi::Function>(), info[1].As<Napi::Function>());
}

Napi::Value Environment::turn_node(const Napi::CallbackInfo& info) {
  const bool called = node_loop_.turn(timeout_argument(info[0]), scope_argument(info[1]));
  return Napi::Boolean::New(info.Env(), called);
}

Napi::Value Environment::await_signals(const Napi::CallbackInfo& info) {
  const bool called = node_loop_.await_signals(timeout_argument(info[0]), scope_argument(info[1]));
  return Napi::Boolean::New(info.Env(), called);
}

void Environment::adopt_task(TaskId id) {
  // A mailbox that stayed behind would wake a loop that is gone.
  if (task_ != 0 && task_ != id) TaskRegistry::of_process().close(task_);
  task_ = id;
  TaskRegistry::of_process().attach(id, loop_);
}

void Environment::listen(bool yes) {
  node_loop_.listen(TaskRegistry::of_process().descriptor(task_), yes);
}

}  // namespace dtls::node
