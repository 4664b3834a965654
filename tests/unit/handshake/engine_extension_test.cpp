// What hellos negotiate beside keys: versions, names, protocols, SRTP and sizes of records.
#include <algorithm>
#include <array>
#include <cerrno>
#include <tuple>

#include "support/engine_test.hpp"

namespace dtls::test {
namespace {

using wire::AlertDescription;

class EngineExtension : public EngineTestOfVersion {};
INSTANTIATE_TEST_SUITE_P(Of, EngineExtension, both_versions(), name_of_version);

TEST_P(EngineExtension, the_server_learns_the_name_that_was_asked_for) {
  const auto pair = this->pair();
  pair->client.owner.name = "camera.example";
  pair->server.owner.presented.named = true;
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->server.owner.asked_name, "camera.example");
  EXPECT_EQ(pair->server.engine->negotiated().server_name, "camera.example");
}

TEST_P(EngineExtension, no_name_is_sent_where_there_is_none) {
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->server.engine->negotiated().server_name, "");
}

TEST_P(EngineExtension, the_protocol_is_the_servers_first_that_both_speak) {
  client_.alpn = {"coap", "webrtc", "c-webrtc"};
  server_.alpn = {"h3", "c-webrtc", "coap"};
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->client.engine->negotiated().alpn, "c-webrtc");
  EXPECT_EQ(pair->server.engine->negotiated().alpn, "c-webrtc");
}

TEST_P(EngineExtension, no_protocol_in_common_ends_the_handshake) {
  client_.alpn = {"coap"};
  server_.alpn = {"webrtc"};
  const auto pair = this->pair();
  pair->connect();
  expect_refused(pair->server, pair->client, AlertDescription::kNoApplicationProtocol);
}

TEST_P(EngineExtension, a_side_that_names_no_protocols_gets_none) {
  for (const bool client_names : {true, false}) {
    client_.alpn.clear();
    server_.alpn.clear();
    (client_names ? client_ : server_).alpn = {"coap"};
    const auto pair = this->pair();
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_EQ(pair->client.engine->negotiated().alpn, "");
    EXPECT_EQ(pair->server.engine->negotiated().alpn, "");
  }
}

TEST_P(EngineExtension, the_srtp_profile_is_the_servers_first_that_both_have) {
  client_.srtp_profiles = {1, 7, 8};  // RFC 5764 §4.1.2, RFC 7714 §14.2
  server_.srtp_profiles = {8, 7};
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->client.engine->negotiated().srtp_profile, 8);
  EXPECT_EQ(pair->server.engine->negotiated().srtp_profile, 8);
}

TEST_P(EngineExtension, no_srtp_profile_in_common_is_no_failure) {
  client_.srtp_profiles = {1};
  server_.srtp_profiles = {8};
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->client.engine->negotiated().srtp_profile, 0);
  EXPECT_EQ(pair->server.engine->negotiated().srtp_profile, 0);
}

TEST_P(EngineExtension, a_record_size_limit_holds_for_what_is_sent_to_its_side) {
  client_.record_size_limit = 100;
  server_.record_size_limit = 300;
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  const std::size_t of_type = is_13() ? 1 : 0;  // RFC 8449 §4: counts in DTLS 1.3
  const std::string to_client(100 - of_type, 'c');
  const std::string to_server(300 - of_type, 's');
  ASSERT_TRUE(pair->server.engine->send(EnginePair::bytes(to_client)));
  ASSERT_TRUE(pair->client.engine->send(EnginePair::bytes(to_server)));
  pair->settle();
  ASSERT_EQ(pair->client.messages.size(), 1U);
  EXPECT_EQ(pair->client.messages.back(), to_client);
  ASSERT_EQ(pair->server.messages.size(), 1U);
  EXPECT_EQ(pair->server.messages.back(), to_server);
  const auto from_server = pair->server.engine->send(EnginePair::bytes(to_client + "c"));
  ASSERT_FALSE(from_server);
  EXPECT_EQ(from_server.error().sys_errno, EMSGSIZE);
  const auto from_client = pair->client.engine->send(EnginePair::bytes(to_server + "s"));
  ASSERT_FALSE(from_client);
  EXPECT_EQ(from_client.error().sys_errno, EMSGSIZE);
  expect_alive(*pair);
}

TEST_P(EngineExtension, a_record_size_limit_that_only_one_side_knows_binds_nobody) {
  client_.record_size_limit = 100;
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  const std::string large(1000, 'x');
  ASSERT_TRUE(pair->server.engine->send(EnginePair::bytes(large)));
  ASSERT_TRUE(pair->client.engine->send(EnginePair::bytes(large)));
  pair->settle();
  EXPECT_EQ(pair->client.messages.size(), 1U);
  EXPECT_EQ(pair->server.messages.size(), 1U);
}

TEST_P(EngineExtension, the_largest_message_of_a_record_passes) {
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  const std::string largest(wire::kMaxPlaintext, 'x');
  ASSERT_TRUE(pair->client.engine->send(EnginePair::bytes(largest)));
  const auto larger = pair->client.engine->send(EnginePair::bytes(largest + "x"));
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().sys_errno, EMSGSIZE);
  pair->settle();
  ASSERT_EQ(pair->server.messages.size(), 1U);
  EXPECT_EQ(pair->server.messages.back(), largest);
}

