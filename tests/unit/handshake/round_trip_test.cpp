// What a client learns of the round trip when it is asked for a cookie (RFC 9147 §5.8.2).
#include <array>
#include <chrono>

#include "support/engine_test.hpp"
#include "wire/hello_verify_request.hpp"

namespace dtls::test {
namespace {

class RoundTrip : public EngineTestOfVersion {
 protected:
  // challenged is a client that was asked for a cookie `after` its hello.
  std::unique_ptr<EnginePair> challenged(Duration after) {
    server_.groups = {crypto::Group::kP384};  // DTLS 1.3: not the one of the client's key
    auto pair = this->pair();
    pair->start();
    pair->drain();
    challenge(*pair, after);
    return pair;
  }
  static void challenge(EnginePair& pair, Duration after) {
    auto hello = pair.server.wire.front();
    pair.server.wire.clear();
    pair.pass(after);
    if (is_13()) {
      pair.server.engine->receive(hello, pair.now());
      pair.drain(pair.server, pair.client);
    } else {
      pair.client.wire.emplace_back(verify_request());
    }
    ASSERT_EQ(pair.client.wire.size(), 1U);
    auto request = std::move(pair.client.wire.front());
    pair.client.wire.clear();
    pair.client.engine->receive(request, pair.now());
    pair.drain(pair.client, pair.server);
    ASSERT_EQ(pair.server.wire.size(), 1U) << "the second hello";
  }
  static Duration timer(const EnginePair& pair) {
    return std::chrono::duration_cast<Duration>(*pair.client.engine->deadline() - pair.now());
  }

 private:
  static EngineSide::Datagram verify_request() {
    constexpr std::array<std::byte, 32> kCookie{};
    EngineSide::Datagram datagram(wire::hello_verify_request_size(kCookie.size()));
    wire::write_hello_verify_request(datagram, {}, kCookie);
    return datagram;
  }
};
INSTANTIATE_TEST_SUITE_P(Of, RoundTrip, both_versions(), name_of_version);

TEST_P(RoundTrip, of_a_cookie_makes_the_first_timer_twice_as_long_as_it_was) {
  EXPECT_EQ(timer(*challenged(Duration(150))), Duration(300));
}

TEST_P(RoundTrip, that_is_short_leaves_the_peer_time_to_work) {
  EXPECT_EQ(timer(*challenged(Duration(0))), Duration(100));
  client_.channel.shortest_timeout = Duration(30);
  EXPECT_EQ(timer(*challenged(Duration(20))), Duration(40));
}

TEST_P(RoundTrip, makes_no_timer_longer_than_the_settings_say) {
  EXPECT_EQ(timer(*challenged(Duration(700))), Duration(1000));
  client_.channel.first_timeout = Duration(60);
  EXPECT_EQ(timer(*challenged(Duration(10))), Duration(60));
}

// Karn: it is not known which hello was answered.
TEST_P(RoundTrip, of_a_hello_that_was_sent_again_is_not_known) {
  server_.groups = {crypto::Group::kP384};
  const auto pair = this->pair();
  pair->start();
  pair->drain();
  pair->server.wire.clear();
  pair->pass(Duration(1000));
  pair->client.engine->handle_timeout(pair->now());
  pair->drain();
  challenge(*pair, Duration(30));
  EXPECT_EQ(timer(*pair), Duration(1000));
}

TEST_P(RoundTrip, shortens_the_wait_for_what_is_lost_later) {
  const auto pair = challenged(Duration(30));
  pair->server.wire.clear();
  if (is_13()) {
    ASSERT_TRUE(pair->settle()) << why(*pair);
    EXPECT_EQ(pair->client.established, 1) << why(*pair);
    EXPECT_EQ(pair->handshake_time(), Duration(30 + 100));
  } else {
    pair->pass(Duration(100));
    pair->client.engine->handle_timeout(pair->now());
    pair->drain(pair->client, pair->server);
    EXPECT_EQ(pair->server.wire.size(), 1U);
  }
}

// The peer, whose timer is longer, lets a quarter of it pass before it acknowledges a KeyUpdate.
TEST_P(RoundTrip, is_forgotten_when_keys_are_updated) {
  if (!is_13()) GTEST_SKIP() << "DTLS 1.2 has no KeyUpdate";
  const auto pair = challenged(Duration(30));
  ASSERT_TRUE(pair->settle()) << why(*pair);
  ASSERT_EQ(pair->client.established, 1);
  const int before = pair->client.sent;
  ASSERT_TRUE(pair->client.engine->update_keys(false, pair->now()));
  ASSERT_TRUE(pair->settle());
  EXPECT_EQ(pair->client.sent - before, 1) << "it is not sent twice";
}

}  // namespace
}  // namespace dtls::test
