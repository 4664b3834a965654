#include "convert.hpp"

#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace dtls::node {
namespace {

constexpr double kDomainIpv6 = 10;  // AF_INET6 of Linux, as Dtls.AF_INET6

}  // namespace

std::string errno_name(int number) {
  const char* name = strerrorname_np(number);
  return name == nullptr ? "" : name;
}

Napi::Error to_js(Napi::Env env, const Error& error) {
  auto made = Napi::Error::New(env, error.message);
  made.Set("errno", Napi::Number::New(env, error.sys_errno));
  made.Set("code", Napi::String::New(env, errno_name(error.sys_errno)));
  if (error.alert) made.Set("alert", Napi::Number::New(env, *error.alert));
  return made;
}

void throw_error(Napi::Env env, const Error& error) {
  throw to_js(env, error);
}

Interest to_interest(const Napi::Value& value) {
  switch (value.As<Napi::Number>().Int32Value()) {
    case 1:
      return Interest::kWrite;
    case 2:
      return Interest::kExcept;
    default:
      return Interest::kRead;
  }
}

Address to_address(const Napi::Value& value) {
  const auto object = value.As<Napi::Object>();
  const auto port = object.Get("port").As<Napi::Number>().Uint32Value();
  return value_or_throw(
      value.Env(), Address::parse(text_field(object, "addr"), static_cast<std::uint16_t>(port)));
}

Napi::Object to_js(Napi::Env env, const Address& address) {
  const auto object = Napi::Object::New(env);
  const bool is_ipv6 = address.family == Address::Family::kIpv6;
  object.Set("domain", Napi::Number::New(env, is_ipv6 ? kDomainIpv6 : 2));
  object.Set("addr", Napi::String::New(env, address.host()));
  object.Set("port", Napi::Number::New(env, address.port));
  if (address.scope != 0) object.Set("scope", Napi::Number::New(env, address.scope));
  return object;
}

std::string text_field(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

bool bool_field(const Napi::Object& options, const char* name, bool otherwise) {
  const Napi::Value value = options.Get(name);
  return value.IsBoolean() ? value.As<Napi::Boolean>().Value() : otherwise;
}

Duration duration_field(const Napi::Object& options, const char* name, Duration otherwise) {
  const Napi::Value value = options.Get(name);
  return value.IsNumber() ? Duration(value.As<Napi::Number>().Int64Value()) : otherwise;
}

std::string bytes_field(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  if (!value.IsTypedArray()) return {};
  const auto bytes = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength()};
}

Limits limits_field(const Napi::Object& options) {
  Limits limits;
  const Napi::Value value = options.Get("limits");
  if (!value.IsObject()) return limits;
  const auto read = [object = value.As<Napi::Object>()](const char* name, std::size_t& limit) {
    const Napi::Value number = object.Get(name);
    if (number.IsNumber()) limit = static_cast<std::size_t>(number.As<Napi::Number>().Int64Value());
  };
  read("acceptQueue", limits.accept_queue);
  read("associations", limits.associations);
  read("associationsPerAddress", limits.associations_per_address);
  read("halfOpen", limits.half_open);
  read("halfOpenPerAddress", limits.half_open_per_address);
  return limits;
}

IdentityConfig identity_fields(const Napi::Object& options) {
  return {text_field(options, "cert"), text_field(options, "key"), text_field(options, "passwd")};
}

std::span<std::byte> bytes_of(const Napi::Value& value) {
  auto view = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<std::byte*>(view.Data()), view.ByteLength()};
}

std::span<std::byte> bytes_argument(const Napi::CallbackInfo& info) {
  const auto all = bytes_of(info[0]);
  const std::size_t offset =
      std::min(std::size_t{info[1].As<Napi::Number>().Uint32Value()}, all.size());
  const std::size_t length =
      std::min(std::size_t{info[2].As<Napi::Number>().Uint32Value()}, all.size() - offset);
  return all.subspan(offset, length);
}

}  // namespace dtls::node
