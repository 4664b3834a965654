// Path: the two addresses that a datagram travels between.
#pragma once

#include "dtls/address.hpp"

namespace dtls {

// Path tells where a datagram came from, or goes to. `local` is this host's address; the wildcard
// address leaves the choice to the system.
struct Path {
  Address local;
  Address peer;

  bool operator==(const Path&) const = default;
};

}  // namespace dtls
