// What servers' and clients' configurations have in common about the protocol, checked and turned
// into settings of the engine.
#pragma once

#include "dtls/config.hpp"
#include "handshake/settings.hpp"

namespace dtls::association {

// check_handshake_timeout fails with EINVAL: above 0 ms, at most 24 hours.
Result<void> check_handshake_timeout(Duration timeout);
// apply_protocol fails with EINVAL; the message names the option and what is expected.
Result<void> apply_protocol(handshake::Settings& settings, const ServerConfig& config);
Result<void> apply_protocol(handshake::Settings& settings, const ClientConfig& config);

}  // namespace dtls::association
