// record_size_limit (RFC 8449 §4): for which records it holds.
#include <cerrno>

#include "support/engine_test.hpp"

namespace dtls::test {
namespace {

class EngineRecordLimit : public EngineTest {
 protected:
  // The largest record of DTLS 1.3 with keys that the server has sent, in bytes of plaintext.
  static std::size_t largest_of_server(EnginePair& pair) {
    std::size_t largest = 0;
    pair.alter([&largest](int /*n*/, EngineSide::Datagram& datagram) {
      for (std::size_t at = 0; at < datagram.size();) {
        const bool is_unified = (datagram[at] & std::byte{0xe0}) == std::byte{0x20};
        const std::size_t header = is_unified ? 5 : wire::kRecordHeaderSize;
        if (datagram.size() - at < header) return;
        const auto high = std::to_integer<std::size_t>(datagram[at + header - 2]);
        const auto size = high * 256 + std::to_integer<std::size_t>(datagram[at + header - 1]);
        if (is_unified) largest = std::max(largest, size - 16);  // the tag
        at += header + size;
      }
    });
    EXPECT_TRUE(pair.connect()) << why(pair);
    pair.alter({});
    return largest;
  }
  void renegotiates() {
    speak(wire::kDtls12);
    server_.max_version = wire::kDtls12;
    server_.renegotiate = client_.renegotiate = true;
  }
};

TEST_F(EngineRecordLimit, holds_for_the_servers_first_flight_under_keys) {
  server_.record_size_limit = 16384;
  const auto unlimited = pair();
  EXPECT_GT(largest_of_server(*unlimited), 300U);
  client_.record_size_limit = 100;
  const auto limited = pair();
  EXPECT_LE(largest_of_server(*limited), 100U);
  expect_alive(*limited);
}

TEST_F(EngineRecordLimit, holds_for_the_clients_certificate) {
  client_.record_size_limit = 16384;
  server_.record_size_limit = 100;
  const auto pair = this->pair();
  pair->client.owner.own = identity(KeyKind::kRsa2048);
  pair->server.owner.presented.asks_client = true;
  int large = 0;
  pair->alter([&](int /*n*/, EngineSide::Datagram& datagram) {
    // The server takes what is longer for record_overflow; this looks at what is alone.
    const bool is_unified = (datagram[0] & std::byte{0xe0}) == std::byte{0x20};
    large += is_unified ? 1 : 0;
  });
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_GT(large, 0);
  EXPECT_EQ(pair->server.owner.verified, 1);
  expect_alive(*pair);
}

TEST_F(EngineRecordLimit, of_a_renegotiation_is_that_of_its_own_hellos) {
  renegotiates();
  client_.record_size_limit = server_.record_size_limit = 200;
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  ASSERT_TRUE(pair->client.engine->renegotiate(pair->now()));
  pair->settle();
  ASSERT_FALSE(pair->client.engine->is_renegotiating()) << why(*pair);
  for (auto* side : {&pair->client, &pair->server}) {
    EXPECT_EQ(side->engine->negotiated().peer_record_limit, 200);
    const auto refused = side->engine->send(EnginePair::bytes(std::string(201, 'x')));
    EXPECT_FALSE(refused);
  }
  expect_alive(*pair);
}

}  // namespace
}  // namespace dtls::test
