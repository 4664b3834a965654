// Keys of DTLS 1.3 that follow from a pre-shared key or a ticket alone (psk_ke, RFC 8446 §4.2.9).
#include "handshake/tickets.hpp"
#include "support/engine_test.hpp"
#include "support/hello_edit.hpp"
#include "support/interceptor.hpp"

namespace dtls::test {
namespace {

using handshake::Sender;
using wire::AlertDescription;
using wire::ExtensionType;
using wire::HandshakeType;

class EnginePskKe : public EngineTest {
 protected:
  EnginePskKe() {
    speak(wire::kDtls13);
    use_psk();
    server_.psk_only = client_.psk_only = true;
    client_.psk_with_dhe = false;
  }
  static bool agreed_on_keys(const EngineSide& side) {
    return side.engine->negotiated().group != wire::NamedGroup{};
  }
  static bool failed_because(const EngineSide& side, const char* why) {
    return side.failure && side.failure->message.find(why) != std::string::npos;
  }
  // A ticket of these settings, with a certificate.
  [[nodiscard]] handshake::Ticket ticket() const {
    const auto first = this->pair();
    return ticket_of(*first);
  }
};

TEST_F(EnginePskKe, takes_the_keys_from_the_pre_shared_key_alone) {
  for (const bool guarded : {false, true}) {
    const auto pair = psk_pair();
    if (guarded) pair->guard();
    ASSERT_TRUE(pair->connect()) << why(*pair);
    for (const auto* side : {&pair->client, &pair->server}) {
      EXPECT_TRUE(side->engine->negotiated().with_psk);
      EXPECT_FALSE(agreed_on_keys(*side));
      EXPECT_EQ(side->engine->negotiated().retried, guarded) << "the cookie";
    }
    expect_alive(*pair);
  }
}

TEST_F(EnginePskKe, resumes_without_a_key_agreement_and_gets_a_ticket_again) {
  for (const bool guarded : {false, true}) {
    auto ticket = this->ticket();
    for (int i = 0; i < 2; ++i) {
      const auto pair = this->pair();
      if (guarded) pair->guard();
      pair->client.owner.to_resume = std::move(ticket);
      ASSERT_TRUE(pair->connect()) << why(*pair);
      for (const auto* side : {&pair->client, &pair->server}) {
        EXPECT_TRUE(side->engine->negotiated().resumed);
        EXPECT_FALSE(agreed_on_keys(*side));
      }
      expect_alive(*pair);
      auto next = pair->client.engine->take_ticket();
      ASSERT_TRUE(next);
      ticket = std::move(*next);
    }
  }
}

TEST_F(EnginePskKe, a_full_handshake_always_agrees_on_keys) {
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_TRUE(agreed_on_keys(pair->client));
  EXPECT_FALSE(pair->client.engine->negotiated().retried) << "without a PSK the share is sent";
}

TEST_F(EnginePskKe, server_that_allows_both_prefers_the_agreement) {
  client_.psk_with_dhe = true;
  const auto pair = psk_pair();
  pair->guard();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_TRUE(agreed_on_keys(pair->client));
}

TEST_F(EnginePskKe, server_of_psk_ke_alone_takes_it_where_the_client_offers_both) {
  client_.psk_with_dhe = true;
  server_.psk_with_dhe = false;
  const auto pair = psk_pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_FALSE(agreed_on_keys(pair->server));
}

TEST_F(EnginePskKe, server_of_psk_ke_alone_takes_no_key_of_a_client_without_it) {
  client_.psk_with_dhe = true;
  client_.psk_only = false;
  server_.psk_with_dhe = false;
  const auto pair = psk_pair();
  EXPECT_FALSE(pair->connect());
  EXPECT_TRUE(failed_because(pair->server, "offered no pre-shared key that is known here"));
}

// Its ticket is of no use, but the server's certificate is.
TEST_F(EnginePskKe, server_without_psk_ke_asks_for_the_key_share) {
  auto ticket = this->ticket();
  server_.psk_only = false;
  for (const bool guarded : {false, true}) {
    const auto pair = this->pair();
    if (guarded) pair->guard();
    pair->client.owner.to_resume = copy_of(ticket);
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_FALSE(pair->client.engine->negotiated().resumed);
    EXPECT_TRUE(pair->client.engine->negotiated().retried);
    EXPECT_TRUE(agreed_on_keys(pair->client));
    expect_alive(*pair);
  }
}

TEST_F(EnginePskKe, a_ticket_that_the_server_does_not_know_any_more_costs_a_full_handshake) {
  auto ticket = this->ticket();
  server_.ticket_keys = std::make_shared<handshake::TicketKeys>(std::chrono::hours(2));
  for (const bool guarded : {false, true}) {
    const auto pair = this->pair();
    if (guarded) pair->guard();
    pair->client.owner.to_resume = copy_of(ticket);
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_FALSE(pair->client.engine->negotiated().resumed);
    EXPECT_TRUE(agreed_on_keys(pair->client));
  }
}

TEST_F(EnginePskKe, a_pre_shared_key_that_the_server_does_not_know_ends_the_handshake) {
  const auto pair = psk_pair();
  pair->guard();
  pair->server.owner.psk_key.clear();
  pair->server.owner.presented.identity = identity();
  EXPECT_FALSE(pair->connect());
  EXPECT_TRUE(
      failed_because(pair->server, "offered no pre-shared key or ticket that is known here"))
      << why(*pair);
}

TEST_F(EnginePskKe, client_rejects_a_key_agreement_beside_the_key) {
  server_.psk_only = false;  // asks for a key share
  const auto pair = psk_pair();
  pair->server.owner.presented.identity = identity();
  Interceptor interceptor(*pair);
  interceptor.rewrite(Sender::kServer, HandshakeType::kServerHello, [](auto& body) {
    HelloEdit hello(body, Sender::kServer);
    const bool is_retry = hello.find(ExtensionType::kKeyShare).size() == 2;
    if (!is_retry) hello.append(ExtensionType::kPreSharedKey, std::vector<std::byte>(2));
  });
  pair->start();
  pair->settle();
  ASSERT_TRUE(pair->client.failure);
  EXPECT_EQ(pair->client.failure->alert,
            static_cast<std::uint8_t>(AlertDescription::kIllegalParameter));
  EXPECT_TRUE(failed_because(pair->client, "it agreed on keys beside a PSK"))
      << pair->client.failure->message;
}

}  // namespace
}  // namespace dtls::test
