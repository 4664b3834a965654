// Renegotiation between two engines (RFC 5246 §7.4.1, RFC 5746).
#include <gtest/gtest.h>

#include <cerrno>

#include "support/engine_pair.hpp"

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
