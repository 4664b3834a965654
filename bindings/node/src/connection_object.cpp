#include "connection_object.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "protocol.hpp"

namespace dtls::node {

Napi::Function ConnectionObject::define(Napi::Env env) {
  auto properties = socket_properties<ConnectionObject>();
  properties.insert(
      properties.end(),
      {StaticMethod("connect", &ConnectionObject::connect),
       StaticMethod("fromFd", &ConnectionObject::from_fd),
       InstanceAccessor<&ConnectionObject::state>("state"),
       InstanceAccessor<&ConnectionObject::fd>("fd"),
       InstanceMethod("info", &ConnectionObject::connection_info),
       InstanceMethod("failure", &ConnectionObject::failure),
       InstanceMethod("send", &ConnectionObject::send),
       InstanceMethod("recv", &ConnectionObject::recv),
       InstanceMethod("sendMany", &ConnectionObject::send_many),
       InstanceMethod("recvMany", &ConnectionObject::recv_many),
       InstanceMethod("pending", &ConnectionObject::pending),
       InstanceMethod("close", &ConnectionObject::close),
       InstanceMethod("abort", &ConnectionObject::abort),
       InstanceMethod("renegotiate", &ConnectionObject::renegotiate),
       InstanceMethod("updateKeys", &ConnectionObject::update_keys),
       InstanceMethod("exportKeyingMaterial", &ConnectionObject::export_keying_material),
       InstanceMethod("notify", &ConnectionObject::notify),
       InstanceMethod("repeatNotice", &ConnectionObject::repeat_notice),
       InstanceMethod("takeEstablished", &ConnectionObject::take_established),
       InstanceMethod("wantedPsk", &ConnectionObject::wanted_psk),
       InstanceMethod("providePsk", &ConnectionObject::provide_psk),
       InstanceMethod("takeTicket", &ConnectionObject::take_ticket),
       InstanceMethod("flyAway", &ConnectionObject::fly_away),
       InstanceMethod("sockName", &ConnectionObject::sock_name),
       InstanceMethod("peerName", &ConnectionObject::peer_name),
       InstanceMethod("socketError", &ConnectionObject::socket_error),
       InstanceMethod("watch", &ConnectionObject::watch),
       InstanceMethod("watchWritable", &ConnectionObject::watch_writable)});
  return DefineClass(env, "Connection", properties);
}

// The constructor is JavaScript's to call as well, so it finds its connection where only wrap puts
// one.
Napi::Object ConnectionObject::wrap(Napi::Env env, Connection connection) {
  const auto environment = Environment::of(env);
  struct Lent {
    Environment& environment;
    ~Lent() { environment.unwrapped = nullptr; }
  } const lent{*environment};
  environment->unwrapped = &connection;
  return environment->connection_class.New({});
}

ConnectionObject::ConnectionObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<ConnectionObject>(info), environment_(Environment::of(info.Env())) {
  Connection* const connection = std::exchange(environment_->unwrapped, nullptr);
  if (connection == nullptr) {
    throw Napi::TypeError::New(info.Env(), "a Connection is made by connect() or accept()");
  }
  connection_.emplace(std::move(*connection));
  environment_->enter(this, Environment::Kind::kConnection);
}

ConnectionObject::~ConnectionObject() {
  environment_->leave(this);
  environment_->withdraw_notice(this);
  end_watches();
}

Napi::Value ConnectionObject::connect(const Napi::CallbackInfo& info) {
  const auto options = info[0].As<Napi::Object>();
  ClientConfig config;
  config.verify = bool_field(options, "rejectUnauthorized", false);
  config.load_system_trust = bool_field(options, "loadDefaultCerts", false);
  config.ca = bytes_field(options, "ca");
  config.server_name = text_field(options, "server");
  config.renegotiate = bool_field(options, "renegotiate", false);
  config.key_log_file = text_field(options, "keyLogFile");
  read_protocol(options, config);
  config.handshake_timeout = duration_field(options, "handshakeTimeout", config.handshake_timeout);
  const auto address = to_address(info[1]);
  config.identity = identity_fields(options);
  auto connection = Client::start(Environment::of(info.Env())->loop(), config, address);
  wipe(config.identity);
  return wrap(info.Env(), value_or_throw(info.Env(), std::move(connection)));
}

Napi::Value ConnectionObject::from_fd(const Napi::CallbackInfo& info) {
  const auto name = info[0].As<Napi::String>().Utf8Value();
  const int fd = info[1].As<Napi::Number>().Int32Value();
  // A timeout of 0 asks for what is done already; the session has no use for none at all.
  const auto timeout = std::max(Duration(info[2].As<Napi::Number>().Int64Value()), Duration(1));
  auto connection =
      Connection::from_descriptor(Environment::of(info.Env())->loop(), name, fd, timeout);
  return wrap(info.Env(), value_or_throw(info.Env(), std::move(connection)));
}

Napi::Value ConnectionObject::state(const Napi::CallbackInfo& info) {
  Environment::of(info.Env())->require(info.Env(), this, Environment::Kind::kConnection);
  return Napi::Number::New(info.Env(), static_cast<int>(connection_->state()));
}

Napi::Value ConnectionObject::connection_info(const Napi::CallbackInfo& info) {
  const auto env = info.Env();
  const auto agreed = connection_->negotiated();
  const auto object = agreed ? to_js(env, *agreed).As<Napi::Object>() : Napi::Object::New(env);
  const auto& verification = connection_->verification();
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) object.Set(name, Napi::String::New(env, value));
  };
  object.Set("authorized", Napi::Boolean::New(env, verification.authorized));
  text("authorizationError", verification.reason);
  text("peerCertificate", verification.certificate);
  return object;
}

