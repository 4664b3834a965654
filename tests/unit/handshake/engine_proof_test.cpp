// Each side checks the proofs of the other: signatures, Finished, binders. One side breaks a single
// proof here and is correct in everything else.
#include <tuple>

#include "handshake/authentication.hpp"
#include "support/engine_test.hpp"
#include "support/interceptor.hpp"
#include "wire/certificate_verify.hpp"
#include "wire/key_exchange.hpp"

namespace dtls::test {
namespace {

using crypto::SignatureScheme;
using handshake::Sender;
using wire::AlertDescription;
using wire::HandshakeType;

constexpr const char* kWrongSignature = "its signature does not match its certificate";
constexpr const char* kWrongScheme = "it signed with a scheme that it was not offered";
constexpr const char* kNoMatch = "its binder does not match";
constexpr const char* kUnfitScheme =
    "it signed with a scheme that does not fit its certificate's key";
constexpr const char* kWrongFinished = "its Finished does not match the handshake";

// The side that proves itself, in one version.
using Prover = std::tuple<wire::Version, Sender>;

std::string name_of_prover(const testing::TestParamInfo<Prover>& info) {
  const auto [version, sender] = info.param;
  return std::string(version == wire::kDtls12 ? "Dtls12" : "Dtls13") +
         (sender == Sender::kServer ? "Server" : "Client");
}

auto all_provers() {
  return testing::Combine(testing::Values(wire::kDtls12, wire::kDtls13),
                          testing::Values(Sender::kServer, Sender::kClient));
}

// of_another_key is an identity with a certificate of `shown` and the key of another one.
std::shared_ptr<const handshake::Identity> of_another_key(const handshake::Identity& shown,
                                                          KeyKind kind) {
  static const Authority authority;
  auto mixed = std::make_shared<handshake::Identity>();
  mixed->chain = shown.chain;
  mixed->key = to_identity(authority.issue({.kind = kind}))->key;
  return mixed;
}

class EngineProofBase : public EngineTest {
 protected:
  EngineProofBase() {
    for (auto* settings : {&server_, &client_})
      Interceptor::make_room(*settings);
  }
  // expect_rejected: `judge` refuses the handshake for that reason and is never established.
  static void expect_rejected(const EngineSide& judge, const EngineSide& other,
                              AlertDescription alert, const char* reason) {
    EXPECT_EQ(judge.established, 0);
    expect_refused(judge, other, alert);
    EXPECT_NE(judge.failure.value_or(Error{}).message.find(reason), std::string::npos)
        << judge.failure.value_or(Error{}).message;
  }
};

class EngineSignature : public EngineProofBase, public testing::WithParamInterface<Prover> {
 protected:
  EngineSignature() { speak(version()); }

