// Errors of the library: a kind (who is to blame), a Linux errno, a sentence.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "dtls/require_cpp20.hpp"

namespace dtls {

// ErrorKind says whose mistake an Error is, and so who can mend it.
enum class ErrorKind : std::uint8_t {
  kMisuse,        // the caller: a bad option, argument or state
  kMalformed,     // the peer sent bytes that no correct implementation sends
  kIncompatible,  // both sides are correct but have nothing in common
  kUntrusted,     // a certificate or name was not accepted
  kPeer,          // the peer ended the association with an alert
  kTimeout,       // time passed and nothing came
  kSystem,        // the operating system or the network refused
};

// Error is what a failed operation returns. It never contains a secret.
//   sys_errno: a Linux error number (EINVAL, ECONNREFUSED, ...), never 0
//   message:   a full sentence: who is to blame, what was expected, what to do
//   alert:     the TLS alert that was sent or received, if one was (RFC 5246 §7.2)
struct Error {
  ErrorKind kind = ErrorKind::kMisuse;
  int sys_errno = 0;
  std::string message;
  std::optional<std::uint8_t> alert;
};

// abort_without_value ends the process when a program reads the value of a failed Result: it prints
// the error's message to stderr, then aborts.
[[noreturn]] inline void abort_without_value(const Error& error) {
  std::fprintf(stderr, "dtls: the program read the value of a failed Result: %s\n",
               error.message.c_str());
  std::abort();
}

// Result is either a value or the Error that explains its absence. `*` and `->` on a failed Result
// print the error's message to stderr and abort: test the Result first. error() on a successful one
// throws std::bad_variant_access or std::bad_optional_access.
template <typename T>
class [[nodiscard]] Result {
 public:
  // NOLINTBEGIN(google-explicit-constructor): `return value;` and `return error;` are the point.
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}
  // NOLINTEND(google-explicit-constructor)

  explicit operator bool() const { return content_.index() == 0; }
  T& operator*() & { return *value(); }
  const T& operator*() const& { return *value(); }
  T&& operator*() && { return std::move(*value()); }
  T* operator->() { return value(); }
  const T* operator->() const { return value(); }
  Error& error() & { return std::get<1>(content_); }
  const Error& error() const& { return std::get<1>(content_); }
  Error&& error() && { return std::get<1>(std::move(content_)); }

 private:
  T* value() {
    if (auto* held = std::get_if<0>(&content_)) return held;
    abort_without_value(std::get<1>(content_));
  }
  const T* value() const {
    if (const auto* held = std::get_if<0>(&content_)) return held;
    abort_without_value(std::get<1>(content_));
  }

  std::variant<T, Error> content_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error)  // NOLINT(google-explicit-constructor): as above
      : error_(std::move(error)) {}

  explicit operator bool() const { return !error_.has_value(); }
  Error& error() & { return error_.value(); }
  const Error& error() const& { return error_.value(); }
  Error&& error() && { return std::move(error_).value(); }

 private:
  std::optional<Error> error_;
};

}  // namespace dtls