Napi::Value ConnectionObject::failure(const Napi::CallbackInfo& info) {
  const Error* error = connection_->failure();
  return error == nullptr ? info.Env().Undefined() : to_js(info.Env(), *error).Value();
}

Napi::Value ConnectionObject::send(const Napi::CallbackInfo& info) {
  const auto sent = connection_->try_send(bytes_argument(info));
  return Napi::Number::New(info.Env(), sent ? static_cast<double>(*sent) : -sent.error().sys_errno);
}

Napi::Value ConnectionObject::recv(const Napi::CallbackInfo& info) {
  const auto got = connection_->try_recv(bytes_argument(info));
  const double result = !got        ? -got.error().sys_errno
                        : *got == 0 ? -EAGAIN
                                    : static_cast<double>(*got);
  return Napi::Number::New(info.Env(), result);
}

// (list of Uint8Arrays, index of the first): how many were sent, or -errno if the first was not.
Napi::Value ConnectionObject::send_many(const Napi::CallbackInfo& info) {
  const auto list = info[0].As<Napi::Array>();
  const std::uint32_t first = info[1].As<Napi::Number>().Uint32Value();
  // Bounded: a list that fills the socket's buffer is sent in parts.
  constexpr std::uint32_t kMost = 256;
  const std::uint32_t size = list.Length();
  std::vector<Napi::Value> values;
  for (std::uint32_t i = first; i < size && values.size() < kMost; ++i)
    values.push_back(list[i]);
  // From here on no JavaScript runs that could take the bytes away.
  std::vector<std::span<const std::byte>> messages;
  messages.reserve(values.size());
  for (const Napi::Value& value : values)
    messages.push_back(bytes_of(value));
  const auto sent = connection_->send_many(messages);
  return Napi::Number::New(info.Env(), sent ? static_cast<double>(*sent) : -sent.error().sys_errno);
}

// (slab, offset, ends): copies the messages that were received into the slab from the offset on,
// and writes where each ends. Stops where a message might not fit. How many, or -errno if there is
// none.
Napi::Value ConnectionObject::recv_many(const Napi::CallbackInfo& info) {
  std::size_t at = info[1].As<Napi::Number>().Uint32Value();
  const auto slab = bytes_of(info[0]);
  const auto ends = words_of(info[2]);
  std::size_t count = 0;
  for (; count < ends.size() && at < slab.size() && slab.size() - at >= kMaxMessage; ++count) {
    const auto got = connection_->try_recv(slab.subspan(at));
    if (!got) {
      if (count == 0) return Napi::Number::New(info.Env(), -got.error().sys_errno);
      break;
    }
    at += *got;
    ends[count] = static_cast<std::uint32_t>(at);
  }
  return Napi::Number::New(info.Env(), static_cast<double>(count));
}

Napi::Value ConnectionObject::pending(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(connection_->pending()));
}

Napi::Value ConnectionObject::fd(const Napi::CallbackInfo& info) {
  Environment::of(info.Env())->require(info.Env(), this, Environment::Kind::kConnection);
  if (connection_->state() == Connection::State::kClosed) return Napi::Number::New(info.Env(), -1);
  return Napi::Number::New(info.Env(), value_or_throw(info.Env(), connection_->descriptor()));
}

