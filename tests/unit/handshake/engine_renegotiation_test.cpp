// Renegotiation between two engines (RFC 5246 §7.4.1, RFC 5746).
#include <gtest/gtest.h>

#include <cerrno>

#include "association/engine.hpp"
#include "support/engine_pair.hpp"
#include "support/hello_edit.hpp"
#include "support/interceptor.hpp"

namespace dtls::test {
namespace {

class EngineRenegotiation : public testing::Test {
 protected:
  EngineRenegotiation() {
    server_.renegotiate = client_.renegotiate = true;
    client_.max_version = wire::kDtls12;
  }
  std::unique_ptr<EnginePair> connected() {
    auto pair = std::make_unique<EnginePair>(server_, client_);
    pair->server.owner.presented.identity = to_identity(authority_.issue());
    EXPECT_TRUE(pair->connect());
    return pair;
  }
  static void expect_alive(EnginePair& pair) {
    for (auto* side : {&pair.client, &pair.server}) {
      EXPECT_FALSE(side->failure) << side->failure->message;
      const auto sent = side->engine->send(EnginePair::bytes("alive"));
      ASSERT_TRUE(sent) << sent.error().message;
    }
    pair.settle();
    for (auto* side : {&pair.client, &pair.server}) {
      ASSERT_FALSE(side->messages.empty());
      EXPECT_EQ(side->messages.back(), "alive");
      side->messages.clear();
    }
  }

