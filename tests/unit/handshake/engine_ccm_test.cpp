// AES-CCM, and what becomes of keys that are forged against (RFC 9147 §4.5.3).
#include "support/engine_test.hpp"

namespace dtls::test {
namespace {

class EverySuite : public EngineTest, public testing::WithParamInterface<const char*> {};

std::vector<const char*> all_names() {
  std::vector<const char*> names;
  for (const auto& suite : handshake::all_suites())
    names.push_back(suite.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Of, EverySuite, testing::ValuesIn(all_names()),
                         [](const auto& tested) { return std::string(tested.param); });

TEST_P(EverySuite, is_spoken_by_two_engines) {
  const auto suites = handshake::all_suites();
  const auto* suite =
      std::ranges::find(suites, std::string_view(GetParam()),
                        [](const auto& each) { return std::string_view(each.name); })
          .
          operator->();
  speak(suite->version);
  use_psk();
  client_.suites = {suite->id};
  server_.suites = {suite->id};
  const bool with_psk = handshake::uses_psk(*suite);
  if (!with_psk) server_.offers_psk = client_.offers_psk = false;
  const auto pair = with_psk ? psk_pair() : this->pair();
  if (suite->authentication == handshake::Authentication::kRsa) {
    pair->server.owner.presented.identity = identity(KeyKind::kRsa2048);
  }
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->client.engine->negotiated().suite, suite->id);
  EXPECT_EQ(pair->server.engine->negotiated().suite, suite->id);
  expect_alive(*pair);
}

class EngineForgeries : public EngineTest {
 protected:
  // Has the server receive records of the client that somebody has changed: behind the 16 bytes
  // that decide how the record number is decrypted (RFC 9147 §4.2.3), so that each one counts as a
  // forgery and none as a replay.
  static void forge(EnginePair& pair, int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(pair.client.engine->send(EnginePair::bytes("sixteen bytes and some more")));
      std::array<std::byte, 2048> out;
      const std::size_t size = pair.client.engine->poll_transmit(out, pair.now());
      ASSERT_GT(size, 0U);
      out[size - 1] ^= std::byte{1};
      pair.server.engine->receive(std::span(out).first(size), pair.now());
      while (auto event = pair.server.engine->poll_event()) {
        if (const auto* ended = std::get_if<dtls::Failed>(&*event)) {
          pair.server.failure = ended->error;
        }
      }
    }
  }
  std::unique_ptr<EnginePair> connected(wire::CipherSuite suite, wire::Version version) {
    speak(version);
    client_.suites = server_.suites = {suite};
    auto made = pair();
    EXPECT_TRUE(made->connect()) << why(*made);
    return made;
  }
};

TEST_F(EngineForgeries, against_ccm_8_have_the_server_ask_for_new_keys_and_live_on) {
  const auto pair = connected(wire::CipherSuite::kAes128Ccm8Sha256, wire::kDtls13);
  for (int round = 0; round < 4; ++round) {
    const auto before = pair->server.engine->channel().read_epoch();
    forge(*pair, 100);
    ASSERT_FALSE(pair->server.failure) << pair->server.failure->message;
    pair->settle();
    EXPECT_GT(pair->server.engine->channel().read_epoch(), before);
  }
  expect_alive(*pair);
}

TEST_F(EngineForgeries, against_ccm_8_end_the_association_where_no_new_keys_come_in_time) {
  const auto pair = connected(wire::CipherSuite::kAes128Ccm8Sha256, wire::kDtls13);
  forge(*pair, 127);
  ASSERT_FALSE(pair->server.failure);
  forge(*pair, 1);
  EXPECT_TRUE(pair->server.failure);
}

TEST_F(EngineForgeries, against_other_ciphers_are_noise) {
  const auto pair = connected(wire::CipherSuite::kAes128GcmSha256, wire::kDtls13);
  const auto before = pair->server.engine->channel().read_epoch();
  forge(*pair, 1000);
  pair->settle();
  EXPECT_EQ(pair->server.engine->channel().read_epoch(), before);
  expect_alive(*pair);
}

TEST_F(EngineForgeries, in_dtls_12_have_a_bound_of_their_own) {
  const auto pair = connected(wire::CipherSuite::kEcdheEcdsaAes128Ccm8, wire::kDtls12);
  forge(*pair, 1000);
  expect_alive(*pair);
  const std::array<std::byte, 16> key{};
  const std::array<std::byte, 4> iv{};
  const auto keys = record::Protection::tls12(crypto::AeadAlgorithm::kAes128Ccm8, key, iv);
  EXPECT_EQ(keys.limits().forged, std::uint64_t{1} << 20U);
}

}  // namespace
}  // namespace dtls::test