void ConnectionObject::close(const Napi::CallbackInfo& /*info*/) {
  end_watches();
  end_notices();
  connection_->close();
}

void ConnectionObject::abort(const Napi::CallbackInfo& /*info*/) {
  end_watches();
  end_notices();
  connection_->abort();
}

void ConnectionObject::renegotiate(const Napi::CallbackInfo& info) {
  done_or_throw(info.Env(), connection_->renegotiate());
}

void ConnectionObject::update_keys(const Napi::CallbackInfo& info) {
  done_or_throw(info.Env(), connection_->update_keys(info[0].As<Napi::Boolean>().Value()));
}

void ConnectionObject::export_keying_material(const Napi::CallbackInfo& info) {
  const auto label = info[1].As<Napi::String>().Utf8Value();
  const auto out = bytes_of(info[0]);
  std::optional<std::span<const std::byte>> context;
  if (!info[2].IsUndefined()) context = bytes_of(info[2]);
  done_or_throw(info.Env(), connection_->export_keying_material(label, context, out));
}

void ConnectionObject::notify(const Napi::CallbackInfo& /*info*/) {
  const auto tell = [this] { environment_->add_notice(this); };
  connection_->on_psk_wanted(tell);
  connection_->on_ticket(tell);
  connection_->on_established([this, tell] {
    established_ = true;
    tell();
  });
}

void ConnectionObject::repeat_notice(const Napi::CallbackInfo& /*info*/) {
  if (connection_->state() != Connection::State::kClosed) environment_->add_notice(this);
}

Napi::Value ConnectionObject::take_established(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), std::exchange(established_, false));
}

Napi::Value ConnectionObject::wanted_psk(const Napi::CallbackInfo& info) {
  const auto& identity = connection_->wanted_psk();
  return identity ? bytes_or_text(info.Env(), *identity) : info.Env().Undefined();
}

void ConnectionObject::provide_psk(const Napi::CallbackInfo& info) {
  connection_->provide_psk(to_psk(info[0]));
}

Napi::Value ConnectionObject::take_ticket(const Napi::CallbackInfo& info) {
  auto ticket = connection_->take_ticket();
  return ticket ? environment_->keep(info.Env(), std::move(*ticket)) : info.Env().Undefined();
}

void ConnectionObject::fly_away(const Napi::CallbackInfo& /*info*/) {
  end_watches();
  end_notices();
  connection_->fly_away();
}

Napi::Value ConnectionObject::sock_name(const Napi::CallbackInfo& info) {
  return to_js(info.Env(), connection_->local_address());
}

Napi::Value ConnectionObject::peer_name(const Napi::CallbackInfo& info) {
  return to_js(info.Env(), connection_->peer_address());
}

Napi::Value ConnectionObject::socket_error(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), connection_->take_socket_error());
}

Napi::Value ConnectionObject::watch_writable(const Napi::CallbackInfo& info) {
  const auto id = environment_->new_id();
  if (writable_) environment_->forget(*std::exchange(writable_, std::nullopt));
  connection_->on_writable(environment_->reporter(id));
  environment_->remember(id, [this] { connection_->on_writable({}); });
  writable_ = id;
  return Napi::Number::New(info.Env(), id);
}

Napi::Value ConnectionObject::watch(const Napi::CallbackInfo& info) {
  const auto id = environment_->new_id();
  const bool settles = to_interest(info[0]) == Interest::kWrite;
  auto& earlier = settles ? settled_ : readable_;
  if (earlier) environment_->forget(*std::exchange(earlier, std::nullopt));
  if (settles) {
    connection_->on_settled(environment_->reporter(id));
    environment_->remember(id, [this] { connection_->on_settled({}); });
    settled_ = id;
  } else {
    connection_->on_readable(environment_->reporter(id));
    environment_->remember(id, [this] { connection_->on_readable({}); });
    readable_ = id;
  }
  return Napi::Number::New(info.Env(), id);
}

void ConnectionObject::end_watches() {
  if (readable_) environment_->forget(*std::exchange(readable_, std::nullopt));
  if (settled_) environment_->forget(*std::exchange(settled_, std::nullopt));
  if (writable_) environment_->forget(*std::exchange(writable_, std::nullopt));
}

void ConnectionObject::end_notices() {
  environment_->withdraw_notice(this);
  established_ = false;
}

}  // namespace dtls::node
