// The shim's options in the words of the engine: settings, and the identity that is shown.
#pragma once

#include <memory>
#include <variant>

#include "bogo/options.hpp"
#include "dtls/error.hpp"
#include "handshake/settings.hpp"

namespace dtls::bogo {

// settings_of leaves out ticket_keys. Fails when the engine cannot do what is asked for.
std::variant<handshake::Settings, Unsupported> settings_of(const Options& options);

// load_identity reads the files of the credential that options ask for; null when they name none.
Result<std::shared_ptr<const handshake::Identity>> load_identity(const Options& options);

}  // namespace dtls::bogo
