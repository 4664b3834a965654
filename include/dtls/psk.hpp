// Pre-shared keys: both sides know a key before the handshake, and need no certificates
// (RFC 4279, RFC 5489, RFC 8446 §2.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "dtls/error.hpp"

namespace dtls {

// The longest identity: twice of what every implementation must take (RFC 4279 §5.3), and short
// enough for a ClientHello of one datagram. The longest key, which RFC 4279 §5.3 names as well.
inline constexpr std::size_t kMaxPskIdentity = 256;
inline constexpr std::size_t kMaxPskKey = 64;

// Psk is a key and the name that is told of it in the clear. The key is wiped when the Psk goes,
// and so is each copy's. Use keys of 16 random bytes or more: who has recorded a handshake without
// ephemeral keys can try out weaker ones at leisure (RFC 9257 §6).
class Psk {
 public:
  // make fails with EINVAL for an identity that has not 1 to 256 bytes or a key that has not 1 to
  // 64; the message never has the key.
  static Result<Psk> make(std::string identity, std::span<const std::byte> key);
  ~Psk();
  Psk(const Psk&) = default;
  Psk& operator=(const Psk&) = default;

  [[nodiscard]] const std::string& identity() const { return identity_; }
  [[nodiscard]] std::span<const std::byte> key() const { return std::span(key_).first(size_); }

 private:
  explicit Psk(std::string identity) : identity_(std::move(identity)) {}

  std::string identity_;
  std::array<std::byte, kMaxPskKey> key_{};
  std::uint8_t size_ = 0;
};

// PskAnswer: there is no such key; the answer comes later, with provide_psk; or the key.
struct NoPsk {};
struct PskLater {};
using PskAnswer = std::variant<NoPsk, PskLater, Psk>;

// PskCallback is asked for a key while a handshake runs, on the thread that drives it. It must not
// call back into the session or connection, nor throw.
//   server: `identity` is what the client calls its key, 1 to 256 bytes that come from anybody; the
//     answer's own identity does not matter
//   client: `identity` is the server's hint in DTLS 1.2 (RFC 4279 §5.2), mostly empty. Where DTLS
//     1.3 is offered it is asked without a hint before the first datagram, and again if the server
//     speaks 1.2.
using PskCallback = std::function<PskAnswer(std::string_view identity)>;

}  // namespace dtls
