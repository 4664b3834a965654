// Environment: the native side of one JavaScript environment (the main thread or a worker).
#pragma once

#include <napi.h>
#include <uv.h>
#include <dtls/dtls.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "task_registry.hpp"

namespace dtls::node {

class ConnectionObject;

// Environment owns the event loop and turns its watches into numbers that JavaScript collects with
// wait(). Objects share it, because they may be finalized after the environment lets go of it.
class Environment : public std::enable_shared_from_this<Environment> {
 public:
  using Id = std::uint32_t;

  static std::shared_ptr<Environment> of(Napi::Env env);  // makes it at the first call

  Environment() = default;
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  EventLoop& loop() { return loop_; }

  // add_watch gives a new id and the callback that reports it; `cancel` ends the watch.
  Id new_id() { return ++last_id_; }
  std::function<void()> reporter(Id id);
  void remember(Id id, std::function<void()> cancel) { cancels_[id] = std::move(cancel); }
  void forget(Id id) { cancels_.erase(id); }

  // adopt_task makes this thread's the mailbox of that number, until the environment ends.
  void adopt_task(TaskId id);
  [[nodiscard]] TaskId task() const { return task_; }  // 0 before adopt_task
  // listen has Node's loop notify while a message waits for the task, and keeps it alive for that.
  void listen(Napi::Env env, bool yes);

  // Functions of the module (see lib/native.js).
  Napi::Value wait(const Napi::CallbackInfo& info);
  Napi::Value watch(const Napi::CallbackInfo& info);
  void unwatch(const Napi::CallbackInfo& info);
  void set_notify(const Napi::CallbackInfo& info);
  void keep_alive(bool yes);

  Napi::FunctionReference connection_class;

  // Connections that have something to tell: see lib/notices.js. Each is there once, until it is
  // taken or withdrawn.
  void add_notice(ConnectionObject* connection);
  void withdraw_notice(ConnectionObject* connection) { std::erase(notices_, connection); }
  [[nodiscard]] bool has_notices() const { return !notices_.empty(); }
  ConnectionObject* take_notice();  // null: there is none

 private:
  struct Poll;  // a libuv handle, which outlives the environment until it is closed

  // add_poll makes a handle that calls notify while `fd` is readable, once it is started.
  void add_poll(Napi::Env env, Poll* Environment::*place, int fd);
  void notify(Napi::Env env);

  EventLoop loop_;
  Id last_id_ = 0;
  std::vector<Id> ready_;
  std::vector<ConnectionObject*> notices_;
  std::unordered_map<Id, std::function<void()>> cancels_;
  TaskId task_ = 0;
  Poll* poll_ = nullptr;          // of loop_
  Poll* mailbox_poll_ = nullptr;  // of the task's mailbox, made by the first listen()
  Napi::FunctionReference notify_;
};

}  // namespace dtls::node
