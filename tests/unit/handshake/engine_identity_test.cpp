// Who proves what: client certificates, kinds of keys, cipher suites and groups.
#include <array>
#include <tuple>

#include "support/engine_test.hpp"

namespace dtls::test {
namespace {

using wire::AlertDescription;
using wire::CipherSuite;

class EngineIdentity : public EngineTestOfVersion {
 protected:
  [[nodiscard]] std::unique_ptr<EnginePair> asking_pair() const {
    auto made = pair();
    made->server.owner.presented.asks_client = true;
    return made;
  }
};
INSTANTIATE_TEST_SUITE_P(Of, EngineIdentity, both_versions(), name_of_version);

TEST_P(EngineIdentity, a_client_shows_its_certificate_when_asked) {
  const auto pair = asking_pair();
  pair->client.owner.own = identity(KeyKind::kP384);
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->server.owner.verified, 1);
  EXPECT_EQ(pair->server.owner.peer_chain.size(), identity(KeyKind::kP384)->chain.size());
  EXPECT_EQ(pair->handshake_time(), Duration(0)) << "no timer was needed";
  expect_alive(*pair);
}

TEST_P(EngineIdentity, a_client_does_not_show_its_certificate_unasked) {
  const auto pair = this->pair();
  pair->client.owner.own = identity();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->server.owner.verified, 0);
}

TEST_P(EngineIdentity, a_client_without_a_certificate_is_taken_where_none_is_required) {
  const auto pair = asking_pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_TRUE(pair->server.owner.peer_chain.empty());
  expect_alive(*pair);
}

TEST_P(EngineIdentity, a_client_without_a_certificate_is_refused_where_one_is_required) {
  const auto pair = asking_pair();
  pair->server.owner.presented.requires_client = true;
  pair->connect();
  // RFC 5246 §7.4.6, RFC 8446 §4.4.2.4
  expect_refused(
      pair->server, pair->client,
      is_13() ? AlertDescription::kCertificateRequired : AlertDescription::kHandshakeFailure);
  EXPECT_EQ(pair->server.failure->kind, ErrorKind::kUntrusted);
  EXPECT_EQ(pair->server.established, 0);
}

TEST_P(EngineIdentity, a_client_whose_keys_the_server_takes_no_signatures_of_sends_none) {
  server_.schemes = {crypto::SignatureScheme::kEcdsaSecp256r1Sha256};
  const auto pair = asking_pair();
  pair->client.owner.own = identity(KeyKind::kEd25519);
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_TRUE(pair->server.owner.peer_chain.empty());
}

TEST_P(EngineIdentity, a_client_that_is_not_trusted_is_told_so) {
  const auto pair = asking_pair();
  pair->client.owner.own = identity();
  pair->server.owner.accepts = false;
  pair->connect();
  expect_refused(pair->server, pair->client, AlertDescription::kUnknownCa);
  EXPECT_EQ(pair->server.failure->kind, ErrorKind::kUntrusted);
}

// Whatever is lost of the client's flight: that a part of it was acknowledged, its end perhaps,
// does not say that the certificate was accepted.
TEST_P(EngineIdentity, a_client_that_is_not_trusted_is_never_connected) {
  client_.channel.mtu = 300;
  for (int lost = 0; lost < 16; ++lost) {
    SCOPED_TRACE("lost " + std::to_string(lost));
    const auto pair = asking_pair();
    pair->client.owner.own = identity();
    pair->server.owner.accepts = false;
    pair->lose([lost](int number) { return number == lost; });
    pair->connect();
    EXPECT_EQ(pair->client.established, 0);
    EXPECT_TRUE(pair->client.failure);
  }
}

TEST_P(EngineIdentity, a_server_that_is_not_trusted_is_told_so) {
  const auto pair = this->pair();
  pair->client.owner.accepts = false;
  pair->connect();
  expect_refused(pair->client, pair->server, AlertDescription::kUnknownCa);
  EXPECT_EQ(pair->client.failure->kind, ErrorKind::kUntrusted);
  EXPECT_EQ(pair->client.established, 0);
}

TEST_P(EngineIdentity, a_server_without_a_certificate_for_that_name_refuses) {
  const auto pair = std::make_unique<EnginePair>(server_, client_);
  pair->connect();
  expect_refused(pair->server, pair->client, AlertDescription::kHandshakeFailure);
}

TEST_P(EngineIdentity, a_server_refuses_a_client_that_takes_no_signature_of_its_key) {
  client_.schemes = {crypto::SignatureScheme::kEd25519};
  const auto pair = this->pair();
  pair->connect();
  expect_refused(pair->server, pair->client, AlertDescription::kHandshakeFailure);
}

using KindAndVersion = std::tuple<KeyKind, wire::Version>;
class EngineKeyKind : public EngineTest, public testing::WithParamInterface<KindAndVersion> {};

