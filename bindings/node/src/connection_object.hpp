// ConnectionObject: a Connection as JavaScript holds it.
#pragma once

#include <memory>
#include <optional>

#include "environment.hpp"
#include "socket_methods.hpp"

namespace dtls::node {

class ConnectionObject : public Napi::ObjectWrap<ConnectionObject>,
                         public SocketMethods<ConnectionObject>,
                         public Noticed {
 public:
  static Napi::Function define(Napi::Env env);
  // wrap makes the JavaScript object of a connection.
  static Napi::Object wrap(Napi::Env env, Connection connection);

  explicit ConnectionObject(const Napi::CallbackInfo& info);  // by wrap only
  ~ConnectionObject() override;

  Connection& handle() { return *connection_; }
  Napi::Value noticed() override { return Value(); }

 private:
  static Napi::Value connect(const Napi::CallbackInfo& info);
  static Napi::Value from_fd(const Napi::CallbackInfo& info);
  Napi::Value state(const Napi::CallbackInfo& info);
  Napi::Value connection_info(const Napi::CallbackInfo& info);
  Napi::Value failure(const Napi::CallbackInfo& info);
  Napi::Value send(const Napi::CallbackInfo& info);
  Napi::Value recv(const Napi::CallbackInfo& info);
  Napi::Value send_many(const Napi::CallbackInfo& info);
  Napi::Value recv_many(const Napi::CallbackInfo& info);
  Napi::Value pending(const Napi::CallbackInfo& info);
  Napi::Value fd(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);
  void abort(const Napi::CallbackInfo& info);
  void renegotiate(const Napi::CallbackInfo& info);
  void fly_away(const Napi::CallbackInfo& info);
  Napi::Value sock_name(const Napi::CallbackInfo& info);
  Napi::Value peer_name(const Napi::CallbackInfo& info);
  Napi::Value socket_error(const Napi::CallbackInfo& info);
  void update_keys(const Napi::CallbackInfo& info);
  void export_keying_material(const Napi::CallbackInfo& info);
  void notify(const Napi::CallbackInfo& info);
  void repeat_notice(const Napi::CallbackInfo& info);
  Napi::Value take_established(const Napi::CallbackInfo& info);
  Napi::Value wanted_psk(const Napi::CallbackInfo& info);
  void provide_psk(const Napi::CallbackInfo& info);
  Napi::Value take_ticket(const Napi::CallbackInfo& info);
  Napi::Value watch(const Napi::CallbackInfo& info);
  Napi::Value watch_writable(const Napi::CallbackInfo& info);
  void end_watches();
  void end_notices();

  std::shared_ptr<Environment> environment_;
  std::optional<Connection> connection_;
  std::optional<Environment::Id> readable_;
  std::optional<Environment::Id> settled_;
  std::optional<Environment::Id> writable_;
  bool established_ = false;  // not told yet
};

}  // namespace dtls::node
