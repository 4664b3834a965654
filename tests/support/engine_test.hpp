// What tests of two engines share: settings to change, an authority, and saying what went wrong.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "support/engine_pair.hpp"

namespace dtls::test {

class EngineTest : public testing::Test {
 protected:
  // pair joins engines of the settings as they are now; the server has a certificate of P-256.
  [[nodiscard]] std::unique_ptr<EnginePair> pair() const {
    auto made = std::make_unique<EnginePair>(server_, client_);
    made->server.owner.presented.identity = identity();
    return made;
  }
  // identity is one for all tests: keys take time to make.
  static std::shared_ptr<const handshake::Identity> identity(KeyKind kind = KeyKind::kP256) {
    static const Authority authority;
    static std::map<KeyKind, std::shared_ptr<const handshake::Identity>> made;
    auto& one = made[kind];
    if (one == nullptr) one = to_identity(authority.issue({.kind = kind}));
    return one;
  }
  void speak(wire::Version version) { client_.min_version = client_.max_version = version; }
  // use_psk has both sides know one key, and the server no certificate.
  void use_psk() {
    server_.offers_psk = client_.offers_psk = true;
    const auto suites = handshake::psk_suites();
    for (auto* settings : {&server_, &client_})
      settings->suites.insert(settings->suites.end(), suites.begin(), suites.end());
  }
  [[nodiscard]] std::unique_ptr<EnginePair> psk_pair() const {
    auto made = std::make_unique<EnginePair>(server_, client_);
    for (auto* side : {&made->client, &made->server}) {
      side->owner.psk_identity = "device 7";
      side->owner.psk_key = "sixteen secrets!";
    }
    return made;
  }
  // ticket_of is that of a session of these settings that is over.
  static handshake::Ticket ticket_of(EnginePair& pair) {
    EXPECT_TRUE(pair.connect()) << why(pair);
    auto ticket = pair.client.engine->take_ticket();
    EXPECT_TRUE(ticket.has_value());
    return ticket ? std::move(*ticket) : handshake::Ticket{};
  }

  static handshake::Ticket copy_of(const handshake::Ticket& ticket) {
    return {ticket.ticket, ticket.state.copy()};
  }

  static std::string why(const EnginePair& pair) {
    const auto of = [](const EngineSide& side) {
      return side.failure ? side.failure->message : std::string("is fine");
    };
    return "the client says of the server: " + of(pair.client) +
           "; the server says of the client: " + of(pair.server);
  }
  static void expect_alive(EnginePair& pair) {
    ASSERT_TRUE(pair.client.engine->send(EnginePair::bytes("ping"))) << why(pair);
    ASSERT_TRUE(pair.server.engine->send(EnginePair::bytes("pong"))) << why(pair);
    pair.settle();
    ASSERT_FALSE(pair.server.messages.empty());
    ASSERT_FALSE(pair.client.messages.empty());
    EXPECT_EQ(pair.server.messages.back(), "ping");
    EXPECT_EQ(pair.client.messages.back(), "pong");
  }
  // expect_refused: `side` ended the handshake with that alert, and the other learned of it.
  static void expect_refused(const EngineSide& side, const EngineSide& other,
                             wire::AlertDescription alert) {
    ASSERT_TRUE(side.failure);
    EXPECT_EQ(side.failure->alert, static_cast<std::uint8_t>(alert)) << side.failure->message;
    ASSERT_TRUE(other.failure);
    EXPECT_EQ(other.failure->kind, ErrorKind::kPeer) << other.failure->message;
    EXPECT_EQ(other.failure->alert, static_cast<std::uint8_t>(alert)) << other.failure->message;
  }

  handshake::Settings server_ = default_settings(true);
  handshake::Settings client_ = default_settings(false);
};

// EngineTestOfVersion runs with a client that speaks one version.
class EngineTestOfVersion : public EngineTest, public testing::WithParamInterface<wire::Version> {
 protected:
  EngineTestOfVersion() { speak(GetParam()); }
  static bool is_13() { return GetParam() == wire::kDtls13; }
};

inline std::string name_of_version(const testing::TestParamInfo<wire::Version>& info) {
  return info.param == wire::kDtls12 ? "Dtls12" : "Dtls13";
}
inline auto both_versions() {
  return testing::Values(wire::kDtls12, wire::kDtls13);
}

}  // namespace dtls::test
