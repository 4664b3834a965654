// What the runner wants to have been negotiated, against what was.
#pragma once

#include <optional>
#include <string>

#include "bogo/engine_adapter.hpp"
#include "bogo/options.hpp"

namespace dtls::bogo {

// check_agreed gives the first expectation that is not met.
std::optional<std::string> check_agreed(const Options& options, bool is_resumption,
                                        const Agreed& agreed);

}  // namespace dtls::bogo
