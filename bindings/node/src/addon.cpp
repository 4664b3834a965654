// The addon's entry: module functions and classes.
#include <cstring>

#include <dlfcn.h>
#include <napi.h>

#include "connection_object.hpp"
#include "convert.hpp"
#include "environment.hpp"
#include "server_object.hpp"
#include "task_mailbox.hpp"

namespace dtls::node {
namespace {

std::string file_of(const void* address) {
  Dl_info found{};
  return dladdr(address, &found) != 0 && found.dli_fname != nullptr ? found.dli_fname : "";
}

// openssl tells which OpenSSL serves this addon: Node carries one too, and exports its symbols.
Napi::Value openssl(const Napi::CallbackInfo& info) {
  const auto runtime = openssl_runtime();
  const auto result = Napi::Object::New(info.Env());
  result.Set("version", Napi::String::New(info.Env(), runtime.version));
  result.Set("file", Napi::String::New(info.Env(), file_of(runtime.crypto_code)));
  result.Set("addon", Napi::String::New(info.Env(), file_of(reinterpret_cast<void*>(&openssl))));
  return result;
}

Napi::Value parse_address(const Napi::CallbackInfo& info) {
  const auto literal = info[0].As<Napi::String>().Utf8Value();
  const auto port = static_cast<std::uint16_t>(info[1].As<Napi::Number>().Uint32Value());
  auto address = value_or_throw(info.Env(), Address::parse(literal, port));
  if (info[2].IsNumber()) address.scope = info[2].As<Napi::Number>().Uint32Value();
  return to_js(info.Env(), address);
}

template <typename Member>
void export_method(Napi::Object exports, const char* name, Member member) {
  exports.Set(name, Napi::Function::New(
                        exports.Env(),
                        [member](const Napi::CallbackInfo& info) -> Napi::Value {
                          auto environment = Environment::of(info.Env());
                          if constexpr (std::is_void_v<decltype(((*environment).*member)(info))>) {
                            ((*environment).*member)(info);
                            return info.Env().Undefined();
                          } else {
                            return ((*environment).*member)(info);
                          }
                        },
                        name));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  // One OpenSSL must serve all of it, or structures of one would be handed to another.
  const auto runtime = openssl_runtime();
  const std::string own = file_of(reinterpret_cast<void*>(&openssl));
  if (file_of(runtime.crypto_code) != own) {
    throw Napi::Error::New(env, "the DTLS addon was bound to another program's OpenSSL (" +
                                    file_of(runtime.crypto_code) +
                                    "); rebuild it with its static OpenSSL archive");
  }

  const auto environment = Environment::of(env);
  const auto connection = ConnectionObject::define(env);
  environment->connection_class = Napi::Persistent(connection);
  exports.Set("Connection", connection);
  exports.Set("Server", ServerObject::define(env));

  export_method(exports, "wait", &Environment::wait);
  export_method(exports, "watch", &Environment::watch);
  export_method(exports, "unwatch", &Environment::unwatch);
  export_method(exports, "setNotify", &Environment::set_notify);
  export_method(exports, "turnNode", &Environment::turn_node);
  export_method(exports, "awaitSignals", &Environment::await_signals);
  exports.Set("adoptSignals", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                Environment::of(info.Env())->adopt_signals();
              }));
  exports.Set("uncaught", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                napi_fatal_exception(info.Env(), info[0]);
              }));
  exports.Set("ref", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                Environment::of(info.Env())->keep_alive(true);
              }));
  exports.Set("unref", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                Environment::of(info.Env())->keep_alive(false);
              }));
  exports.Set("wake", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                Environment::of(info.Env())->loop().stop();
              }));
  exports.Set("hasNotices", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                return Napi::Boolean::New(info.Env(), Environment::of(info.Env())->has_notices());
              }));
  exports.Set("takeNotice",
              Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                auto* next = Environment::of(info.Env())->take_notice();
                return next == nullptr ? info.Env().Undefined() : next->noticed();
              }));
  define_task_functions(exports);
  exports.Set("openssl", Napi::Function::New(env, openssl));
  exports.Set("parseAddress", Napi::Function::New(env, parse_address));
  exports.Set("errnoName", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                return Napi::String::New(info.Env(),
                                         errno_name(info[0].As<Napi::Number>().Int32Value()));
              }));
  exports.Set("errnoMessage", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                const char* text = strerrordesc_np(info[0].As<Napi::Number>().Int32Value());
                return Napi::String::New(info.Env(), text == nullptr ? "Unknown error" : text);
              }));
  return exports;
}

}  // namespace

// NOLINTNEXTLINE: the macro's own code
NODE_API_MODULE(dtls_node, init)

}  // namespace dtls::node
