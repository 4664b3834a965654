// ServerObject: a Server as JavaScript holds it.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "environment.hpp"
#include "socket_methods.hpp"

namespace dtls::node {

class ServerObject : public Napi::ObjectWrap<ServerObject>,
                     public SocketMethods<ServerObject>,
                     public Noticed {
 public:
  static Napi::Function define(Napi::Env env);

  explicit ServerObject(const Napi::CallbackInfo& info);
  ~ServerObject() override;

  Server& handle() { return *server_; }
  Napi::Value noticed() override { return Value(); }

 private:
  Napi::Value accept(const Napi::CallbackInfo& info);
  void add_identity(const Napi::CallbackInfo& info);
  Napi::Value fd(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  Napi::Value sock_name(const Napi::CallbackInfo& info);
  Napi::Value socket_error(const Napi::CallbackInfo& info);
  void notify(const Napi::CallbackInfo& info);
  Napi::Value take_failure(const Napi::CallbackInfo& info);
  Napi::Value watch(const Napi::CallbackInfo& info);
  void end_watch();

  std::shared_ptr<Environment> environment_;
  std::optional<Server> server_;
  std::optional<Environment::Id> watch_;
  std::deque<HandshakeFailure> failures_;  // not told yet
};

}  // namespace dtls::node
