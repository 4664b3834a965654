// What becomes of an association whose key has protected as much as it may (RFC 9147 §4.5.3).
#include <cerrno>
#include <string>

#include "support/engine_test.hpp"

namespace dtls::test {
namespace {

constexpr std::size_t kSize = 1000;

class EngineKeyLimit : public EngineTest {
 protected:
  // The bound is the client's, in records of 2^14 bytes.
  void bound(wire::Version version, std::uint32_t records) {
    speak(version);
    client_.channel.records_per_key = records;
  }
};

TEST_F(EngineKeyLimit, of_dtls12_is_an_orderly_end_that_loses_nothing) {
  bound(wire::kDtls12, 2);
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  std::size_t sent = 0;
  while (sent < 100 && pair->client.engine->send(EnginePair::bytes(std::string(kSize, 'x')))) {
    ++sent;
    pair->deliver();
  }
  EXPECT_GT(sent, 20U) << "some 65 blocks of 2,048 each, an eighth left";
  EXPECT_LT(sent, 30U);
  EXPECT_EQ(pair->server.messages.size(), sent);
  EXPECT_TRUE(pair->server.closed) << "close_notify";
  EXPECT_FALSE(pair->server.failure);
  ASSERT_TRUE(pair->client.failure);
  EXPECT_EQ(pair->client.failure->sys_errno, EPIPE);
  const auto late = pair->client.engine->send(EnginePair::bytes("late"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().sys_errno, EPIPE);
}

TEST_F(EngineKeyLimit, of_dtls13_is_a_new_key_each_time) {
  bound(wire::kDtls13, 16);
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  const auto first = pair->client.engine->channel().write_epoch();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(pair->client.engine->send(EnginePair::bytes(std::string(kSize, 'x')))) << i;
    pair->settle();
  }
  EXPECT_EQ(pair->server.messages.size(), 100U);
  EXPECT_GE(pair->client.engine->channel().write_epoch(), first + 100 / 16);
  EXPECT_EQ(pair->server.engine->channel().write_epoch(), first) << "its own key is not used up";
  expect_alive(*pair);
}

}  // namespace
}  // namespace dtls::test
