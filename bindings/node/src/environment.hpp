// Environment: the native side of one JavaScript environment (the main thread or a worker).
#pragma once

#include <napi.h>
#include <dtls/dtls.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "node_loop.hpp"
#include "task_registry.hpp"

namespace dtls::node {

// Noticed is an object of JavaScript's that may have something to tell: see lib/core/notices.js.
class Noticed {
 public:
  virtual Napi::Value noticed() = 0;  // itself

 protected:
  ~Noticed() = default;
};

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

  // Functions of the module (see lib/core/native.js).
  Napi::Value wait(const Napi::CallbackInfo& info);
  Napi::Value watch(const Napi::CallbackInfo& info);
  void unwatch(const Napi::CallbackInfo& info);
  void set_notify(const Napi::CallbackInfo& info);
  void keep_alive(bool yes) { node_loop_.keep_alive(yes); }
  Napi::Value turn_node(const Napi::CallbackInfo& info);
  Napi::Value await_signals(const Napi::CallbackInfo& info);
  void adopt_signals() { node_loop_.adopt_signals(); }

  Napi::FunctionReference connection_class;
  Connection* unwrapped = nullptr;  // what ConnectionObject::wrap hands to the constructor

  // Node checks the receiver of a class's methods, not that of its accessors. enter and leave tell
  // of the objects that live; require throws where an accessor was called on another one.
  enum class Kind : std::uint8_t { kServer, kConnection };
  void enter(const void* object, Kind kind) { objects_[object] = kind; }
  void leave(const void* object) { objects_.erase(object); }
  void require(Napi::Env env, const void* object, Kind kind) const {
    const auto found = objects_.find(object);
    if (found != objects_.end() && found->second == kind) return;
    throw Napi::TypeError::New(env, "this is another kind of object");
  }

  // keep puts a ticket into an External, and ticket_of finds it there. Of an External of anything
  // else, also of another thread's, ticket_of gives null.
  Napi::Value keep(Napi::Env env, SessionTicket ticket);
  [[nodiscard]] const SessionTicket* ticket_of(const Napi::Value& value) const;

  // Those that have something to tell. Each is there once, until it is taken or withdrawn.
  void add_notice(Noticed* object);
  void withdraw_notice(Noticed* object) { std::erase(notices_, object); }
  [[nodiscard]] bool has_notices() const { return !notices_.empty(); }
  Noticed* take_notice();  // null: there is none

 private:
  EventLoop loop_;
  NodeLoop node_loop_;
  Id last_id_ = 0;
  std::vector<Id> ready_;
  std::vector<Noticed*> notices_;
  std::unordered_set<const SessionTicket*> tickets_;
  std::unordered_map<const void*, Kind> objects_;
  std::unordered_map<Id, std::function<void()>> cancels_;
  TaskId task_ = 0;
};

}  // namespace dtls::node
