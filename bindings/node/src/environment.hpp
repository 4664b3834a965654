// Environment: the native side of one JavaScript environment (the main thread or a worker).
#pragma once

#include <napi.h>
#include <dtls/dtls.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "node_loop.hpp"
#include "task_registry.hpp"

namespace dtls::node {

class ConnectionObject;

// Environment owns the event loop and turns its watches into numbers that JavaScript collects with
// wait(). Objects share it, because they may be finalized after the environment lets go of it.
class Environment : public std::enable_shared_from_this<Environment> {
 public:
  using Id = std::uint32_t;

  static std::shared_ptr<Environment> of(Napi::Env env);  // makes it at the first call

  explicit Environment(Napi::Env env) : node_loop_(env, loop_) {}
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
  void listen(bool yes);

  // Functions of the module (see lib/native.js).
  Napi::Value wait(const Napi::CallbackInfo& info);
  Napi::Value watch(const Napi::CallbackInfo& info);
  void unwatch(const Napi::CallbackInfo& info);
  void set_notify(const Napi::CallbackInfo& info);
  void keep_alive(bool yes) { node_loop_.keep_alive(yes); }
  Napi::Value turn_node(const Napi::CallbackInfo& info);
  Napi::Value await_signals(const Napi::CallbackInfo& info);
  void adopt_signals() { node_loop_.adopt_signals(); }

  Napi::FunctionReference connection_class;

  // Connections that have something to tell: see lib/notices.js. Each is there once, until it is
  // taken or withdrawn.
  void add_notice(ConnectionObject* connection);
  void withdraw_notice(ConnectionObject* connection) { std::erase(notices_, connection); }
  [[nodiscard]] bool has_notices() const { return !notices_.empty(); }
  ConnectionObject* take_notice();  // null: there is none

 private:
  EventLoop loop_;
  NodeLoop node_loop_;
  Id last_id_ = 0;
  std::vector<Id> ready_;
  std::vector<ConnectionObject*> notices_;
  std::unordered_map<Id, std::function<void()>> cancels_;
  TaskId task_ = 0;
};

}  // namespace dtls::node
