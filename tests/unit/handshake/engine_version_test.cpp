// Each side holds the other to what was offered: versions, suites, groups, extensions, retries.
#include <algorithm>

#include "support/engine_test.hpp"
#include "support/interceptor.hpp"
#include "wire/client_hello.hpp"
#include "wire/server_hello.hpp"

namespace dtls::test {
namespace {

using handshake::Sender;
using wire::AlertDescription;
using wire::HandshakeType;

class EngineVersion : public EngineTest {
 protected:
  EngineVersion() {
    for (auto* settings : {&server_, &client_})
      Interceptor::make_room(*settings);
  }
  // expect_refused_after has the server's hello changed on the way.
  void expect_refused_after(const Interceptor::Rewrite& change, AlertDescription alert,
                            const char* reason) const {
    const auto pair = this->pair();
    Interceptor interceptor(*pair);
    interceptor.rewrite(Sender::kServer, HandshakeType::kServerHello, change);
    pair->start();
    pair->deliver();
    ASSERT_TRUE(pair->client.failure);
    EXPECT_EQ(pair->client.failure->alert, static_cast<std::uint8_t>(alert));
    EXPECT_NE(pair->client.failure->message.find(reason), std::string::npos)
        << pair->client.failure->message;
    EXPECT_EQ(pair->client.established, 0);
  }
  void expect_refused_by_server(const Interceptor::Rewrite& change, AlertDescription alert,
                                const char* reason) const {
    const auto pair = this->pair();
    pair->client.owner.name = "one.example";
    Interceptor interceptor(*pair);
    interceptor.rewrite(Sender::kClient, HandshakeType::kClientHello, change);
    pair->start();
    pair->deliver();
    ASSERT_TRUE(pair->server.failure);
    EXPECT_EQ(pair->server.failure->alert, static_cast<std::uint8_t>(alert));
    EXPECT_NE(pair->server.failure->message.find(reason), std::string::npos)
        << pair->server.failure->message;
    EXPECT_EQ(pair->server.established, 0);
  }
  static std::size_t hello_extension_at(const Interceptor::Buffer& body, wire::ExtensionType type) {
    const auto hello = wire::parse_client_hello(body);
    const auto content = hello->extension_list().find(type);
    return content ? static_cast<std::size_t>(content->data() - body.data()) : 0;
  }
  // extension_at gives where in a hello the content of that extension begins.
  static std::size_t extension_at(const Interceptor::Buffer& body, wire::ExtensionType type) {
    const auto hello = wire::parse_server_hello(body);
    const auto content = hello->extensions.find(type);
    return content ? static_cast<std::size_t>(content->data() - body.data()) : 0;
  }
  static void put(Interceptor::Buffer& body, std::size_t at, std::uint16_t value) {
    body.at(at) = static_cast<std::byte>(value >> 8U);
    body.at(at + 1) = static_cast<std::byte>(value & 0xffU);
  }
  static constexpr std::size_t kSuiteAt = 2 + wire::kRandomSize + 1;  // the session id is empty
};

TEST_F(EngineVersion, client_rejects_a_version_that_it_did_not_offer) {
  expect_refused_after(
      [](auto& body) {
        put(body, extension_at(body, wire::ExtensionType::kSupportedVersions), 0xfefb);
      },
      AlertDescription::kIllegalParameter, "it chose a version it was not offered");
}

TEST_F(EngineVersion, client_of_dtls13_alone_rejects_a_hello_of_dtls12) {
  speak(wire::kDtls13);
  expect_refused_after(
      [](auto& body) {  // without supported_versions it is a hello of DTLS 1.2
        put(body, extension_at(body, wire::ExtensionType::kSupportedVersions) - 4, 0x7777);
      },
      AlertDescription::kProtocolVersion, "does not speak DTLS 1.3");
}

TEST_F(EngineVersion, client_rejects_a_suite_of_the_other_version) {
  expect_refused_after(
      [](auto& body) {
        put(body, kSuiteAt,
            static_cast<std::uint16_t>(wire::CipherSuite::kEcdheEcdsaAes128GcmSha256));
      },
      AlertDescription::kIllegalParameter, "that its version does not have");
}

TEST_F(EngineVersion, client_rejects_a_suite_that_it_did_not_offer) {
  std::erase(client_.suites, wire::CipherSuite::kChaCha20Poly1305Sha256);
  expect_refused_after(
      [](auto& body) {
        put(body, kSuiteAt, static_cast<std::uint16_t>(wire::CipherSuite::kChaCha20Poly1305Sha256));
      },
      AlertDescription::kIllegalParameter, "it chose a cipher suite that it was not offered");
}

TEST_F(EngineVersion, client_rejects_compression) {
  expect_refused_after([](auto& body) { body.at(kSuiteAt + 2) = std::byte{1}; },
                       AlertDescription::kIllegalParameter, "cipher suite or compression");
}

TEST_F(EngineVersion, client_rejects_a_group_that_it_did_not_send_a_key_for) {
  expect_refused_after(
      [](auto& body) {
        put(body, extension_at(body, wire::ExtensionType::kKeyShare),
            static_cast<std::uint16_t>(wire::NamedGroup::kSecp256r1));
      },
      AlertDescription::kIllegalParameter, "it chose a group it was not offered");
}

TEST_F(EngineVersion, client_rejects_a_group_of_dtls12_that_it_did_not_offer) {
  speak(wire::kDtls12);
  client_.groups = {crypto::Group::kX25519, crypto::Group::kP256};
  server_.groups = {crypto::Group::kX25519};
  const auto settings = std::make_shared<handshake::Settings>(client_);
  const auto pair = this->pair();
  pair->client.engine = std::make_unique<handshake::Engine>(settings, pair->client.owner);
  pair->start();
  pair->drain();
  settings->groups = {crypto::Group::kP256};  // as if X25519 had never been offered
  pair->deliver();
  expect_refused(pair->client, pair->server, AlertDescription::kIllegalParameter);
  EXPECT_NE(pair->client.failure->message.find("it chose a group it was not offered"),
            std::string::npos);
}

TEST_F(EngineVersion, client_rejects_an_answer_to_an_extension_that_it_did_not_send) {
  for (const auto version : {wire::kDtls12, wire::kDtls13}) {
    speak(version);
    const auto type = version == wire::kDtls12 ? wire::ExtensionType::kExtendedMasterSecret
                                               : wire::ExtensionType::kKeyShare;
    expect_refused_after([type](auto& body) { put(body, extension_at(body, type) - 4, 0x7777); },
                         AlertDescription::kUnsupportedExtension,
                         "it answered an extension that it was not sent");
  }
}

TEST_F(EngineVersion, peer_rejects_an_extension_that_comes_twice) {
  speak(wire::kDtls12);
  const auto repeat = [](auto& body, std::size_t at) {
    put(body, at - 4, static_cast<std::uint16_t>(wire::ExtensionType::kExtendedMasterSecret));
  };
  expect_refused_after(
      [&](auto& body) { repeat(body, extension_at(body, wire::ExtensionType::kSessionTicket)); },
      AlertDescription::kIllegalParameter, "its ServerHello has an extension twice");
  expect_refused_by_server(
      [&](auto& body) {
        repeat(body, hello_extension_at(body, wire::ExtensionType::kSessionTicket));
      },
      AlertDescription::kIllegalParameter, "its ClientHello has an extension twice");
}

// A name that ends early for a C library must not be looked up as another one.
TEST_F(EngineVersion, server_rejects_a_name_with_a_zero_byte) {
  expect_refused_by_server(
      [](auto& body) {
        body.at(hello_extension_at(body, wire::ExtensionType::kServerName) + 5 + 4) = std::byte{0};
      },
      AlertDescription::kUnrecognizedName, "its server_name has a zero byte");
}

// ---- HelloRetryRequest ----

class EngineRetry : public EngineVersion {
 protected:
  EngineRetry() {
    speak(wire::kDtls13);
    server_.groups = {crypto::Group::kP384};
  }
  // second has only the second message of its kind changed.
  static Interceptor::Rewrite second(Interceptor::Rewrite change) {
    return [change = std::move(change), count = 0](auto& body) mutable {
      if (++count == 2) change(body);
    };
  }
};

TEST_F(EngineRetry, client_rejects_another_suite_than_was_asked_with) {
  expect_refused_after(
      second([](auto& body) {
        put(body, kSuiteAt, static_cast<std::uint16_t>(wire::CipherSuite::kAes256GcmSha384));
      }),
      AlertDescription::kIllegalParameter, "its ServerHello contradicts its HelloRetryRequest");
}

TEST_F(EngineRetry, client_rejects_a_second_request) {
  Interceptor::Buffer request;
  expect_refused_after(
      [&](auto& body) {
        if (request.empty()) {
          request = body;
        } else {
          body = request;
        }
      },
      AlertDescription::kUnexpectedMessage, "it asks twice for a retry");
}

TEST_F(EngineRetry, client_rejects_a_request_for_a_group_that_it_did_not_offer) {
  for (const auto group : {std::uint16_t{0x0019}, std::uint16_t{0x001d}}) {  // or has sent already
    expect_refused_after(
        [group](auto& body) {
          put(body, extension_at(body, wire::ExtensionType::kKeyShare), group);
        },
        AlertDescription::kIllegalParameter, "it asks for a key of a group");
  }
}

TEST_F(EngineRetry, server_rejects_a_second_hello_of_another_client) {
  expect_refused_by_server(second([](auto& body) { body.at(2) ^= std::byte{1}; }),
                           AlertDescription::kIllegalParameter,
                           "its second ClientHello does not offer what its first one did");
}

TEST_F(EngineRetry, server_rejects_a_second_hello_without_the_share_that_it_asked_for) {
  expect_refused_by_server(second([](auto& body) {
                             put(body, hello_extension_at(body, wire::ExtensionType::kKeyShare) + 2,
                                 static_cast<std::uint16_t>(wire::NamedGroup::kSecp256r1));
                           }),
                           AlertDescription::kIllegalParameter, "lacks the requested key share");
}

// ---- skipped messages: SMACK ----

struct Skipped {
  wire::Version version;
  Sender sender;
  HandshakeType type;
};

std::string name_of_skipped(const testing::TestParamInfo<Skipped>& info) {
  return std::string(info.param.version == wire::kDtls12 ? "Dtls12" : "Dtls13") +
         (info.param.sender == Sender::kServer ? "Server" : "Client") +
         std::to_string(static_cast<int>(info.param.type));
}

class EngineSkip : public EngineVersion, public testing::WithParamInterface<Skipped> {};
INSTANTIATE_TEST_SUITE_P(
    Of, EngineSkip,
    testing::Values(Skipped{wire::kDtls12, Sender::kServer, HandshakeType::kCertificate},
                    Skipped{wire::kDtls12, Sender::kServer, HandshakeType::kServerKeyExchange},
                    Skipped{wire::kDtls12, Sender::kServer, HandshakeType::kServerHelloDone},
                    Skipped{wire::kDtls12, Sender::kClient, HandshakeType::kCertificate},
                    Skipped{wire::kDtls12, Sender::kClient, HandshakeType::kClientKeyExchange},
                    Skipped{wire::kDtls12, Sender::kClient, HandshakeType::kCertificateVerify},
                    Skipped{wire::kDtls13, Sender::kServer, HandshakeType::kEncryptedExtensions},
                    Skipped{wire::kDtls13, Sender::kServer, HandshakeType::kCertificate},
                    Skipped{wire::kDtls13, Sender::kServer, HandshakeType::kCertificateVerify},
                    Skipped{wire::kDtls13, Sender::kClient, HandshakeType::kCertificate},
                    Skipped{wire::kDtls13, Sender::kClient, HandshakeType::kCertificateVerify}),
    name_of_skipped);

// The sender's Finished fits what it has sent, so that only the order can tell.
TEST_P(EngineSkip, peer_notices_a_message_that_is_left_out) {
  const auto [version, sender, type] = GetParam();
  speak(version);
  const auto pair = this->pair();
  pair->server.owner.presented.asks_client = true;
  pair->client.owner.own = identity();
  Interceptor interceptor(*pair);
  interceptor.skip(sender, type);
  pair->start();
  pair->deliver();
  const auto& judge = sender == Sender::kClient ? pair->server : pair->client;
  EXPECT_EQ(judge.established, 0);
  // Without keys anybody could have sent a message out of turn: it is discarded, and the one that
  // is missing is waited for.
  if (version == wire::kDtls12 && type != HandshakeType::kCertificateVerify) {
    EXPECT_FALSE(judge.failure) << judge.failure->message;
    return;
  }
  ASSERT_TRUE(judge.failure);
  EXPECT_EQ(judge.failure->alert, static_cast<std::uint8_t>(AlertDescription::kUnexpectedMessage))
      << judge.failure->message;
  // A Finished in place of a message without keys is under the wrong ones.
  const auto* const reason = version == wire::kDtls12 ? "a wrong epoch" : "out of turn";
  EXPECT_NE(judge.failure->message.find(reason), std::string::npos) << judge.failure->message;
}

// ---- EarlyCCS: a Finished must come under keys (RFC 6347 §4.1) ----

TEST_F(EngineVersion, peer_of_dtls12_discards_a_finished_without_keys) {
  speak(wire::kDtls12);
  for (const auto sender : {Sender::kClient, Sender::kServer}) {
    const auto pair = this->pair();
    Interceptor interceptor(*pair);
    interceptor.strip_keys(sender);
    pair->start();
    pair->deliver();
    const auto& judge = sender == Sender::kClient ? pair->server : pair->client;
    // Anybody could have sent it: it ends nothing, and it establishes nothing.
    EXPECT_EQ(judge.established, 0);
    EXPECT_FALSE(judge.failure);
  }
}

}  // namespace
}  // namespace dtls::test