  Authority authority_;
  handshake::Settings server_ = default_settings(true);
  handshake::Settings client_ = default_settings(false);
};

TEST_F(EngineRenegotiation, of_a_client_takes_four_flights_and_leaves_new_keys) {
  const auto pair = connected();
  const int before = pair->datagrams();
  const auto epoch = pair->client.engine->channel().write_epoch();
  ASSERT_TRUE(pair->client.engine->renegotiate(pair->now()));
  EXPECT_TRUE(pair->client.engine->is_renegotiating());
  pair->settle();
  EXPECT_FALSE(pair->client.engine->is_renegotiating());
  EXPECT_EQ(pair->datagrams() - before, 4);
  EXPECT_EQ(pair->client.engine->channel().write_epoch(), epoch + 1);
  EXPECT_EQ(pair->client.established, 1) << "no second Established";
  expect_alive(*pair);
}

TEST_F(EngineRenegotiation, of_a_server_begins_with_a_request) {
  const auto pair = connected();
  const int before = pair->datagrams();
  ASSERT_TRUE(pair->server.engine->renegotiate(pair->now()));
  EXPECT_TRUE(pair->server.engine->awaits_answer());
  EXPECT_EQ(pair->server.engine->renegotiate(pair->now()).error().sys_errno, EALREADY);
  pair->settle();
  EXPECT_EQ(pair->datagrams() - before, 5);
  expect_alive(*pair);
}

TEST_F(EngineRenegotiation, works_again_and_again_from_both_sides) {
  const auto pair = connected();
  for (int round = 0; round < 6; ++round) {
    pair->pass(std::chrono::minutes(5));
    auto& side = round % 2 == 0 ? pair->client : pair->server;
    ASSERT_TRUE(side.engine->renegotiate(pair->now()));
    pair->settle();
    expect_alive(*pair);
  }
}

TEST_F(EngineRenegotiation, refused_to_a_server_leaves_the_association_alive) {
  client_.renegotiate = false;
  const auto pair = connected();
  ASSERT_TRUE(pair->server.engine->renegotiate(pair->now()));
  pair->settle();
  EXPECT_FALSE(pair->server.engine->awaits_answer());
  expect_alive(*pair);
  ASSERT_TRUE(pair->server.engine->renegotiate(pair->now())) << "it may ask again";
  pair->settle();
  expect_alive(*pair);
}

TEST_F(EngineRenegotiation, a_fourth_of_the_same_peer_within_ten_minutes_is_refused) {
  const auto pair = connected();
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(pair->client.engine->renegotiate(pair->now()));
    pair->settle();
    expect_alive(*pair);
  }
  ASSERT_TRUE(pair->client.engine->renegotiate(pair->now()));
  pair->settle();
  ASSERT_TRUE(pair->client.failure);
  EXPECT_EQ(pair->client.failure->kind, ErrorKind::kPeer);
}

TEST_F(EngineRenegotiation, with_another_certificate_ends_the_association) {
  const auto pair = connected();
  pair->server.owner.presented.identity = to_identity(authority_.issue());
  ASSERT_TRUE(pair->client.engine->renegotiate(pair->now()));
  pair->settle();
  ASSERT_TRUE(pair->client.failure);
  EXPECT_EQ(pair->client.failure->kind, ErrorKind::kUntrusted);
  EXPECT_NE(pair->client.failure->message.find("another certificate"), std::string::npos);
  EXPECT_TRUE(pair->server.failure);
}

TEST_F(EngineRenegotiation, with_another_certificate_of_the_client_ends_the_association) {
  auto pair = std::make_unique<EnginePair>(server_, client_);
  pair->server.owner.presented.identity = to_identity(authority_.issue());
  pair->server.owner.presented.asks_client = true;
  pair->client.owner.own = to_identity(authority_.issue());
  ASSERT_TRUE(pair->connect());
  pair->client.owner.own = to_identity(authority_.issue());
  ASSERT_TRUE(pair->client.engine->renegotiate(pair->now()));
  pair->settle();
  ASSERT_TRUE(pair->server.failure);
  EXPECT_EQ(pair->server.failure->kind, ErrorKind::kUntrusted);
  EXPECT_NE(pair->server.failure->message.find("another certificate"), std::string::npos);
}

// A peer that does not know RFC 5746 could be another one than before, and so could the holder of a
// pre-shared key.
TEST(EngineMayRenegotiate, is_only_for_peers_that_are_bound_to_their_first_handshake) {
  handshake::Settings settings;
  settings.renegotiate = true;
  handshake::Negotiated negotiated;
  negotiated.secure_renegotiation = true;
  EXPECT_TRUE(handshake::may_renegotiate(settings, negotiated));
  negotiated.with_psk = true;
  EXPECT_FALSE(handshake::may_renegotiate(settings, negotiated));
  negotiated.with_psk = false;
  negotiated.secure_renegotiation = false;
  EXPECT_FALSE(handshake::may_renegotiate(settings, negotiated));
  negotiated.secure_renegotiation = true;
  settings.renegotiate = false;
  EXPECT_FALSE(handshake::may_renegotiate(settings, negotiated));
}

// RFC 5746 §3.5, §3.7: somebody who has put his own handshake in front of the peer's.
class EngineRenegotiationInfo : public EngineRenegotiation {
 protected:
  EngineRenegotiationInfo() {
    for (auto* settings : {&server_, &client_})
      Interceptor::make_room(*settings);
  }
  // expect_refused has the second hello of `sender` changed.
  void expect_refused(handshake::Sender sender, const std::function<void(HelloEdit&)>& change,
                      const char* reason) {
    auto pair = std::make_unique<EnginePair>(server_, client_);
    pair->server.owner.presented.identity = to_identity(authority_.issue());
    Interceptor interceptor(*pair);
    int hellos = 0;
    const auto type = sender == handshake::Sender::kClient ? wire::HandshakeType::kClientHello
                                                           : wire::HandshakeType::kServerHello;
    interceptor.rewrite(sender, type, [&](HelloEdit::Body& body) {
      HelloEdit edit(body, sender);
      if (++hellos == 2) change(edit);
    });
    ASSERT_TRUE(pair->connect());
    ASSERT_TRUE(pair->client.engine->renegotiate(pair->now()));
    pair->deliver();
    EXPECT_EQ(hellos, 2);
    const auto& judge = sender == handshake::Sender::kClient ? pair->server : pair->client;
    ASSERT_TRUE(judge.failure);
    EXPECT_EQ(judge.failure->alert,
              static_cast<std::uint8_t>(wire::AlertDescription::kHandshakeFailure));
    EXPECT_NE(judge.failure->message.find(reason), std::string::npos) << judge.failure->message;
  }
  static constexpr auto kInfo = wire::ExtensionType::kRenegotiationInfo;
};

TEST_F(EngineRenegotiationInfo, of_another_handshake_is_refused_by_both_sides) {
  for (const auto sender : {handshake::Sender::kClient, handshake::Sender::kServer}) {
    expect_refused(
        sender, [](HelloEdit& edit) { edit.find(kInfo).back() ^= std::byte{1}; },
        "its renegotiation_info belongs to another handshake");
  }
}

TEST_F(EngineRenegotiationInfo, must_not_be_missing) {
  expect_refused(
      handshake::Sender::kClient, [](HelloEdit& edit) { edit.erase(kInfo); },
      "it renegotiates without RFC 5746");
  expect_refused(
      handshake::Sender::kServer, [](HelloEdit& edit) { edit.erase(kInfo); },
      "its ServerHello lacks secure renegotiation (RFC 5746)");
}

class EngineRenegotiationLoss : public EngineRenegotiation,
                                public testing::WithParamInterface<int> {};

TEST_P(EngineRenegotiationLoss, is_made_up_for) {
  for (const bool from_server : {false, true}) {
    const auto pair = connected();
    const int lost = pair->datagrams() + GetParam();
    pair->lose([lost](int number) { return number == lost; });
    auto& side = from_server ? pair->server : pair->client;
    ASSERT_TRUE(side.engine->renegotiate(pair->now()));
    pair->settle();
    pair->lose({});
    expect_alive(*pair);
  }
}

INSTANTIATE_TEST_SUITE_P(OfEach, EngineRenegotiationLoss, testing::Range(0, 5));

}  // namespace
}  // namespace dtls::test
