#include "protocol.hpp"

#include <cstdint>
#include <string>
#include <utility>

#include "convert.hpp"
#include "environment.hpp"

namespace dtls::node {
namespace {

std::optional<ProtocolVersion> version_field(const Napi::Object& options, const char* name) {
  const Napi::Value value = own_field(options, name);
  if (!value.IsNumber()) return std::nullopt;
  return value.As<Napi::Number>().Int32Value() == 1 ? ProtocolVersion::kDtls13
                                                    : ProtocolVersion::kDtls12;
}

std::optional<double> number_field(const Napi::Object& options, const char* name) {
  const Napi::Value value = own_field(options, name);
  if (!value.IsNumber()) return std::nullopt;
  return value.As<Napi::Number>().DoubleValue();
}

// More than any option can have: an array may be as long as its getters like.
constexpr std::uint32_t kMostElements = 65536;

// each calls `take` with the elements of an array; absent: none.
template <typename Take>
void each(const Napi::Object& options, const char* name, Take take) {
  const Napi::Value value = own_field(options, name);
  if (!value.IsArray()) return;
  const auto array = value.As<Napi::Array>();
  const std::uint32_t length = array.Length();
  if (length > kMostElements) {
    throw Napi::RangeError::New(options.Env(), std::string("there are too many of `") + name + "`");
  }
  for (std::uint32_t i = 0; i < length; ++i)
    take(static_cast<Napi::Value>(array[i]));
}

template <typename Config>
void read(const Napi::Object& options, Config& config) {
  if (const auto version = version_field(options, "minVersion")) config.versions.min = *version;
  config.versions.max = version_field(options, "maxVersion");
  each(options, "alpn", [&](const Napi::Value& name) {
    config.alpn.push_back(name.As<Napi::String>().Utf8Value());
  });
  each(options, "srtp", [&](const Napi::Value& number) {
    config.srtp_profiles.push_back(
        static_cast<SrtpProfile>(number.As<Napi::Number>().Uint32Value()));
  });
  config.ccm_suites = bool_field(options, "ccm", config.ccm_suites);
  config.tickets = bool_field(options, "tickets", config.tickets);
  if (const auto exchange = number_field(options, "pskKeyExchange")) {
    config.psk_key_exchange = *exchange == 2   ? PskKeyExchange::kAlone
                              : *exchange == 1 ? PskKeyExchange::kEither
                                               : PskKeyExchange::kWithDhe;
  }
  if (const auto limit = number_field(options, "recordSizeLimit")) {
    config.record_size_limit =
        *limit >= 0 && *limit <= UINT16_MAX ? static_cast<std::uint16_t>(*limit) : UINT16_MAX;
  }
  if (const auto mtu = number_field(options, "mtu")) {
    config.mtu = static_cast<std::uint16_t>(*mtu);
  }
  config.first_retransmission =
      duration_field(options, "firstRetransmission", config.first_retransmission);
  // JavaScript is asked later: nothing here calls into it.
  if (own_field(options, "pskCallback").IsFunction()) {
    config.psk_callback = [](std::string_view) -> PskAnswer { return PskLater{}; };
  }
}

Psk required_psk(const Napi::Value& value) {
  std::optional<Psk> psk = to_psk(value);
  if (!psk) {
    throw Napi::TypeError::New(value.Env(), "a pre-shared key is an object {identity, key}");
  }
  return *psk;
}

}  // namespace

void read_protocol(const Napi::Object& options, ServerConfig& config) {
  read(options, config);
  each(options, "psk", [&](const Napi::Value& psk) { config.psks.push_back(required_psk(psk)); });
}

void read_protocol(const Napi::Object& options, ClientConfig& config) {
  read(options, config);
  each(options, "psk", [&](const Napi::Value& psk) { config.psk = required_psk(psk); });
  const Napi::Value session = own_field(options, "session");
  if (session.IsUndefined()) return;
  const auto* const ticket = Environment::of(options.Env())->ticket_of(session);
  if (ticket == nullptr) throw Napi::TypeError::New(options.Env(), "`session` is no ticket");
  config.session = *ticket;
}

std::optional<Psk> to_psk(const Napi::Value& value) {
  if (!value.IsObject()) return std::nullopt;
  const auto object = value.As<Napi::Object>();
  auto identity = bytes_field(object, "identity");
  const Napi::Value key = own_field(object, "key");
  return value_or_throw(value.Env(), Psk::make(std::move(identity), bytes_of(key)));
}

Napi::Value to_js(Napi::Env env, const Negotiated& agreed) {
  const auto object = Napi::Object::New(env);
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) object.Set(name, Napi::String::New(env, value));
  };
  object.Set("version", Napi::Number::New(env, static_cast<int>(agreed.version)));
  text("cipher", agreed.cipher_suite);
  text("group", agreed.group);
  text("alpn", agreed.alpn);
  if (!agreed.psk_identity.empty()) {
    object.Set("pskIdentity", bytes_or_text(env, agreed.psk_identity));
  }
  if (agreed.srtp_profile) {
    object.Set("srtp", Napi::Number::New(env, static_cast<int>(*agreed.srtp_profile)));
  }
  object.Set("resumed", Napi::Boolean::New(env, agreed.resumed));
  object.Set("maxMessage", Napi::Number::New(env, static_cast<double>(agreed.max_message)));
  return object;
}

}  // namespace dtls::node
