// Handle: names an association of an endpoint.
#pragma once

#include <cstdint>

namespace dtls::endpoint {

// Handle is an index into the endpoint's table of associations. The generation tells it from the
// handles of earlier associations with the same index. The default names none.
struct Handle {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;

  explicit operator bool() const { return generation != 0; }
  bool operator==(const Handle&) const = default;
};

}  // namespace dtls::endpoint
