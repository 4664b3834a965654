// Pre-shared keys of both versions (RFC 4279, RFC 5489, RFC 8446 §4.2.11).
#include "handshake/peer_alert.hpp"
#include "support/engine_test.hpp"
#include "wire/record_header.hpp"

namespace dtls::test {
namespace {

using wire::AlertDescription;

class EnginePsk : public EngineTestOfVersion {
 protected:
  EnginePsk() { use_psk(); }
};
INSTANTIATE_TEST_SUITE_P(Of, EnginePsk, both_versions(), name_of_version);

TEST_P(EnginePsk, establishes_both_without_certificates) {
  const auto pair = psk_pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  for (const auto* side : {&pair->client, &pair->server}) {
    EXPECT_TRUE(side->engine->negotiated().with_psk);
    EXPECT_FALSE(side->engine->negotiated().resumed);
    EXPECT_EQ(side->owner.verified, 0);
  }
  EXPECT_EQ(pair->server.owner.asked_psk, "device 7");
  EXPECT_EQ(pair->handshake_time(), Duration(0));
  expect_alive(*pair);
}

TEST_P(EnginePsk, a_key_of_the_longest_size_works) {
  const auto pair = psk_pair();
  pair->client.owner.psk_key = pair->server.owner.psk_key = std::string(64, 'k');
  ASSERT_TRUE(pair->connect()) << why(*pair);
  expect_alive(*pair);
}

TEST_P(EnginePsk, a_wrong_key_establishes_nothing) {
  const auto pair = psk_pair();
  pair->client.owner.psk_key = "another sixteen.";
  EXPECT_FALSE(pair->connect());
  EXPECT_EQ(pair->client.established + pair->server.established, 0);
  if (is_13()) {
    expect_refused(pair->server, pair->client, AlertDescription::kDecryptError);
  } else {  // RFC 6347 §4.1.2.7: a Finished that cannot be opened is noise, until it comes again
    EXPECT_GT(pair->server.engine->channel().discarded().forged, 0U);
    expect_refused(pair->server, pair->client, AlertDescription::kBadRecordMac);
    EXPECT_LE(pair->elapsed(), Duration(3000)) << "the client's flight and two repetitions";
  }
  const std::string of = "another pre-shared key for the identity \"device 7\"";
  ASSERT_TRUE(pair->server.failure && pair->client.failure);
  EXPECT_EQ(pair->server.failure->kind, ErrorKind::kUntrusted);
  for (const auto* side : {&pair->server, &pair->client})
    EXPECT_NE(side->failure->message.find(of), std::string::npos) << side->failure->message;
}

TEST_P(EnginePsk, an_identity_is_quoted_in_ascii) {
  EXPECT_EQ(handshake::quote_identity("a\"b\\\n\xff~"), R"("a\x22b\x5c\x0a\xff~")");
  EXPECT_EQ(handshake::quote_identity(std::string(65, 'i')), '"' + std::string(64, 'i') + "\"...");
}

TEST_P(EnginePsk, an_unknown_identity_is_refused) {
  const auto pair = psk_pair();
  pair->client.owner.psk_identity = "device 8";
  pair->connect();
  expect_refused(
      pair->server, pair->client,
      is_13() ? AlertDescription::kHandshakeFailure : AlertDescription::kUnknownPskIdentity);
  EXPECT_EQ(pair->server.owner.asked_psk, "device 8");
}

TEST_P(EnginePsk, a_server_may_answer_later) {
  const auto pair = psk_pair();
  pair->server.owner.psk_is_pending = true;
  pair->start();
  EXPECT_FALSE(pair->settle(Duration(60'000)));
  ASSERT_FALSE(pair->server.psks_wanted.empty());
  EXPECT_EQ(pair->server.psks_wanted, std::vector<std::string>{"device 7"})
      << "repetitions of the client ask only once";
  EXPECT_EQ(pair->client.established + pair->server.established, 0);
  pair->server.engine->provide_psk(pair->server.owner.key(), pair->now());
  pair->settle();
  EXPECT_EQ(pair->client.established, 1) << why(*pair);
  EXPECT_EQ(pair->server.established, 1) << why(*pair);
  expect_alive(*pair);
}

TEST_P(EnginePsk, a_server_may_answer_while_the_clients_datagrams_still_come) {
  const auto pair = psk_pair();
  pair->server.owner.psk_is_pending = true;
  pair->start();
  pair->settle(Duration(500));
  ASSERT_EQ(pair->server.psks_wanted.size(), 1U);
  pair->server.engine->provide_psk(pair->server.owner.key(), pair->now());
  pair->deliver();
  EXPECT_EQ(pair->client.established, 1) << why(*pair);
  EXPECT_EQ(pair->server.established, 1) << why(*pair);
  EXPECT_LE(pair->elapsed(), Duration(500)) << "nothing has to be sent again";
  expect_alive(*pair);
}

TEST_P(EnginePsk, a_server_may_say_later_that_there_is_none) {
  const auto pair = psk_pair();
  pair->server.owner.psk_is_pending = true;
  pair->start();
  pair->deliver();
  ASSERT_EQ(pair->server.psks_wanted.size(), 1U);
  pair->server.engine->provide_psk(std::nullopt, pair->now());
  pair->settle();
  expect_refused(
      pair->server, pair->client,
      is_13() ? AlertDescription::kHandshakeFailure : AlertDescription::kUnknownPskIdentity);
}

TEST_P(EnginePsk, an_answer_that_nobody_waits_for_changes_nothing) {
  const auto pair = psk_pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  pair->server.engine->provide_psk(std::nullopt, pair->now());
  pair->client.engine->provide_psk(pair->client.owner.key(), pair->now());
  expect_alive(*pair);
}

class EnginePsk12 : public EngineTest {
 protected:
  EnginePsk12() {
    speak(wire::kDtls12);
    use_psk();
  }
};

// Somebody who forges records of the client's next epoch before its Finished comes.
TEST_F(EnginePsk12, forged_finished_records_do_not_end_a_handshake) {
  const auto pair = psk_pair();
  EngineSide::Datagram forged(wire::kRecordHeaderSize + 40, std::byte{7});
  wire::Writer writer(forged);
  wire::write_record_header(writer, {wire::ContentType::kHandshake, wire::kDtls12, 1, 0, 40});
  pair->start();
  const auto flood = [&] {
    for (auto* side : {&pair->client, &pair->server}) {
      for (int i = 0; i < 100; ++i)
        side->wire.push_front(forged);
    }
  };
  do {
    flood();
  } while (pair->advance(pair->now() + Duration(10'000)));
  EXPECT_TRUE(pair->client.established && pair->server.established) << why(*pair);
}

// The server's side of it is of another library, which says nothing.
TEST_F(EnginePsk12, client_that_is_not_answered_suspects_the_key) {
  const auto pair = psk_pair();
  pair->client.owner.psk_key = "another sixteen.";
  pair->start();
  pair->deliver();
  const auto says = pair->client.engine->standstill();
  EXPECT_NE(says.find("did not answer our Finished"), std::string::npos) << says;
  EXPECT_NE(says.find("\"device 7\""), std::string::npos) << says;
  const auto server = pair->server.engine->standstill();
  EXPECT_NE(server.find("its Finished could not be decrypted"), std::string::npos) << server;
}

TEST_F(EnginePsk12, a_client_may_answer_later) {
  const auto pair = psk_pair();
  pair->client.owner.psk_is_pending = true;
  pair->start();
  EXPECT_FALSE(pair->settle(Duration(60'000)));
  EXPECT_EQ(pair->client.psks_wanted, std::vector<std::string>{""}) << "no hint was sent";
  pair->client.engine->provide_psk(pair->client.owner.key(), pair->now());
  pair->settle();
  EXPECT_EQ(pair->client.established, 1) << why(*pair);
  EXPECT_EQ(pair->server.established, 1) << why(*pair);
  expect_alive(*pair);
}

TEST_F(EnginePsk12, a_client_that_has_no_key_says_so) {
  const auto pair = psk_pair();
  pair->client.owner.psk_key.clear();
  pair->connect();
  expect_refused(pair->client, pair->server, AlertDescription::kHandshakeFailure);
}

class EnginePsk13 : public EngineTest {
 protected:
  EnginePsk13() {
    speak(wire::kDtls13);
    use_psk();
  }
};

TEST_F(EnginePsk13, a_key_that_the_server_does_not_know_gives_way_to_its_certificate) {
  const auto pair = psk_pair();
  pair->server.owner.psk_key.clear();
  pair->server.owner.presented.identity = identity();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_FALSE(pair->client.engine->negotiated().with_psk);
  EXPECT_EQ(pair->client.owner.verified, 1);
}

TEST_F(EnginePsk13, a_client_without_a_key_takes_the_servers_certificate) {
  const auto pair = psk_pair();
  pair->client.owner.psk_key.clear();
  pair->server.owner.presented.identity = identity();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_FALSE(pair->client.engine->negotiated().with_psk);
  EXPECT_EQ(pair->client.owner.verified, 1);
}

TEST_F(EnginePsk13, keys_are_agreed_upon_even_where_a_psk_alone_would_do) {
  for (const bool client_allows : {false, true}) {
    for (const bool server_allows : {false, true}) {
      client_.psk_only = client_allows;
      server_.psk_only = server_allows;
      const auto pair = psk_pair();
      ASSERT_TRUE(pair->connect()) << why(*pair);
      EXPECT_NE(static_cast<int>(pair->client.engine->negotiated().group), 0)
          << "forward secrecy costs nothing that a side has not allowed itself";
    }
  }
}

TEST_F(EnginePsk13, works_after_a_hello_retry_request) {
  server_.groups = {crypto::Group::kP384};
  const auto pair = psk_pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_TRUE(pair->server.engine->negotiated().with_psk);
  EXPECT_EQ(pair->server.engine->negotiated().group, wire::NamedGroup::kSecp384r1);
  expect_alive(*pair);
}

TEST_F(EnginePsk13, a_pending_answer_after_a_hello_retry_request_is_asked_for_again) {
  server_.groups = {crypto::Group::kP384};
  const auto pair = psk_pair();
  pair->server.owner.psk_is_pending = true;
  pair->start();
  for (int i = 0; i < 2; ++i) {
    pair->deliver();
    ASSERT_EQ(pair->server.psks_wanted.size(), static_cast<std::size_t>(i + 1));
    pair->server.engine->provide_psk(pair->server.owner.key(), pair->now());
  }
  pair->settle();
  EXPECT_EQ(pair->server.established, 1) << why(*pair);
  expect_alive(*pair);
}

}  // namespace
}  // namespace dtls::test
