// Scene: how an association under fuzz is set up, by the first bytes of its input.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "handshake/settings.hpp"
#include "harness/identities.hpp"
#include "harness/steps.hpp"

namespace dtls::fuzz {

enum class Role : std::uint8_t { kClient, kServer };

struct Scene {
  enum class Credentials : std::uint8_t { kP256, kEd25519, kPsk, kLatePsk };
  enum class ClientAuth : std::uint8_t { kNone, kAsked, kShown, kRequired };
  enum class Suites : std::uint8_t { kDefault, kAes256, kChaCha20, kCcm8 };

  // first byte
  std::uint8_t versions = 0;  // 1: DTLS 1.2 alone, 2: DTLS 1.3 alone, else both
  Credentials credentials{};
  ClientAuth client_auth{};
  bool renegotiates = false;
  bool resumes = false;  // both know a ticket of an earlier session
  // second byte
  bool retries = false;     // the server wants another group than the client's first
  bool is_proven = false;   // a cookie gate without memory has answered the first hello
  bool is_narrow = false;   // datagrams of 296 bytes
  bool has_extras = false;  // ALPN, SRTP, server name
  bool limits_records = false;
  Suites suites{};
  bool has_no_tickets = false;
  // third byte
  bool psk_alone = false;  // DTLS 1.3: without key agreement

  static Scene read(const std::array<std::byte, Input::kSceneSize>& bytes);
  [[nodiscard]] std::array<std::byte, Input::kSceneSize> write() const;

  [[nodiscard]] bool has_psk() const {
    return credentials == Credentials::kPsk || credentials == Credentials::kLatePsk;
  }
  [[nodiscard]] handshake::Settings settings(Role role) const;
};

// Decider decides for one side of a scene.
class Decider : public handshake::Decisions {
 public:
  Decider(const Scene& scene, Role role) : scene_(scene), role_(role) {}

  handshake::Presented present(std::string_view server_name) override;
  std::shared_ptr<const handshake::Identity> client_identity() override;
  handshake::Verdict verify(std::span<const handshake::Bytes> chain) override;
  void accept_resumed(const handshake::SessionState& state) override;
  handshake::PskAnswer psk(std::string_view identity) override;
  std::string server_name() override;
  std::optional<handshake::Ticket> ticket() override;
  [[nodiscard]] bool is_logged() const override { return false; }
  void log_secret(std::string_view /*label*/, handshake::Bytes /*client_random*/,
                  handshake::Bytes /*secret*/) override {}
  static handshake::PreSharedKey key();

 private:
  Scene scene_;
  Role role_;
};

// When every association under fuzz begins.
inline constexpr TimePoint kBeginning{std::chrono::hours(1000)};

}  // namespace dtls::fuzz
