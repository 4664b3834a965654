#include "task_mailbox.hpp"

#include <utility>

#include "convert.hpp"
#include "environment.hpp"
#include "task_registry.hpp"

namespace dtls::node {
namespace {

TaskRegistry& tasks() {
  return TaskRegistry::of_process();
}

TaskId id_argument(const Napi::CallbackInfo& info, std::size_t position = 0) {
  return info[position].As<Napi::Number>().Uint32Value();
}

// openMailbox(parent) is for a task that is about to start.
Napi::Value open_mailbox(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), value_or_throw(info.Env(), tasks().open(id_argument(info))));
}

// adoptMailbox(id) makes a mailbox this thread's: it is closed when the thread ends.
void adopt_mailbox(const Napi::CallbackInfo& info) {
  Environment::of(info.Env())->adopt_task(id_argument(info));
}

// closeMailbox(id) is for a task that could not start.
void close_mailbox(const Napi::CallbackInfo& info) {
  tasks().close(id_argument(info));
}

Napi::Value has_mailbox(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), tasks().is_open(id_argument(info)));
}

// postMessage(to, bytes)
void post_message(const Napi::CallbackInfo& info) {
  const TaskId to = id_argument(info);
  const TaskId own = Environment::of(info.Env())->task();
  done_or_throw(info.Env(), tasks().post(to, own, bytes_of(info[1])));
}

// takeMessage() gives {from, bytes}, or undefined when no message waits for this thread.
Napi::Value take_message(const Napi::CallbackInfo& info) {
  const auto message = tasks().take(Environment::of(info.Env())->task());
  if (!message) return info.Env().Undefined();
  const auto& bytes = message->bytes;
  const auto result = Napi::Object::New(info.Env());
  result.Set("from", Napi::Number::New(info.Env(), message->from));
  result.Set("bytes", Napi::Buffer<std::byte>::Copy(info.Env(), bytes.data(), bytes.size()));
  return result;
}

Napi::Value mailbox_fd(const Napi::CallbackInfo& info) {
  const TaskId own = Environment::of(info.Env())->task();
  return Napi::Number::New(info.Env(), tasks().descriptor(own));
}

// mailboxState() gives the bits of TaskRegistry::State for this thread.
Napi::Value mailbox_state(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), tasks().state(Environment::of(info.Env())->task()));
}

// listen(yes) has Node's loop notify while a message waits, and keeps it alive for that.
void listen(const Napi::CallbackInfo& info) {
  Environment::of(info.Env())->listen(info[0].As<Napi::Boolean>().Value());
}

void cancel_task(const Napi::CallbackInfo& info) {
  done_or_throw(info.Env(), tasks().cancel(id_argument(info)));
}

void end_children(const Napi::CallbackInfo& info) {
  tasks().end_children(Environment::of(info.Env())->task());
}

template <typename Result>
void export_function(Napi::Object exports, const char* name,
                     Result (*function)(const Napi::CallbackInfo&)) {
  exports.Set(name, Napi::Function::New(exports.Env(), function, name));
}

}  // namespace

void define_task_functions(Napi::Object exports) {
  export_function(exports, "openMailbox", open_mailbox);
  export_function(exports, "adoptMailbox", adopt_mailbox);
  export_function(exports, "closeMailbox", close_mailbox);
  export_function(exports, "hasMailbox", has_mailbox);
  export_function(exports, "postMessage", post_message);
  export_function(exports, "takeMessage", take_message);
  export_function(exports, "mailboxFd", mailbox_fd);
  export_function(exports, "mailboxState", mailbox_state);
  export_function(exports, "listen", listen);
  export_function(exports, "cancelTask", cancel_task);
  export_function(exports, "endChildren", end_children);
}

}  // namespace dtls::node
