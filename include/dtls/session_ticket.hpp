// SessionTicket: what a client resumes a session with (RFC 5077, RFC 8446 §4.6.1).
#pragma once

#include <memory>
#include <utility>

#include "dtls/require_cpp20.hpp"

namespace dtls {

// SessionTicket is a handle: copies are the same ticket, whose secrets are wiped when the last one
// goes. It is of use in this process only. Any thread.
class SessionTicket {
 public:
  struct Inside;
  explicit SessionTicket(std::shared_ptr<Inside> inside) : inside_(std::move(inside)) {}
  [[nodiscard]] Inside& inside() const { return *inside_; }  // for the library itself

 private:
  std::shared_ptr<Inside> inside_;
};

}  // namespace dtls