TEST_P(EngineKeyKind, proves_a_server_and_a_client) {
  const auto [kind, version] = GetParam();
  speak(version);
  const auto pair = this->pair();
  pair->server.owner.presented.identity = identity(kind);
  pair->server.owner.presented.asks_client = true;
  pair->client.owner.own = identity(kind);
  ASSERT_TRUE(pair->connect()) << why(*pair);
  const auto scheme = pair->client.engine->negotiated().peer_scheme;
  EXPECT_NE(static_cast<int>(scheme), 0);
  EXPECT_EQ(pair->server.engine->negotiated().peer_scheme, scheme);
  expect_alive(*pair);
}

INSTANTIATE_TEST_SUITE_P(Of, EngineKeyKind,
                         testing::Combine(testing::Values(KeyKind::kP256, KeyKind::kP384,
                                                          KeyKind::kRsa2048, KeyKind::kEd25519),
                                          both_versions()));

struct SuiteCase {
  CipherSuite suite;
  KeyKind kind;
};
class EngineSuite : public EngineTest, public testing::WithParamInterface<SuiteCase> {};

TEST_P(EngineSuite, is_negotiated_and_carries_messages_both_ways) {
  const auto [suite, kind] = GetParam();
  const auto* what = handshake::find_suite(suite);
  ASSERT_NE(what, nullptr);
  speak(what->version);
  if (handshake::uses_psk(*what)) use_psk();
  client_.suites = server_.suites = {suite};
  const auto pair = handshake::uses_psk(*what) ? psk_pair() : this->pair();
  if (!handshake::uses_psk(*what)) pair->server.owner.presented.identity = identity(kind);
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->client.engine->negotiated().suite, suite);
  EXPECT_EQ(pair->server.engine->negotiated().suite, suite);
  EXPECT_EQ(pair->handshake_time(), Duration(0));
  expect_alive(*pair);
}

constexpr std::array kAllSuites{
    SuiteCase{CipherSuite::kAes128GcmSha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kAes256GcmSha384, KeyKind::kP256},
    SuiteCase{CipherSuite::kChaCha20Poly1305Sha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kAes128CcmSha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kAes128Ccm8Sha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kEcdheEcdsaAes128GcmSha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kEcdheEcdsaAes256GcmSha384, KeyKind::kP256},
    SuiteCase{CipherSuite::kEcdheEcdsaChaCha20Poly1305Sha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kEcdheEcdsaAes128Ccm, KeyKind::kP256},
    SuiteCase{CipherSuite::kEcdheEcdsaAes128Ccm8, KeyKind::kP256},
    SuiteCase{CipherSuite::kEcdheRsaAes128GcmSha256, KeyKind::kRsa2048},
    SuiteCase{CipherSuite::kEcdheRsaAes256GcmSha384, KeyKind::kRsa2048},
    SuiteCase{CipherSuite::kEcdheRsaChaCha20Poly1305Sha256, KeyKind::kRsa2048},
    SuiteCase{CipherSuite::kEcdhePskAes128GcmSha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kEcdhePskChaCha20Poly1305Sha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kEcdhePskAes128Ccm8Sha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kPskAes128GcmSha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kPskChaCha20Poly1305Sha256, KeyKind::kP256},
    SuiteCase{CipherSuite::kPskAes128Ccm8, KeyKind::kP256},
};
INSTANTIATE_TEST_SUITE_P(Of, EngineSuite, testing::ValuesIn(kAllSuites), [](const auto& one) {
  return "Suite" + std::to_string(static_cast<int>(one.param.suite));
});

class EngineGroup : public EngineTestOfVersion {};
INSTANTIATE_TEST_SUITE_P(Of, EngineGroup, both_versions(), name_of_version);

TEST_P(EngineGroup, each_is_agreed_upon) {
  for (const auto group : {crypto::Group::kX25519, crypto::Group::kP256, crypto::Group::kP384}) {
    client_.groups = {group};
    const auto pair = this->pair();
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_EQ(pair->client.engine->negotiated().group, static_cast<wire::NamedGroup>(group));
    EXPECT_EQ(pair->server.engine->negotiated().group, static_cast<wire::NamedGroup>(group));
    expect_alive(*pair);
  }
}

TEST_P(EngineGroup, the_choice_is_the_servers) {
  server_.groups = {crypto::Group::kP384, crypto::Group::kX25519};
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->client.engine->negotiated().group, wire::NamedGroup::kSecp384r1);
  EXPECT_EQ(pair->handshake_time(), Duration(0)) << "a HelloRetryRequest needs no timer";
  expect_alive(*pair);
}

TEST_P(EngineGroup, none_in_common_ends_the_handshake) {
  client_.groups = {crypto::Group::kX25519};
  server_.groups = {crypto::Group::kP384};
  const auto pair = this->pair();
  pair->connect();
  expect_refused(pair->server, pair->client, AlertDescription::kHandshakeFailure);
}

TEST_P(EngineGroup, no_suite_in_common_ends_the_handshake) {
  client_.suites = {CipherSuite::kAes128GcmSha256, CipherSuite::kEcdheEcdsaAes128GcmSha256};
  server_.suites = {CipherSuite::kAes256GcmSha384, CipherSuite::kEcdheEcdsaAes256GcmSha384};
  const auto pair = this->pair();
  pair->connect();
  expect_refused(pair->server, pair->client, AlertDescription::kHandshakeFailure);
}

}  // namespace
}  // namespace dtls::test
