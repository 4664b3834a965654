// Lines for the key log (the labels are those of NSS's format).
#pragma once

#include <string>
#include <string_view>

#include "handshake/core.hpp"

namespace dtls::handshake {

// log_traffic logs both secrets of a stage of DTLS 1.3: "CLIENT_" and "SERVER_" before the label.
inline void log_traffic(Core& core, const Random& client_random, std::string_view label,
                        const TrafficSecrets& secrets) {
  if (!core.decisions->is_logged()) return;
  const std::string name(label);
  core.decisions->log_secret("CLIENT_" + name, client_random, secrets.client.view());
  core.decisions->log_secret("SERVER_" + name, client_random, secrets.server.view());
}

inline void log_secret(Core& core, const Random& client_random, std::string_view label,
                       const crypto::Secret& secret) {
  if (core.decisions->is_logged()) core.decisions->log_secret(label, client_random, secret.view());
}

}  // namespace dtls::handshake