  static wire::Version version() { return std::get<0>(GetParam()); }
  static Sender prover() { return std::get<1>(GetParam()); }
  static bool is_server() { return prover() == Sender::kServer; }
  // proof is the message that carries the prover's signature.
  static HandshakeType proof() {
    return version() == wire::kDtls12 && is_server() ? HandshakeType::kServerKeyExchange
                                                     : HandshakeType::kCertificateVerify;
  }
  // proving_pair has both sides show a certificate, the prover that of `own`.
  [[nodiscard]] std::unique_ptr<EnginePair> proving_pair(
      const std::shared_ptr<const handshake::Identity>& own) const {
    auto made = pair();
    auto& presented = made->server.owner.presented;
    presented.asks_client = presented.requires_client = true;
    made->client.owner.own = is_server() ? identity() : own;
    if (is_server()) presented.identity = own;
    return made;
  }
  static const EngineSide& judge(const EnginePair& pair) {
    return is_server() ? pair.client : pair.server;
  }
  static const EngineSide& other(const EnginePair& pair) {
    return is_server() ? pair.server : pair.client;
  }
  // resign puts another signature into a proof: of that scheme, over what the prover has to sign.
  static void resign(const Interceptor& interceptor, const handshake::Identity& own,
                     SignatureScheme scheme, Interceptor::Buffer& body) {
    Interceptor::Buffer content;
    if (proof() == HandshakeType::kServerKeyExchange) {
      const auto exchange = wire::parse_server_key_exchange_ecdhe(body);
      const auto params = exchange->params.encoded;
      content = interceptor.signed_params(params);
    } else if (version() == wire::kDtls12) {
      content = interceptor.messages();
    } else {
      const handshake::SignedContent signs(prover(), interceptor.transcript());
      content.assign(signs.view().begin(), signs.view().end());
    }
    const auto signature = crypto::sign(own.key.get(), scheme, content);
    ASSERT_TRUE(signature);
    const wire::Signed signed_by{static_cast<wire::SignatureScheme>(scheme), *signature};
    Interceptor::Buffer made(body.size() + 1024);
    wire::Writer writer(made);
    if (proof() == HandshakeType::kServerKeyExchange) {
      const auto exchange = wire::parse_server_key_exchange_ecdhe(body);
      wire::write_server_key_exchange_ecdhe(writer, {exchange->params, signed_by});
    } else {
      wire::write_signed(writer, signed_by);
    }
    made.resize(writer.written());
    body = std::move(made);
  }
};
INSTANTIATE_TEST_SUITE_P(Of, EngineSignature, all_provers(), name_of_prover);

class EngineSignature13 : public EngineSignature {};
INSTANTIATE_TEST_SUITE_P(Of, EngineSignature13,
                         testing::Combine(testing::Values(wire::kDtls13),
                                          testing::Values(Sender::kServer, Sender::kClient)),
                         name_of_prover);

// Otherwise the tests below would pass with any interceptor that spoils the handshake.
TEST_P(EngineSignature, interceptor_that_changes_nothing_is_not_noticed) {
  const auto pair = proving_pair(identity());
  Interceptor interceptor(*pair);
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_FALSE(interceptor.body_of(prover(), proof()).empty());
  EXPECT_FALSE(interceptor.body_of(prover(), HandshakeType::kFinished).empty());
  expect_alive(*pair);
}

// The signatures that the tests below make are right in everything that they do not break on
// purpose.
TEST_P(EngineSignature, peer_accepts_a_signature_made_again_over_the_same_content) {
  const auto pair = proving_pair(identity());
  Interceptor interceptor(*pair);
  interceptor.rewrite(prover(), proof(), [&](auto& body) {
    resign(interceptor, *identity(), SignatureScheme::kEcdsaSecp256r1Sha256, body);
  });
  pair->start();
  pair->deliver();
  // Later proofs of this handshake fail, because they cover another message than was sent.
  EXPECT_EQ(judge(*pair).engine->negotiated().peer_scheme,
            wire::SignatureScheme::kEcdsaSecp256r1Sha256)
      << why(*pair);
}

TEST_P(EngineSignature, peer_rejects_a_signature_by_another_key) {
  for (const auto kind : {KeyKind::kP256, KeyKind::kEd25519, KeyKind::kRsa2048}) {
    const auto pair = proving_pair(of_another_key(*identity(kind), kind));
    pair->connect();
    expect_rejected(judge(*pair), other(*pair), AlertDescription::kDecryptError, kWrongSignature);
  }
}

TEST_P(EngineSignature, peer_rejects_a_signature_of_an_earlier_handshake) {
  const auto earlier = proving_pair(identity());
  const Interceptor observer(*earlier);
  ASSERT_TRUE(earlier->connect()) << why(*earlier);
  const auto replayed = observer.body_of(prover(), proof());
  ASSERT_FALSE(replayed.empty());

  const auto pair = proving_pair(identity());
  Interceptor interceptor(*pair);
  interceptor.rewrite(prover(), proof(), [&](auto& body) { body = replayed; });
  pair->connect();
  expect_rejected(judge(*pair), other(*pair), AlertDescription::kDecryptError, kWrongSignature);
}

// RFC 8446 §4.4.3: client and server sign under different contexts.
TEST_P(EngineSignature13, peer_rejects_a_signature_in_the_context_of_the_other_side) {
  const auto pair = proving_pair(identity());
  Interceptor interceptor(*pair);
  interceptor.rewrite(prover(), proof(), [&](auto& body) {
    const handshake::SignedContent content(is_server() ? Sender::kClient : Sender::kServer,
                                           interceptor.transcript());
    const auto signature =
        crypto::sign(identity()->key.get(), SignatureScheme::kEcdsaSecp256r1Sha256, content.view());
    ASSERT_TRUE(signature);
    body.resize(4 + signature->size());
    wire::Writer writer(body);
    wire::write_signed(writer, {wire::SignatureScheme::kEcdsaSecp256r1Sha256, *signature});
  });
  pair->connect();
  expect_rejected(judge(*pair), other(*pair), AlertDescription::kDecryptError, kWrongSignature);
}

TEST_P(EngineSignature, peer_rejects_an_altered_signature) {
  const auto pair = proving_pair(identity());
  Interceptor interceptor(*pair);
  interceptor.rewrite(prover(), proof(), [](auto& body) { body.back() ^= std::byte{1}; });
  pair->connect();
  expect_rejected(judge(*pair), other(*pair), AlertDescription::kDecryptError, kWrongSignature);
}

// The judge withdraws the scheme from its settings once its offer has been sent. Both transcripts
// agree and the signature is right, so nothing but the check of the scheme can notice.
TEST_P(EngineSignature, peer_rejects_a_scheme_that_was_not_offered) {
  auto& signs = is_server() ? server_ : client_;
  auto& judges = is_server() ? client_ : server_;
  signs.sign_schemes = {SignatureScheme::kRsaPssRsaeSha384};
  const auto settings = std::make_shared<handshake::Settings>(judges);
  const auto pair = proving_pair(identity(KeyKind::kRsa2048));
  auto& judging = is_server() ? pair->client : pair->server;
  judging.engine = std::make_unique<handshake::Engine>(settings, judging.owner);

  pair->start();
  pair->drain();
  if (!is_server()) {  // the server offers with its CertificateRequest
    auto hello = std::move(pair->server.wire.front());
    pair->server.wire.pop_front();
    pair->server.engine->receive(hello, pair->now());
    pair->drain(pair->server, pair->client);
  }
  std::erase(settings->schemes, SignatureScheme::kRsaPssRsaeSha384);
  pair->settle();
  expect_rejected(judge(*pair), other(*pair), AlertDescription::kIllegalParameter, kWrongScheme);
}

// RFC 8446 §4.2.3: in DTLS 1.3 a scheme of ECDSA names the curve too.
TEST_P(EngineSignature13, peer_rejects_an_offered_scheme_that_does_not_fit_the_key) {
  const auto pair = proving_pair(identity());
  Interceptor interceptor(*pair);
  interceptor.rewrite(prover(), proof(), [&](auto& body) {
    resign(interceptor, *identity(), SignatureScheme::kEcdsaSecp384r1Sha384, body);
  });
  pair->connect();
  expect_rejected(judge(*pair), other(*pair), AlertDescription::kIllegalParameter, kUnfitScheme);
}

// RFC 8446 §4.2.3: PKCS #1 v1.5 is for certificates only in DTLS 1.3.
TEST_P(EngineSignature13, peer_rejects_a_signature_of_pkcs1) {
  const auto own = identity(KeyKind::kRsa2048);
  const auto pair = proving_pair(own);
  Interceptor interceptor(*pair);
  interceptor.rewrite(prover(), proof(), [&](auto& body) {
    resign(interceptor, *own, SignatureScheme::kRsaPkcs1Sha256, body);
  });
  pair->connect();
  expect_rejected(judge(*pair), other(*pair), AlertDescription::kIllegalParameter, kUnfitScheme);
}

class EngineSignature12 : public EngineProofBase {
 protected:
  EngineSignature12() { speak(wire::kDtls12); }
};

// RFC 5246 §7.4.3
TEST_F(EngineSignature12, client_rejects_a_signature_of_rsa_in_a_suite_of_ecdsa) {
  const auto pair = this->pair();
  pair->server.owner.presented.identity = identity(KeyKind::kRsa2048);
  Interceptor interceptor(*pair);
  interceptor.rewrite(Sender::kServer, HandshakeType::kServerHello, [](auto& body) {
    constexpr std::size_t kSuiteAt = 2 + wire::kRandomSize + 1;  // the session id is empty
    const auto suite = static_cast<std::uint16_t>(wire::CipherSuite::kEcdheEcdsaAes128GcmSha256);
    body[kSuiteAt] = static_cast<std::byte>(suite >> 8U);
    body[kSuiteAt + 1] = static_cast<std::byte>(suite & 0xffU);
  });
  pair->connect();
  expect_rejected(pair->client, pair->server, AlertDescription::kIllegalParameter,
                  "its signature does not fit its cipher suite");
}

// RFC 8422 §5.4: the signature covers the key share, which an attacker could replace otherwise.
TEST_F(EngineSignature12, client_rejects_a_key_share_that_was_not_signed) {
  const auto pair = this->pair();
  Interceptor interceptor(*pair);
  interceptor.rewrite(Sender::kServer, HandshakeType::kServerKeyExchange, [](auto& body) {
    constexpr std::size_t kPointAt = 1 + 2 + 1;
    body[kPointAt] ^= std::byte{1};
  });
  pair->connect();
  expect_rejected(pair->client, pair->server, AlertDescription::kDecryptError, kWrongSignature);
}

// ---- Finished ----

enum class Way : std::uint8_t { kCertificate, kClientCertificate, kPsk, kTicket };
using Finisher = std::tuple<wire::Version, Sender, Way>;

std::string name_of_finisher(const testing::TestParamInfo<Finisher>& info) {
  const auto [version, sender, way] = info.param;
  constexpr std::array kWays{"ByCertificate", "ByClientCertificate", "ByPsk", "ByTicket"};
  return std::string(version == wire::kDtls12 ? "Dtls12" : "Dtls13") +
         (sender == Sender::kServer ? "Server" : "Client") +
         kWays.at(static_cast<std::size_t>(way));
}

class EngineFinished : public EngineProofBase, public testing::WithParamInterface<Finisher> {
 protected:
  EngineFinished() {
    speak(std::get<0>(GetParam()));
    if (way() == Way::kPsk) use_psk();
  }
  static Sender sender() { return std::get<1>(GetParam()); }
  static Way way() { return std::get<2>(GetParam()); }
  [[nodiscard]] std::unique_ptr<EnginePair> finishing_pair() const {
    if (way() == Way::kPsk) return psk_pair();
    if (way() == Way::kTicket) {
      const auto first = pair();
      auto made = pair();
      made->client.owner.to_resume = ticket_of(*first);
      return made;
    }
    auto made = pair();
    if (way() == Way::kClientCertificate) {
      made->server.owner.presented.asks_client = true;
      made->client.owner.own = identity();
    }
    return made;
  }
  // expect_rejected_after connects with the sender's Finished changed.
  void expect_rejected_after(const Interceptor::Rewrite& change) const {
    const auto pair = finishing_pair();
    Interceptor interceptor(*pair);
    interceptor.rewrite(sender(), HandshakeType::kFinished, change);
    pair->connect();
    EXPECT_FALSE(interceptor.body_of(sender(), HandshakeType::kFinished).empty());
    const bool is_server = sender() == Sender::kServer;
    const auto& judge = is_server ? pair->client : pair->server;
    EXPECT_EQ(judge.established, 0);
    ASSERT_TRUE(judge.failure);
    EXPECT_EQ(judge.failure->alert, static_cast<std::uint8_t>(AlertDescription::kDecryptError));
    EXPECT_NE(judge.failure->message.find(kWrongFinished), std::string::npos)
        << judge.failure->message;
  }
};
INSTANTIATE_TEST_SUITE_P(Of, EngineFinished,
                         testing::Combine(testing::Values(wire::kDtls12, wire::kDtls13),
                                          testing::Values(Sender::kServer, Sender::kClient),
                                          testing::Values(Way::kCertificate,
                                                          Way::kClientCertificate, Way::kPsk,
                                                          Way::kTicket)),
                         name_of_finisher);

TEST_P(EngineFinished, interceptor_that_changes_nothing_is_not_noticed) {
  const auto pair = finishing_pair();
  const Interceptor interceptor(*pair);
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->client.engine->negotiated().resumed, way() == Way::kTicket);
  EXPECT_EQ(pair->client.engine->negotiated().with_psk, way() == Way::kPsk);
  expect_alive(*pair);
}

TEST_P(EngineFinished, peer_rejects_an_altered_finished) {
  for (const bool at_the_end : {false, true}) {
    expect_rejected_after(
        [&](auto& body) { (at_the_end ? body.back() : body.front()) ^= std::byte{0x80}; });
  }
}

TEST_P(EngineFinished, peer_rejects_a_finished_of_another_length) {
  expect_rejected_after([](auto& body) { body.pop_back(); });
  expect_rejected_after([](auto& body) { body.push_back(std::byte{0}); });
  expect_rejected_after([](auto& body) { body.resize(1); });
}

// ---- binders of pre-shared keys (RFC 8446 §4.2.11.2) ----

std::string name_of_binder(const testing::TestParamInfo<Way>& info) {
  return info.param == Way::kPsk ? "ExternalPsk" : "Ticket";
}

class EngineBinder : public EngineProofBase, public testing::WithParamInterface<Way> {
 protected:
  EngineBinder() {
    speak(wire::kDtls13);
    if (GetParam() == Way::kPsk) use_psk();
  }
  [[nodiscard]] std::unique_ptr<EnginePair> binding_pair() const {
    if (GetParam() == Way::kPsk) return psk_pair();
    const auto first = pair();
    auto made = pair();
    made->client.owner.to_resume = ticket_of(*first);
    return made;
  }
  // The binder, of SHA-256, is the end of the hello.
  void expect_rejected_after(const Interceptor::Rewrite& change) const {
    const auto pair = binding_pair();
    Interceptor interceptor(*pair);
    interceptor.rewrite(Sender::kClient, HandshakeType::kClientHello, change);
    pair->connect();
    expect_rejected(pair->server, pair->client, AlertDescription::kDecryptError, kNoMatch);
  }
};
INSTANTIATE_TEST_SUITE_P(Of, EngineBinder, testing::Values(Way::kPsk, Way::kTicket),
                         name_of_binder);

TEST_P(EngineBinder, server_rejects_an_altered_binder) {
  expect_rejected_after([](auto& body) { body.back() ^= std::byte{1}; });
  expect_rejected_after([](auto& body) { body[body.size() - 32] ^= std::byte{0x80}; });
}

TEST_P(EngineBinder, server_rejects_a_binder_of_another_hello) {
  // Of the random, which no parser judges.
  expect_rejected_after([](auto& body) { body[2] ^= std::byte{1}; });
}

TEST_P(EngineBinder, server_rejects_an_altered_binder_after_a_retry) {
  server_.groups = {crypto::Group::kP384};
  const auto pair = binding_pair();
  Interceptor interceptor(*pair);
  int hellos = 0;
  interceptor.rewrite(Sender::kClient, HandshakeType::kClientHello, [&](auto& body) {
    if (++hellos == 2) body.back() ^= std::byte{1};
  });
  pair->connect();
  EXPECT_EQ(hellos, 2);
  expect_rejected(pair->server, pair->client, AlertDescription::kDecryptError, kNoMatch);
}

}  // namespace
}  // namespace dtls::test
