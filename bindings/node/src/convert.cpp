#include "convert.hpp"

#include <uv.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace dtls::node {
namespace {

constexpr double kDomainIpv6 = 10;  // AF_INET6 of Linux, as Dtls.AF_INET6

// RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  for (std::size_t at = 0; at < text.size();) {
    const unsigned first = byte(at);
    const std::size_t rest = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || rest >= text.size() - at) return false;
    for (std::size_t i = 1; i <= rest; ++i) {
      if ((byte(at + i) & 0xc0U) != 0x80) return false;
    }
    if (rest > 1) {
      const unsigned second = byte(at + 1);
      if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
          (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
        return false;
      }
    }
    at += rest + 1;
  }
  return true;
}

// The library names options as C++ programs write them.
std::string in_names_of_the_module(std::string_view message) {
  static constexpr std::string_view kIntroduction = "option `";
  static constexpr std::array kNames{
      std::pair{std::string_view("psks"), std::string_view("psk")},
      std::pair{std::string_view("srtp_profiles"), std::string_view("srtp")},
      std::pair{std::string_view("versions"), std::string_view("minVersion")},
      std::pair{std::string_view("ccm_suites"), std::string_view("ccm")}};
  std::string text;
  std::size_t from = 0;
  for (;;) {
    const std::size_t found = message.find(kIntroduction, from);
    if (found == std::string_view::npos) break;
    const std::size_t begin = found + kIntroduction.size();
    const std::size_t end = std::min(message.find('`', begin), message.size());
    const std::string_view name = message.substr(begin, end - begin);
    text += message.substr(from, begin - from);
    const auto* const other = std::ranges::find(kNames, name, &decltype(kNames)::value_type::first);
    if (other != kNames.end()) {
      text += other->second;
    } else {
      for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '_' || i + 1 == name.size()) {
          text += name[i];
        } else {
          text += static_cast<char>(std::toupper(static_cast<unsigned char>(name[++i])));
        }
      }
    }
    from = end;
  }
  text += message.substr(from);
  return text;
}

}  // namespace

std::string errno_name(int number) {
  const char* name = strerrorname_np(number);
  return name == nullptr ? "" : name;
}

Napi::Error to_js(Napi::Env env, const Error& error) {
  auto made = Napi::Error::New(env, in_names_of_the_module(error.message));
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
  const auto port = own_field(object, "port").As<Napi::Number>().Uint32Value();
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

Napi::Value own_field(const Napi::Object& options, const char* name) {
  return options.HasOwnProperty(name) ? options.Get(name) : options.Env().Undefined();
}

std::string text_field(const Napi::Object& options, const char* name) {
  const Napi::Value value = own_field(options, name);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

bool bool_field(const Napi::Object& options, const char* name, bool otherwise) {
  const Napi::Value value = own_field(options, name);
  return value.IsBoolean() ? value.As<Napi::Boolean>().Value() : otherwise;
}

Duration duration_field(const Napi::Object& options, const char* name, Duration otherwise) {
  const Napi::Value value = own_field(options, name);
  return value.IsNumber() ? Duration(value.As<Napi::Number>().Int64Value()) : otherwise;
}

std::string bytes_field(const Napi::Object& options, const char* name) {
  const Napi::Value value = own_field(options, name);
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  if (value.IsUndefined()) return {};
  const auto bytes = bytes_of(value);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Limits limits_field(const Napi::Object& options) {
  Limits limits;
  const Napi::Value value = own_field(options, "limits");
  if (!value.IsObject()) return limits;
  const auto read = [object = value.As<Napi::Object>()](const char* name, std::size_t& limit) {
    const Napi::Value number = own_field(object, name);
    if (number.IsNumber()) limit = static_cast<std::size_t>(number.As<Napi::Number>().Int64Value());
  };
  read("acceptQueue", limits.accept_queue);
  read("associations", limits.associations);
  read("associationsPerAddress", limits.associations_per_address);
  read("halfOpen", limits.half_open);
  read("halfOpenBytes", limits.half_open_bytes);
  read("halfOpenPerAddress", limits.half_open_per_address);
  return limits;
}

IdentityConfig identity_fields(const Napi::Object& options) {
  return {bytes_field(options, "cert"), bytes_field(options, "key"), text_field(options, "passwd")};
}

void wipe(IdentityConfig& identity) noexcept {
  wipe(identity.cert);
  wipe(identity.key);
  wipe(identity.passwd);
}

void wipe(std::string& text) noexcept {
  explicit_bzero(text.data(), text.size());
  text.clear();
}

namespace {

// elements_of gives the elements of a typed array of that type, none of one that is detached;
// nullopt for whatever else.
template <typename Element>
std::optional<std::span<Element>> elements_of(const Napi::Value& value,
                                              napi_typedarray_type expected) {
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, &type, &length, &data, nullptr, nullptr) !=
          napi_ok ||
      type != expected) {
    return {};
  }
  if (data == nullptr) return std::span<Element>();
  return std::span(static_cast<Element*>(data), length);
}

}  // namespace

std::span<std::byte> bytes_of(const Napi::Value& value) {
  if (const auto bytes = elements_of<std::byte>(value, napi_uint8_array)) return *bytes;
  throw Napi::TypeError::New(value.Env(), "the native part of the module expects a Uint8Array");
}

std::span<std::uint32_t> words_of(const Napi::Value& value) {
  if (const auto words = elements_of<std::uint32_t>(value, napi_uint32_array)) return *words;
  throw Napi::TypeError::New(value.Env(), "the native part of the module expects a Uint32Array");
}

std::span<std::byte> bytes_argument(const Napi::CallbackInfo& info) {
  // Numbers first: nothing may run between the look at the buffer and its use.
  const std::size_t from = info[1].As<Napi::Number>().Uint32Value();
  const std::size_t most = info[2].As<Napi::Number>().Uint32Value();
  const auto all = bytes_of(info[0]);
  const std::size_t offset = std::min(from, all.size());
  return all.subspan(offset, std::min(most, all.size() - offset));
}

Napi::Value bytes_or_text(Napi::Env env, std::string_view bytes) {
  if (is_utf8(bytes)) return Napi::String::New(env, bytes.data(), bytes.size());
  const auto buffer = Napi::Buffer<char>::Copy(env, bytes.data(), bytes.size());
  return {env, buffer};
}

}  // namespace dtls::node
