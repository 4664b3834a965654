// Slot: the associations of one peer address.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>

#include "endpoint/opening.hpp"
#include "wire/client_hello.hpp"

namespace dtls::endpoint {

// Elsewhere names an association that has moved to another thread, by a number that is used once.
struct Elsewhere {
  std::uint64_t id = 0;
  bool operator==(const Elsewhere&) const = default;
};

// Place says where an association is: nowhere (there is none), here, or in another thread.
using Place = std::variant<std::monostate, Handle, Elsewhere>;

// Slot holds what the endpoint knows of one peer address. At most one association is current. A
// peer that begins anew (RFC 6347 §4.2.8) first waits to be accepted (`opening`); the association
// it gets is the candidate until its handshake has finished, and becomes the current one then.
// Unless it does, the current one goes on.
struct Slot {
  struct Served {
    Place place;
    wire::HelloMark mark = 0;  // of the hello that it began with

    explicit operator bool() const { return place.index() != 0; }
  };

  Served current;
  std::unique_ptr<Served> candidate;  // rare, as the next one
  std::unique_ptr<Opening> opening;

  [[nodiscard]] const Served& newest() const { return candidate ? *candidate : current; }
  [[nodiscard]] bool is_candidate(const Place& place) const {
    return candidate && candidate->place == place;
  }
  [[nodiscard]] bool is_free() const { return !current && !candidate && !opening; }
};

}  // namespace dtls::endpoint
