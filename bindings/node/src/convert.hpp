// Between JavaScript values and the library's.
#pragma once

#include <napi.h>
#include <dtls/dtls.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dtls::node {

// to_js makes an Error object with errno, code, message and, where there was one, alert.
Napi::Error to_js(Napi::Env env, const Error& error);
[[noreturn]] void throw_error(Napi::Env env, const Error& error);

template <typename T>
T value_or_throw(Napi::Env env, Result<T> result) {
  if (!result) throw_error(env, result.error());
  return *std::move(result);
}
inline void done_or_throw(Napi::Env env, const Result<void>& result) {
  if (!result) throw_error(env, result.error());
}

// errno_name gives "EINVAL" for 22; "" for a number that has no name.
std::string errno_name(int number);

Interest to_interest(const Napi::Value& value);
Address to_address(const Napi::Value& value);  // {domain, addr, port}; throws
Napi::Object to_js(Napi::Env env, const Address& address);

// own_field gives a property of the object itself, undefined where it has none: what is on a
// prototype, which any code of the process can change, is not an option.
Napi::Value own_field(const Napi::Object& options, const char* name);
// Fields of an options object; absent ones give the default.
std::string text_field(const Napi::Object& options, const char* name);
bool bool_field(const Napi::Object& options, const char* name, bool otherwise);
Duration duration_field(const Napi::Object& options, const char* name, Duration otherwise);
// bytes_field gives the bytes of a Uint8Array, or a string's in UTF-8; empty where there is none.
std::string bytes_field(const Napi::Object& options, const char* name);
// limits_field reads `limits`; what is absent there has its default.
Limits limits_field(const Napi::Object& options);
// identity_fields reads `cert`, `key` and `passwd`: wipe them when they were used.
IdentityConfig identity_fields(const Napi::Object& options);
void wipe(IdentityConfig& identity) noexcept;
void wipe(std::string& text) noexcept;

// bytes_of gives the bytes of a Uint8Array, none of one that is detached. Throws for whatever else.
// They are valid until JavaScript runs again.
std::span<std::byte> bytes_of(const Napi::Value& value);

// words_of is bytes_of for a Uint32Array.
std::span<std::uint32_t> words_of(const Napi::Value& value);

// bytes_or_text makes a string where the bytes are UTF-8, else a Buffer.
Napi::Value bytes_or_text(Napi::Env env, std::string_view bytes);

// bytes_argument is (buffer, offset, length) at position 0 of a call, checked by JavaScript before
// and clamped here all the same.
std::span<std::byte> bytes_argument(const Napi::CallbackInfo& info);

}  // namespace dtls::node