// Which versions each side speaks, and what becomes of it; 0: they have none in common.
struct VersionCase {
  wire::Version client_min, client_max, server_min, server_max, agreed;
};
class EngineVersion : public EngineTest, public testing::WithParamInterface<VersionCase> {
 protected:
  EngineVersion() {
    client_.min_version = GetParam().client_min;
    client_.max_version = GetParam().client_max;
    server_.min_version = GetParam().server_min;
    server_.max_version = GetParam().server_max;
  }
};

TEST_P(EngineVersion, is_the_newest_that_both_speak) {
  const auto pair = this->pair();
  if (GetParam().agreed != 0) {
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_EQ(pair->client.engine->negotiated().version, GetParam().agreed);
    EXPECT_EQ(pair->server.engine->negotiated().version, GetParam().agreed);
    expect_alive(*pair);
    return;
  }
  EXPECT_FALSE(pair->connect());
  expect_refused(pair->server, pair->client, AlertDescription::kProtocolVersion);
  EXPECT_EQ(pair->server.failure->kind, ErrorKind::kIncompatible);
}

constexpr wire::Version k12 = wire::kDtls12;
constexpr wire::Version k13 = wire::kDtls13;
INSTANTIATE_TEST_SUITE_P(
    Of, EngineVersion,
    testing::Values(VersionCase{k12, k12, k12, k12, k12}, VersionCase{k12, k12, k12, k13, k12},
                    VersionCase{k12, k12, k13, k13, 0}, VersionCase{k12, k13, k12, k12, k12},
                    VersionCase{k12, k13, k12, k13, k13}, VersionCase{k12, k13, k13, k13, k13},
                    VersionCase{k13, k13, k12, k12, 0}, VersionCase{k13, k13, k12, k13, k13},
                    VersionCase{k13, k13, k13, k13, k13}));

// Somebody on the way who alters hellos.
class EngineDowngrade : public EngineTest {
 protected:
  // The extension extended_master_secret, number 23 and empty, becomes another one: in the client's
  // hello, datagram 0, or in the server's.
  static void replace_master_secret(EnginePair& pair, int of_datagram,
                                    std::array<unsigned char, 2> by) {
    pair.alter([=](int number, EngineSide::Datagram& datagram) {
      constexpr std::array<unsigned char, 4> kExtension{0, 23, 0, 0};
      if (number != of_datagram) return;
      const auto bytes = std::as_bytes(std::span(kExtension));
      const auto found = std::search(datagram.begin(), datagram.end(), bytes.begin(), bytes.end());
      ASSERT_NE(found, datagram.end());
      std::ranges::copy(std::as_bytes(std::span(by)), found);
    });
  }
};

// RFC 8446 §4.1.3. The client's hello is altered to one that offers DTLS 1.2 only: the extension
// supported_versions becomes one that nobody knows.
TEST_F(EngineDowngrade, by_somebody_on_the_way_is_found_by_the_mark) {
  const auto pair = this->pair();
  pair->alter([](int number, EngineSide::Datagram& datagram) {
    if (number != 0) return;
    // type 43, 5 bytes: a list of 4 with DTLS 1.3 and 1.2
    const std::array extension{std::byte{0},    std::byte{43},   std::byte{0},
                               std::byte{5},    std::byte{4},    std::byte{0xfe},
                               std::byte{0xfc}, std::byte{0xfe}, std::byte{0xfd}};
    const auto found =
        std::search(datagram.begin(), datagram.end(), extension.begin(), extension.end());
    ASSERT_NE(found, datagram.end());
    *found = std::byte{0xfa};
  });
  pair->connect();
  expect_refused(pair->client, pair->server, AlertDescription::kIllegalParameter);
  EXPECT_NE(pair->client.failure->message.find("forced it to an older version"), std::string::npos);
}

// RFC 7627 §5.2, §5.3: without it a session could be joined to another (the triple handshake).
TEST_F(EngineDowngrade, to_a_hello_without_extended_master_secret_is_refused_by_the_server) {
  speak(wire::kDtls12);
  const auto pair = this->pair();
  replace_master_secret(*pair, 0, {0xfa, 0});
  pair->connect();
  expect_refused(pair->server, pair->client, AlertDescription::kHandshakeFailure);
}

TEST_F(EngineDowngrade, to_an_answer_without_extended_master_secret_is_refused_by_the_client) {
  speak(wire::kDtls12);
  server_.tickets = false;
  const auto pair = this->pair();
  replace_master_secret(*pair, 1, {0, 35});  // "a ticket will follow", which the client asked for
  pair->connect();
  expect_refused(pair->client, pair->server, AlertDescription::kHandshakeFailure);
}

// RFC 7507 §3: one of the client's suites becomes TLS_FALLBACK_SCSV.
TEST_F(EngineDowngrade, of_a_client_that_says_it_fell_back_is_refused) {
  speak(wire::kDtls12);
  const auto pair = this->pair();
  pair->alter([](int number, EngineSide::Datagram& datagram) {
    if (number != 0) return;
    constexpr std::array kSuite{std::byte{0xc0}, std::byte{0x30}};
    const auto found = std::ranges::search(datagram, kSuite).begin();
    ASSERT_NE(found, datagram.end());
    *found = std::byte{0x56};
    *std::next(found) = std::byte{0};
  });
  pair->connect();
  expect_refused(pair->server, pair->client, AlertDescription::kInappropriateFallback);
}

}  // namespace
}  // namespace dtls::test
