// How associations end: alerts of the peer in each stage, and close_notify.
#include <array>
#include <cerrno>

#include "record/protection.hpp"
#include "record/record_number.hpp"
#include "support/engine_test.hpp"
#include "wire/alert.hpp"
#include "wire/record_header.hpp"

namespace dtls::test {
namespace {

using wire::AlertDescription;
using wire::AlertLevel;

EngineSide::Datagram plain_alert(AlertLevel level, AlertDescription description) {
  EngineSide::Datagram datagram(wire::kRecordHeaderSize + wire::kAlertSize);
  wire::Writer writer(datagram);
  // A number that no record of the tests has.
  wire::write_record_header(writer,
                            {wire::ContentType::kAlert, wire::kDtls12, 0, 40, wire::kAlertSize});
  wire::write_alert(writer, {level, static_cast<std::uint8_t>(description)});
  return datagram;
}

class EngineAlert : public EngineTestOfVersion {
 protected:
  // give has a side take in a datagram that no side sent.
  static void give(EnginePair& pair, EngineSide& to, EngineSide::Datagram datagram) {
    to.engine->receive(datagram, pair.now());
    pair.drain(to, &to == &pair.client ? pair.server : pair.client);
  }
  static void expect_ended_by_peer(const EngineSide& side, AlertDescription description) {
    ASSERT_TRUE(side.failure);
    EXPECT_EQ(side.failure->kind, ErrorKind::kPeer);
    EXPECT_EQ(side.failure->alert, static_cast<std::uint8_t>(description));
    EXPECT_TRUE(side.engine->has_ended());
    EXPECT_EQ(side.engine->deadline(), std::nullopt);
  }
};
INSTANTIATE_TEST_SUITE_P(Of, EngineAlert, both_versions(), name_of_version);

TEST_P(EngineAlert, a_fatal_one_ends_a_client_at_each_stage_without_keys) {
  // The client has sent its hello; in DTLS 1.2 also when its Finished is on the way.
  for (const int delivered : {1, 2}) {
    if (is_13() && delivered == 2) continue;  // it has keys then
    const auto pair = this->pair();
    pair->lose([&](int number) { return number >= delivered; });
    pair->start();
    pair->deliver();
    ASSERT_EQ(pair->client.established, 0);
    give(*pair, pair->client, plain_alert(AlertLevel::kFatal, AlertDescription::kInternalError));
    expect_ended_by_peer(pair->client, AlertDescription::kInternalError);
  }
}

TEST_P(EngineAlert, a_fatal_one_behind_the_hello_leaves_the_server_nothing_to_say) {
  const auto pair = this->pair();
  pair->alter([](int number, EngineSide::Datagram& datagram) {
    if (number != 0) return;
    const auto alert = plain_alert(AlertLevel::kFatal, AlertDescription::kInternalError);
    datagram.insert(datagram.end(), alert.begin(), alert.end());
  });
  pair->start();
  pair->deliver();
  expect_ended_by_peer(pair->server, AlertDescription::kInternalError);
  EXPECT_EQ(pair->server.sent, 0);
}

class EngineAlert13 : public EngineTest {};

// RFC 8446 §6: in DTLS 1.3 the description tells, whatever the level says.
TEST_F(EngineAlert13, an_error_at_the_level_of_a_warning_ends_an_association_of_dtls13) {
  speak(wire::kDtls13);
  const auto pair = this->pair();
  pair->client.owner.keeps_secrets = true;
  ASSERT_TRUE(pair->connect()) << why(*pair);
  const auto& suite = *handshake::find_suite(pair->server.engine->negotiated().suite);
  const auto protection = record::Protection::tls13(
      suite.aead, suite.hash, pair->client.owner.secrets.at("CLIENT_TRAFFIC_SECRET_0"));
  const std::array alert{static_cast<std::byte>(AlertLevel::kWarning),
                         static_cast<std::byte>(AlertDescription::kInternalError)};
  EngineSide::Datagram record(100);
  record.resize(protection.seal({record::kApplicationEpoch, 1000}, wire::kDtls12,
                                wire::ContentType::kAlert, alert, record));
  pair->server.engine->receive(record, pair->now());
  pair->drain(pair->server, pair->client);
  ASSERT_TRUE(pair->server.failure);
  EXPECT_EQ(pair->server.failure->kind, ErrorKind::kPeer);
  EXPECT_TRUE(pair->server.engine->has_ended());
}

TEST_P(EngineAlert, a_fatal_one_ends_a_server_that_waits_for_the_client) {
  const auto pair = this->pair();
  pair->lose([](int number) { return number >= 1; });
  pair->start();
  pair->deliver();
  give(*pair, pair->server, plain_alert(AlertLevel::kFatal, AlertDescription::kBadCertificate));
  expect_ended_by_peer(pair->server, AlertDescription::kBadCertificate);
}

TEST_P(EngineAlert, close_notify_during_the_handshake_is_the_end_of_it) {
  const auto pair = this->pair();
  pair->lose([](int number) { return number >= 1; });
  pair->start();
  pair->deliver();
  give(*pair, pair->client, plain_alert(AlertLevel::kWarning, AlertDescription::kCloseNotify));
  expect_ended_by_peer(pair->client, AlertDescription::kCloseNotify);
}

TEST_P(EngineAlert, one_in_plaintext_after_the_handshake_is_ignored) {
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  for (auto* side : {&pair->client, &pair->server}) {
    give(*pair, *side, plain_alert(AlertLevel::kFatal, AlertDescription::kInternalError));
    give(*pair, *side, plain_alert(AlertLevel::kWarning, AlertDescription::kCloseNotify));
    EXPECT_FALSE(side->failure);
    EXPECT_FALSE(side->closed);
  }
  expect_alive(*pair);
}

// RFC 8446 §4.4.2.4: the client of DTLS 1.3 is done before it is refused.
TEST_P(EngineAlert, a_fatal_one_under_keys_ends_the_association) {
  server_.renegotiate = client_.renegotiate = true;
  const auto pair = this->pair();
  if (is_13()) {
    pair->server.owner.presented.asks_client = true;
    pair->server.owner.presented.requires_client = true;
    pair->connect();
    EXPECT_EQ(pair->client.established, 0) << "the server has not accepted it";
    expect_ended_by_peer(pair->client, AlertDescription::kCertificateRequired);
  } else {
    ASSERT_TRUE(pair->connect()) << why(*pair);
    pair->client.owner.accepts = false;
    ASSERT_TRUE(pair->client.engine->renegotiate(pair->now()));
    pair->settle();
    expect_ended_by_peer(pair->server, AlertDescription::kUnknownCa);
  }
}

TEST_P(EngineAlert, close_notify_ends_both_sides_and_is_answered) {
  for (const bool client_closes : {true, false}) {
    const auto pair = this->pair();
    ASSERT_TRUE(pair->connect()) << why(*pair);
    auto& closer = client_closes ? pair->client : pair->server;
    auto& other = client_closes ? pair->server : pair->client;
    closer.engine->close();
    pair->settle();
    EXPECT_TRUE(other.closed);
    EXPECT_FALSE(other.failure);
    EXPECT_FALSE(closer.failure);
    for (auto* side : {&closer, &other}) {
      EXPECT_TRUE(side->engine->has_ended());
      EXPECT_EQ(side->engine->deadline(), std::nullopt);
      const auto sent = side->engine->send(EnginePair::bytes("too late"));
      ASSERT_FALSE(sent);
      EXPECT_EQ(sent.error().sys_errno, EPIPE);
    }
  }
}

TEST_P(EngineAlert, what_was_sent_before_close_arrives_before_it) {
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  ASSERT_TRUE(pair->client.engine->send(EnginePair::bytes("the")));
  ASSERT_TRUE(pair->client.engine->send(EnginePair::bytes("last")));
  pair->client.engine->close();
  pair->settle();
  EXPECT_EQ(pair->server.messages, (std::vector<std::string>{"the", "last"}));
  EXPECT_TRUE(pair->server.closed);
}

TEST_P(EngineAlert, closing_twice_says_it_once) {
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  const int before = pair->client.sent;
  pair->client.engine->close();
  pair->client.engine->close();
  pair->settle();
  EXPECT_EQ(pair->client.sent, before + 1);
}

TEST_P(EngineAlert, a_client_that_closes_during_the_handshake_is_silent_afterwards) {
  const auto pair = this->pair();
  pair->start();
  pair->drain();
  pair->client.engine->close();
  const int before = pair->client.sent;
  pair->settle(Duration(5000));
  EXPECT_EQ(pair->client.sent, before);
  EXPECT_EQ(pair->client.established, 0);
}

TEST_P(EngineAlert, a_peer_that_stopped_answering_is_given_up_after_twelve_repetitions) {
  const auto pair = this->pair();
  pair->lose([](int number) { return number >= 1; });
  pair->start();
  EXPECT_TRUE(pair->settle());
  for (const auto* side : {&pair->client, &pair->server}) {
    ASSERT_TRUE(side->failure);
    EXPECT_EQ(side->failure->kind, ErrorKind::kTimeout);
    EXPECT_EQ(side->failure->sys_errno, ETIMEDOUT);
    EXPECT_EQ(side->engine->deadline(), std::nullopt);
  }
  EXPECT_EQ(pair->client.sent, 13) << "the hello, repeated 12 times, and no alert";
}

TEST_P(EngineAlert, warnings_without_keys_do_not_end_a_handshake) {
  const auto pair = this->pair();
  pair->start();
  pair->drain();
  for (int i = 0; i < 20; ++i) {
    for (auto* side : {&pair->client, &pair->server}) {
      give(*pair, *side, plain_alert(AlertLevel::kWarning, AlertDescription::kUserCanceled));
    }
  }
  ASSERT_TRUE(pair->settle());
  EXPECT_TRUE(pair->client.established && pair->server.established) << why(*pair);
}

// Those without keys are counted only where plaintext is strict.
TEST_P(EngineAlert, five_warnings_in_a_row_are_the_end) {
  client_.channel.strict_plaintext = true;
  const auto pair = this->pair();
  pair->lose([](int number) { return number >= 1; });
  pair->start();
  pair->deliver();
  for (int i = 0; i < 4; ++i) {
    give(*pair, pair->client, plain_alert(AlertLevel::kWarning, AlertDescription::kUserCanceled));
    EXPECT_FALSE(pair->client.failure);
  }
  give(*pair, pair->client, plain_alert(AlertLevel::kWarning, AlertDescription::kUserCanceled));
  ASSERT_TRUE(pair->client.failure);
  EXPECT_EQ(pair->client.failure->alert,
            static_cast<std::uint8_t>(AlertDescription::kUnexpectedMessage));
}

}  // namespace
}  // namespace dtls::test
