// The certificates of the fuzzers, the same in every run.
#pragma once

#include <cstdint>
#include <memory>

#include "dtls/config.hpp"
#include "handshake/settings.hpp"

namespace dtls::fuzz {

enum class KeyKind : std::uint8_t { kP256, kEd25519 };

// authority is who issued both, as PEM.
const char* authority();
IdentityConfig identity_config(KeyKind kind);
std::shared_ptr<const handshake::Identity> identity(KeyKind kind);

}  // namespace dtls::fuzz
