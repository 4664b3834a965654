// Options about the protocol, and what was negotiated, between JavaScript and the library.
#pragma once

#include <napi.h>
#include <dtls/dtls.hpp>

namespace dtls::node {

// read_protocol reads the options that servers and clients have in common; JavaScript has checked
// them (lib/core/protocol.js). What is absent has the library's default.
void read_protocol(const Napi::Object& options, ServerConfig& config);
void read_protocol(const Napi::Object& options, ClientConfig& config);

// to_psk reads {identity, key}; nullopt for undefined. Throws where it is no key.
std::optional<Psk> to_psk(const Napi::Value& value);

Napi::Value to_js(Napi::Env env, const Negotiated& agreed);

}  // namespace dtls::node
