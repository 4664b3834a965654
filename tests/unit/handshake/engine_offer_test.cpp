// Offers that our own client never makes, and answers that our own server never gives.
#include <algorithm>

#include "handshake/transcript.hpp"
#include "support/engine_test.hpp"
#include "support/hello_edit.hpp"
#include "support/interceptor.hpp"
#include "wire/pre_shared_key.hpp"
#include "wire/record_header.hpp"

namespace dtls::test {
namespace {

using handshake::Sender;
using wire::AlertDescription;
using wire::ExtensionType;
using wire::HandshakeType;
using Body = HelloEdit::Body;

class EngineOffer : public EngineTest {
 protected:
  EngineOffer() {
    for (auto* settings : {&server_, &client_})
      Interceptor::make_room(*settings);
  }
  static void expect_failure(const EngineSide& side, AlertDescription alert, const char* reason) {
    ASSERT_TRUE(side.failure);
    EXPECT_EQ(side.failure->alert, static_cast<std::uint8_t>(alert)) << side.failure->message;
    EXPECT_NE(side.failure->message.find(reason), std::string::npos) << side.failure->message;
    EXPECT_EQ(side.established, 0);
  }
  // hear has the server take in the client's hello, and the client nothing.
  static void hear(EnginePair& pair) {
    pair.start();
    pair.drain(pair.client, pair.server);
    ASSERT_FALSE(pair.server.wire.empty());
    auto hello = std::move(pair.server.wire.front());
    pair.server.wire.pop_front();
    pair.server.engine->receive(hello, pair.now());
    pair.drain(pair.server, pair.client);
  }
};

// ---- the request that was sent without memory ----

class EngineCookie : public EngineOffer {
 protected:
  EngineCookie() { speak(wire::kDtls13); }
  // with_server has another server take in the cookie that was given out.
  std::unique_ptr<EnginePair> with_server(handshake::Settings settings) const {
    auto made = pair();
    made->guard();
    made->server.engine = std::make_unique<handshake::Engine>(
        std::make_shared<handshake::Settings>(std::move(settings)), made->server.owner);
    return made;
  }
};

TEST_F(EngineCookie, server_rejects_a_cookie_of_a_suite_that_it_does_not_speak) {
  server_.suites = {wire::CipherSuite::kAes128GcmSha256, wire::CipherSuite::kAes256GcmSha384};
  auto other = server_;
  other.suites = {wire::CipherSuite::kAes256GcmSha384};
  const auto pair = with_server(other);
  EXPECT_FALSE(pair->connect());
  expect_failure(pair->server, AlertDescription::kIllegalParameter,
                 "its cookie came from a server with other settings");
}

TEST_F(EngineCookie, server_rejects_a_cookie_of_a_group_that_it_does_not_speak) {
  server_.groups = {crypto::Group::kP384};  // the client has sent no key for it
  auto other = server_;
  other.groups = {crypto::Group::kP256};
  const auto pair = with_server(other);
  EXPECT_FALSE(pair->connect());
  expect_failure(pair->server, AlertDescription::kIllegalParameter,
                 "its cookie came from a server with other settings");
}

TEST_F(EngineCookie, server_that_asked_for_a_cookie_alone_does_not_ask_again_for_a_key) {
  server_.groups = {crypto::Group::kX25519};
  const auto pair = this->pair();
  Interceptor interceptor(*pair);
  int hellos = 0;
  interceptor.rewrite(Sender::kClient, HandshakeType::kClientHello, [&](Body& body) {
    if (++hellos == 1) return;
    const auto share = HelloEdit(body, Sender::kClient).find(ExtensionType::kKeyShare);
    ASSERT_GT(share.size(), 4U);
    share[2] = std::byte{0};  // secp256r1, which the server does not speak
    share[3] = std::byte{23};
  });
  pair->guard();
  pair->start();
  pair->deliver();
  EXPECT_EQ(hellos, 2);
  expect_failure(pair->server, AlertDescription::kIllegalParameter,
                 "lacks the requested key share");
}

TEST_F(EngineOffer, client_of_dtls12_is_not_challenged_for_ever) {
  speak(wire::kDtls12);
  const auto pair = this->pair();
  pair->start();
  pair->drain(pair->client, pair->server);
  constexpr int kMost = 4;
  for (int i = 0; i <= kMost; ++i) {
    EXPECT_FALSE(pair->client.failure) << i;
    const auto seq = static_cast<std::uint16_t>(i);
    const std::array body{std::byte{0xfe}, std::byte{0xfd}, std::byte{1}, std::byte(i)};
    EngineSide::Datagram request(wire::kRecordHeaderSize + wire::kHandshakeHeaderSize +
                                 body.size());
    wire::Writer writer(request);
    wire::write_record_header(
        writer, {wire::ContentType::kHandshake, wire::kDtls12, 0, seq,
                 static_cast<std::uint16_t>(wire::kHandshakeHeaderSize + body.size())});
    wire::write_handshake_header(
        writer, {HandshakeType::kHelloVerifyRequest, body.size(), seq, 0, body.size()});
    writer.bytes(body);
    pair->client.engine->receive(request, pair->now());
    pair->drain(pair->client, pair->server);
  }
  expect_failure(pair->client, AlertDescription::kUnexpectedMessage,
                 "it asks for cookies again and again");
}

// ---- where keys change (RFC 8446 §5.1) ----

TEST_F(EngineOffer, client_rejects_what_follows_a_server_hello_in_its_record) {
  speak(wire::kDtls13);
  const auto pair = this->pair();
  pair->alter([](int number, EngineSide::Datagram& datagram) {
    if (number != 1) return;
    wire::Reader reader(datagram);
    const auto record = wire::read_record(reader);
    ASSERT_TRUE(record && record->header.epoch == 0);
    std::vector<std::byte> more(wire::kHandshakeHeaderSize);
    wire::Writer writer(more);
    wire::write_handshake_header(writer, {HandshakeType::kEncryptedExtensions, 0, 1, 0, 0});
    const std::size_t end = wire::kRecordHeaderSize + record->fragment.size();
    datagram.insert(datagram.begin() + static_cast<std::ptrdiff_t>(end), more.begin(), more.end());
    auto& low = datagram.at(wire::kRecordHeaderSize - 1);
    ASSERT_LT(std::to_integer<unsigned>(low) + more.size(), 256U);
    low = static_cast<std::byte>(std::to_integer<unsigned>(low) + more.size());
  });
  pair->start();
  pair->deliver();
  expect_failure(pair->client, AlertDescription::kUnexpectedMessage,
                 "it sent more after its ServerHello");
}

TEST_F(EngineOffer, peer_rejects_what_follows_a_finished_of_dtls13_in_its_record) {
  speak(wire::kDtls13);
  for (const auto sender : {Sender::kClient, Sender::kServer}) {
    const auto pair = this->pair();
    Interceptor interceptor(*pair);
    interceptor.add_after(sender, HandshakeType::kFinished, HandshakeType::kKeyUpdate,
                          {std::byte{0}});
    pair->start();
    pair->deliver();
    expect_failure(sender == Sender::kClient ? pair->server : pair->client,
                   AlertDescription::kUnexpectedMessage, "it sent more after its Finished");
  }
}

// ---- certificates that are none ----

class EngineCertificate : public EngineOffer, public testing::WithParamInterface<wire::Version> {
 protected:
  EngineCertificate() { speak(GetParam()); }
  static bool is_13() { return GetParam() == wire::kDtls13; }
  // message gives a Certificate of one certificate, or of none where `certificate` is empty.
  static Body message(const Body& certificate) {
    Body body;
    const auto u24 = [&](std::size_t size) {
      for (const unsigned shift : {16U, 8U, 0U})
        body.push_back(static_cast<std::byte>(size >> shift & 0xffU));
    };
    if (is_13()) body.push_back(std::byte{0});  // no context
    const std::size_t extensions = is_13() ? 2 : 0;
    u24(certificate.empty() ? 0 : 3 + certificate.size() + extensions);
    if (certificate.empty()) return body;
    u24(certificate.size());
    body.insert(body.end(), certificate.begin(), certificate.end());
    body.resize(body.size() + extensions);
    return body;
  }
  // expect_rejected has the Certificate of a side replaced.
  void expect_rejected(Sender sender, const Body& certificate, AlertDescription alert,
                       const char* reason) const {
    const auto pair = this->pair();
    pair->server.owner.presented.asks_client = true;
    pair->client.owner.own = identity();
    Interceptor interceptor(*pair);
    interceptor.rewrite(sender, HandshakeType::kCertificate,
                        [&](Body& body) { body = message(certificate); });
    pair->start();
    pair->deliver();
    expect_failure(sender == Sender::kServer ? pair->client : pair->server, alert, reason);
  }
};
INSTANTIATE_TEST_SUITE_P(Of, EngineCertificate, both_versions(), name_of_version);

TEST_P(EngineCertificate, client_rejects_a_server_that_shows_none) {
  expect_rejected(Sender::kServer, {}, AlertDescription::kDecodeError, "it sent no certificate");
}

TEST_P(EngineCertificate, peer_rejects_one_without_a_key_also_where_it_trusts_everybody) {
  for (const auto sender : {Sender::kServer, Sender::kClient}) {
    expect_rejected(sender, Body(40, std::byte{0x30}), AlertDescription::kBadCertificate,
                    "sent a certificate that cannot be used");
  }
}

TEST_P(EngineCertificate, peer_takes_chains_of_16_certificates_and_64_kib_and_no_longer_ones) {
  struct Chain {
    std::size_t count;
    std::size_t bytes;  // of all
    bool is_taken;
  };
  constexpr std::size_t kMost = std::size_t{64} * 1024;
  for (const auto& chain : {Chain{16, 20'000, true}, Chain{17, 20'000, false},
                            Chain{3, kMost, true}, Chain{3, kMost + 1, false}}) {
    auto longer = std::make_shared<handshake::Identity>(*identity());
    std::size_t left = chain.bytes - longer->chain.front().size();
    while (longer->chain.size() < chain.count) {
      const std::size_t rest = chain.count - longer->chain.size();
      longer->chain.emplace_back(left / rest);
      left -= left / rest;
    }
    for (const bool is_client : {false, true}) {
      SCOPED_TRACE(std::to_string(chain.count) + (is_client ? " of the client" : " of the server"));
      const auto pair = this->pair();
      pair->server.owner.presented.asks_client = is_client;
      if (is_client) {
        pair->client.owner.own = longer;
      } else {
        pair->server.owner.presented.identity = longer;
      }
      EXPECT_EQ(pair->connect(), chain.is_taken) << why(*pair);
      if (chain.is_taken) continue;
      expect_failure(is_client ? pair->server : pair->client, AlertDescription::kBadCertificate,
                     "its certificate chain is too long");
    }
  }
}

// ---- pre-shared keys of DTLS 1.3 (RFC 8446 §4.2.11) ----

class EnginePskOffer : public EngineOffer {
 protected:
  EnginePskOffer() {
    speak(wire::kDtls13);
    use_psk();
  }
  // offer puts identities that nobody knows in front of the client's own. Its binder fits, theirs
  // are zero.
  static void offer(Body& body, std::size_t strangers, const handshake::PreSharedKey& key) {
    HelloEdit edit(body, Sender::kClient);
    edit.erase(ExtensionType::kPreSharedKey);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < strangers; ++i)
      names.push_back("stranger " + std::to_string(i));
    names.push_back(key.identity);
    std::vector<wire::PskIdentity> identities;
    for (const auto& name : names)
      identities.push_back({EnginePair::bytes(name), 0});
    constexpr std::size_t kHash = 32;
    std::vector<std::byte> extension(4096);
    wire::Writer writer(extension);
    wire::write_offered_psks(writer, identities, kHash);
    extension.resize(writer.written());
    edit.append(ExtensionType::kPreSharedKey, {extension.begin() + 4, extension.end()});

