#include "server_object.hpp"

#include <cerrno>
#include <utility>

#include "connection_object.hpp"
#include "protocol.hpp"

namespace dtls::node {

Napi::Function ServerObject::define(Napi::Env env) {
  auto properties = socket_properties<ServerObject>();
  properties.insert(properties.end(), {InstanceAccessor<&ServerObject::fd>("fd"),
                                       InstanceMethod("accept", &ServerObject::accept),
                                       InstanceMethod("addIdentity", &ServerObject::add_identity),
                                       InstanceMethod("close", &ServerObject::close),
                                       InstanceMethod("sockName", &ServerObject::sock_name),
                                       InstanceMethod("socketError", &ServerObject::socket_error),
                                       InstanceMethod("notify", &ServerObject::notify),
                                       InstanceMethod("takeFailure", &ServerObject::take_failure),
                                       InstanceMethod("watch", &ServerObject::watch)});
  return DefineClass(env, "Server", properties);
}

ServerObject::ServerObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<ServerObject>(info), environment_(Environment::of(info.Env())) {
  const auto options = info[0].As<Napi::Object>();
  ServerConfig config;
  config.name = text_field(options, "name");
  config.ca = bytes_field(options, "ca");
  config.select_by_address = bool_field(options, "ipcert", false);
  config.renegotiate = bool_field(options, "renegotiate", false);
  config.key_log_file = text_field(options, "keyLogFile");
  config.limits = limits_field(options);
  read_protocol(options, config);
  config.handshake_timeout = duration_field(options, "handshakeTimeout", config.handshake_timeout);
  const auto address = to_address(info[1]);
  config.identity = identity_fields(options);
  config.cookie_secret = bytes_field(options, "cookieSecret");
  auto listening = Server::listen(environment_->loop(), config, address);
  wipe(config.identity);
  wipe(config.cookie_secret);
  server_.emplace(value_or_throw(info.Env(), std::move(listening)));
  environment_->enter(this, Environment::Kind::kServer);
}

ServerObject::~ServerObject() {
  environment_->leave(this);
  environment_->withdraw_notice(this);
  end_watch();
}

Napi::Value ServerObject::accept(const Napi::CallbackInfo& info) {
  auto accepted = server_->accept(Duration::zero());
  if (!accepted && accepted.error().sys_errno == EAGAIN) return info.Env().Undefined();
  return ConnectionObject::wrap(info.Env(), value_or_throw(info.Env(), std::move(accepted)));
}

void ServerObject::add_identity(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  HostIdentityConfig config;
  config.host = text_field(options, "name");
  config.ca = bytes_field(options, "ca");
  config.identity = identity_fields(options);
  const auto added = server_->add_identity(config);
  wipe(config.identity);
  done_or_throw(info.Env(), added);
}

Napi::Value ServerObject::fd(const Napi::CallbackInfo& info) {
  Environment::of(info.Env())->require(info.Env(), this, Environment::Kind::kServer);
  return Napi::Number::New(info.Env(), server_->descriptor());
}

void ServerObject::close(const Napi::CallbackInfo& /*info*/) {
  end_watch();
  environment_->withdraw_notice(this);
  failures_.clear();
  server_->close();
}

Napi::Value ServerObject::sock_name(const Napi::CallbackInfo& info) {
  return to_js(info.Env(), server_->local_address());
}

Napi::Value ServerObject::socket_error(const Napi::CallbackInfo& info) {
  auto options = server_->socket_options();
  return Napi::Number::New(info.Env(), options ? options->take_error() : 0);
}

void ServerObject::notify(const Napi::CallbackInfo& info) {
  if (!info[0].As<Napi::Boolean>().Value()) {
    server_->on_handshake_failed({});
    failures_.clear();
    return;
  }
  server_->on_handshake_failed([this](const HandshakeFailure& failure) {
    constexpr std::size_t kMost = 1024;  // as the server itself keeps
    if (failures_.size() < kMost) failures_.push_back(failure);
    environment_->add_notice(this);
  });
}

Napi::Value ServerObject::take_failure(const Napi::CallbackInfo& info) {
  if (failures_.empty()) return info.Env().Undefined();
  const auto failure = std::move(failures_.front());
  failures_.pop_front();
  // The callback for this failure may throw: the others have a notice of their own.
  if (!failures_.empty()) environment_->add_notice(this);
  auto error = to_js(info.Env(), failure.error);
  error.Set("peer", to_js(info.Env(), failure.peer));
  if (!failure.psk_identity.empty()) {
    error.Set("pskIdentity", bytes_or_text(info.Env(), failure.psk_identity));
  }
  if (!failure.subject.empty()) {
    error.Set("subject", Napi::String::New(info.Env(), failure.subject));
  }
  return error.Value();
}

Napi::Value ServerObject::watch(const Napi::CallbackInfo& info) {
  end_watch();
  const auto id = environment_->new_id();
  auto report = environment_->reporter(id);
  server_->on_acceptable(std::move(report));
  environment_->remember(id, [this] { server_->on_acceptable({}); });
  watch_ = id;
  return Napi::Number::New(info.Env(), id);
}

void ServerObject::end_watch() {
  if (watch_) environment_->forget(*std::exchange(watch_, std::nullopt));
}

}  // namespace dtls::node
