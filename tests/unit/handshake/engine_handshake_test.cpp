// Full handshakes of both versions between two engines.
#include <gtest/gtest.h>

#include <chrono>

#include "support/engine_pair.hpp"

namespace dtls::test {
namespace {

class EngineHandshake : public testing::TestWithParam<wire::Version> {
 protected:
  EngineHandshake() { client_.min_version = client_.max_version = GetParam(); }
  std::unique_ptr<EnginePair> pair() {
    auto made = std::make_unique<EnginePair>(server_, client_);
    made->server.owner.presented.identity = to_identity(authority_.issue());
    return made;
  }
  static void expect_alive(EnginePair& pair) {
    ASSERT_TRUE(pair.client.engine->send(EnginePair::bytes("ping")));
    ASSERT_TRUE(pair.server.engine->send(EnginePair::bytes("pong")));
    pair.settle();
    ASSERT_FALSE(pair.server.messages.empty());
    ASSERT_FALSE(pair.client.messages.empty());
    EXPECT_EQ(pair.server.messages.back(), "ping");
    EXPECT_EQ(pair.client.messages.back(), "pong");
  }

  Authority authority_;
  handshake::Settings server_ = default_settings(true);
  handshake::Settings client_ = default_settings(false);
};

TEST_P(EngineHandshake, establishes_both_and_messages_pass) {
  auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << (pair->client.failure ? pair->client.failure->message
                                                        : "client is fine")
                               << "; "
                               << (pair->server.failure ? pair->server.failure->message
                                                        : "server is fine");
  EXPECT_EQ(pair->client.engine->negotiated().version, GetParam());
  EXPECT_EQ(pair->server.engine->negotiated().version, GetParam());
  EXPECT_EQ(pair->handshake_time(), Duration(0)) << "no timer was needed";
  expect_alive(*pair);
}

TEST_P(EngineHandshake, an_answer_that_takes_longer_than_old_keys_are_kept_is_read) {
  auto pair = this->pair();
  pair->lose([&](int number) { return number >= 3 && pair->elapsed() < std::chrono::minutes(5); });
  ASSERT_TRUE(pair->connect());
  EXPECT_GT(pair->elapsed(), std::chrono::minutes(5));
  expect_alive(*pair);
}

INSTANTIATE_TEST_SUITE_P(Of, EngineHandshake, testing::Values(wire::kDtls12, wire::kDtls13),
                         [](const auto& version) {
                           return version.param == wire::kDtls12 ? "Dtls12" : "Dtls13";
                         });

}  // namespace
}  // namespace dtls::test