    std::vector<std::byte> raw(wire::kHandshakeHeaderSize);
    wire::Writer header(raw);
    const auto length = static_cast<std::uint32_t>(body.size());
    wire::write_handshake_header(header, {HandshakeType::kClientHello, length, 0, 0, length});
    raw.insert(raw.end(), body.begin(), body.end());
    handshake::Transcript transcript;
    transcript.choose(wire::kDtls13, crypto::HashAlgorithm::kSha256, false);
    const handshake::KeySchedule13 schedule(crypto::HashAlgorithm::kSha256, key.key.view());
    const auto binder = schedule.binder(handshake::PskOrigin::kExternal,
                                        transcript.digest_with(handshake::Bytes(raw).first(
                                            raw.size() - wire::binders_size(names.size(), kHash))));
    ASSERT_TRUE(wire::fill_binder(body, strangers, names.size(), binder.view()));
  }
  // hear_offer has the server take in a hello that `change` has changed.
  std::unique_ptr<EnginePair> hear_changed(const Interceptor::Rewrite& change) const {
    auto pair = psk_pair();
    Interceptor interceptor(*pair);
    interceptor.rewrite(Sender::kClient, HandshakeType::kClientHello, change);
    hear(*pair);
    pair->alter({});
    return pair;
  }
  std::unique_ptr<EnginePair> hear_offer(std::size_t strangers) const {
    const auto key = psk_pair()->client.owner.key();
    return hear_changed([&](Body& body) { offer(body, strangers, key); });
  }
  // expect_client_refuses has the server's hello changed.
  void expect_client_refuses(const Interceptor::Rewrite& change, AlertDescription alert,
                             const char* reason) const {
    const auto pair = psk_pair();
    Interceptor interceptor(*pair);
    interceptor.rewrite(Sender::kServer, HandshakeType::kServerHello, change);
    pair->start();
    pair->deliver();
    expect_failure(pair->client, alert, reason);
  }
};

TEST_F(EnginePskOffer, server_checks_the_binder_of_the_identity_that_it_knows) {
  const auto pair = hear_offer(1);
  EXPECT_FALSE(pair->server.failure) << pair->server.failure->message;
  EXPECT_TRUE(pair->server.engine->negotiated().with_psk);
}

TEST_F(EnginePskOffer, server_looks_up_eight_identities_of_a_hello) {
  const auto eighth = hear_offer(7);
  EXPECT_FALSE(eighth->server.failure) << eighth->server.failure->message;
  EXPECT_TRUE(eighth->server.engine->negotiated().with_psk);
  const auto ninth = hear_offer(8);
  expect_failure(ninth->server, AlertDescription::kHandshakeFailure,
                 "offered no pre-shared key that is known here");
  EXPECT_EQ(ninth->server.owner.asked_psk, "stranger 7");
}

TEST_F(EnginePskOffer, server_rejects_an_extension_behind_the_keys) {
  const auto pair = hear_changed([](Body& body) {
    HelloEdit(body, Sender::kClient).append(static_cast<ExtensionType>(0x7777), {});
  });
  expect_failure(pair->server, AlertDescription::kIllegalParameter,
                 "its pre_shared_key is not the last");
}

TEST_F(EnginePskOffer, server_without_psk_only_takes_no_key_without_an_agreement) {
  const auto pair = hear_changed([](Body& body) {
    const auto modes = HelloEdit(body, Sender::kClient).find(ExtensionType::kPskKeyExchangeModes);
    ASSERT_EQ(modes.size(), 2U);
    modes[1] = std::byte{0};  // psk_ke
  });
  expect_failure(pair->server, AlertDescription::kHandshakeFailure,
                 "offered no pre-shared key that is known here");
}

TEST_F(EnginePskOffer, client_rejects_the_choice_of_a_key_that_it_did_not_offer) {
  expect_client_refuses(
      [](Body& body) {
        const auto chosen = HelloEdit(body, Sender::kServer).find(ExtensionType::kPreSharedKey);
        ASSERT_EQ(chosen.size(), 2U);
        chosen[1] = std::byte{1};
      },
      AlertDescription::kIllegalParameter, "it chose a PSK that it was not offered");
}

TEST_F(EnginePskOffer, client_without_psk_only_insists_on_a_key_agreement) {
  expect_client_refuses(
      [](Body& body) { HelloEdit(body, Sender::kServer).erase(ExtensionType::kKeyShare); },
      AlertDescription::kMissingExtension, "its ServerHello has no key_share");
}

// RFC 8446 §4.2.11.2: with one key for both, a ticket's could pass for an external one.
TEST(KeySchedule13, binders_of_external_keys_and_of_tickets_differ) {
  const std::array<std::byte, 32> key{};
  const handshake::KeySchedule13 schedule(crypto::HashAlgorithm::kSha256, key);
  const auto digest = crypto::hash(crypto::HashAlgorithm::kSha256, {});
  const auto external = schedule.binder(handshake::PskOrigin::kExternal, digest);
  const auto ticket = schedule.binder(handshake::PskOrigin::kResumption, digest);
  EXPECT_FALSE(std::ranges::equal(external.view(), ticket.view()));
}

}  // namespace
}  // namespace dtls::test
