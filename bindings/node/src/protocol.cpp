#include "protocol.hpp"

#include "convert.hpp"

namespace dtls::node {
namespace {

std::optional<ProtocolVersion> version_field(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  if (!value.IsNumber()) return std::nullopt;
  return value.As<Napi::Number>().Int32Value() == 1 ? ProtocolVersion::kDtls13
                                                    : ProtocolVersion::kDtls12;
}

template <typename Config>
void read(const Napi::Object& options, Config& config) {
  if (const auto version = version_field(options, "minVersion")) config.versions.min = *version;
  config.versions.max = version_field(options, "maxVersion");
}

}  // namespace

void read_protocol(const Napi::Object& options, ServerConfig& config) {
  read(options, config);
}

void read_protocol(const Napi::Object& options, ClientConfig& config) {
  read(options, config);
}

Napi::Value to_js(Napi::Env env, const Negotiated& agreed) {
  const auto object = Napi::Object::New(env);
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) object.Set(name, Napi::String::New(env, value));
  };
  object.Set("version", Napi::Number::New(env, static_cast<int>(agreed.version)));
  text("cipher", agreed.cipher_suite);
  text("group", agreed.group);
  object.Set("resumed", Napi::Boolean::New(env, agreed.resumed));
  object.Set("maxMessage", Napi::Number::New(env, static_cast<double>(agreed.max_message)));
  return object;
}

}  // namespace dtls::node
