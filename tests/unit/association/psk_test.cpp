// Sessions with pre-shared keys, of programs and their callbacks.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <new>

#include "handshake/suites.hpp"
#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

Psk key(const std::string& identity, std::string_view secret = "sixteen secrets!") {
  return *Psk::make(identity, std::as_bytes(std::span(secret)));
}

class SessionPsk : public testing::TestWithParam<ProtocolVersion> {
 protected:
  SessionPsk() {
    client_.versions = {GetParam(), GetParam()};
    client_.verify = false;
    client_.handshake_timeout = server_.handshake_timeout = Duration(2000);
    client_.first_retransmission = server_.first_retransmission = Duration(50);
  }
  static bool is_13() { return GetParam() == ProtocolVersion::kDtls13; }

  ServerConfig server_;
  ClientConfig client_;
};
INSTANTIATE_TEST_SUITE_P(Of, SessionPsk,
                         testing::Values(ProtocolVersion::kDtls12, ProtocolVersion::kDtls13),
                         [](const auto& tested) {
                           return tested.param == ProtocolVersion::kDtls12 ? "Dtls12" : "Dtls13";
                         });

TEST_P(SessionPsk, a_server_without_a_certificate_serves_who_has_its_key) {
  server_.psks = {key("device 6", "another secret.."), key("device 7")};
  client_.psk = key("device 7");
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  for (auto* side : {&pair.client(), &pair.server()}) {
    EXPECT_EQ(side->connected, 1);
    EXPECT_EQ(side->session->negotiated()->psk_identity, "device 7");
    EXPECT_FALSE(side->session->verification().authorized);
    EXPECT_NE(side->session->verification().reason.find("pre-shared"), std::string::npos);
  }
}

TEST_P(SessionPsk, keys_are_agreed_upon_unless_both_sides_have_an_option_against_it) {
  server_.psks = {key("device 7")};
  client_.psk = key("device 7");
  for (const auto server : {PskKeyExchange::kWithDhe, PskKeyExchange::kEither}) {
    for (const auto client : {PskKeyExchange::kWithDhe, PskKeyExchange::kEither}) {
      server_.psk_key_exchange = server;
      client_.psk_key_exchange = client;
      VirtualPair pair(server_, client_);
      ASSERT_TRUE(pair.connect());
      EXPECT_NE(pair.client().session->negotiated()->group, "");
    }
  }
  client_.psk_key_exchange = PskKeyExchange::kAlone;
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.client().session->negotiated()->group.empty(), is_13());
  EXPECT_EQ(pair.server().session->negotiated()->group.empty(), is_13());
}

TEST_P(SessionPsk, both_sides_learn_that_their_keys_differ) {
  server_.psks = {key("device 7", "another secret..")};
  client_.psk = key("device 7");
  VirtualPair pair(server_, client_);
  pair.connect();
  for (auto* side : {&pair.client(), &pair.server()}) {
    ASSERT_TRUE(side->failure);
    EXPECT_NE(side->failure->message.find("another pre-shared key for the identity \"device 7\""),
              std::string::npos)
        << side->failure->message;
  }
}

TEST_P(SessionPsk, the_callbacks_are_asked_for_what_is_not_listed) {
  std::string asked;
  server_.psk_callback = [&](std::string_view identity) -> PskAnswer {
    asked = identity;
    return key("whatever");
  };
  client_.psk_callback = [](std::string_view) -> PskAnswer { return key("device 7"); };
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(asked, "device 7");
  EXPECT_EQ(pair.server().session->negotiated()->psk_identity, "device 7");
}

TEST_P(SessionPsk, an_identity_that_nobody_knows_is_refused) {
  server_.psk_callback = [](std::string_view) -> PskAnswer { return NoPsk{}; };
  client_.psk = key("device 8");
  VirtualPair pair(server_, client_);
  pair.connect();
  ASSERT_TRUE(pair.client().failure && pair.server().failure);
  EXPECT_EQ(pair.client().failure->alert, is_13() ? 40 : 115);
}

TEST_P(SessionPsk, answers_may_come_later_on_both_sides) {
  server_.psk_callback = [](std::string_view) -> PskAnswer { return PskLater{}; };
  client_.psk_callback = [](std::string_view) -> PskAnswer { return PskLater{}; };
  VirtualPair pair(server_, client_);
  // A client of DTLS 1.3 wants its key before its first datagram.
  for (int i = 0; i < 3 && pair.client().connected + pair.server().connected < 2; ++i) {
    pair.settle([&] { return pair.client().wanted_psk || pair.server().wanted_psk; });
    for (auto* side : {&pair.client(), &pair.server()}) {
      if (!side->wanted_psk) continue;
      EXPECT_EQ(*side->wanted_psk, side == &pair.client() ? "" : "device 7");
      side->wanted_psk.reset();
      side->session->provide_psk(key("device 7"), pair.now());
    }
  }
  EXPECT_TRUE(pair.connect());
  EXPECT_EQ(pair.client().connected, 1);
  EXPECT_EQ(pair.server().connected, 1);
}

TEST_P(SessionPsk, a_certificate_is_no_way_around_the_key) {
  const Authority authority;
  server_.identity = authority.issue();  // whoever is in the middle can make one
  client_.psk = key("device 7");
  VirtualPair pair(server_, client_);
  pair.connect();
  EXPECT_TRUE(pair.client().failure);
  EXPECT_EQ(pair.client().connected, 0);
}

TEST_P(SessionPsk, a_certificate_that_is_verified_does_as_well) {
  const Authority authority;
  server_.identity = authority.issue();
  client_.psk = key("device 7");
  client_.verify = true;
  client_.ca = authority.certificate();
  client_.server_name = "localhost";
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_TRUE(pair.client().session->verification().authorized);
  EXPECT_EQ(pair.client().session->negotiated()->psk_identity, "");
}

TEST_P(SessionPsk, a_client_with_a_key_is_not_asked_for_a_certificate) {
  const Authority authority;
  server_.identity = authority.issue();
  server_.ca = authority.certificate();
  server_.psks = {key("device 7")};
  client_.psk = key("device 7");
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.server().connected, 1);
}

// Sessions that are over, and the tickets of them.
class SessionPskTicket : public SessionPsk {
 protected:
  SessionPskTicket() {
    server_.identity = authority_.issue();
    client_.tickets = true;
  }
  std::optional<SessionTicket> ticket(const std::shared_ptr<Context>& server) const {
    VirtualPair pair(server, client_);
    EXPECT_TRUE(pair.connect());
    pair.settle([] { return true; });
    return pair.client().session->take_ticket();
  }

  Authority authority_;
};
INSTANTIATE_TEST_SUITE_P(Of, SessionPskTicket,
                         testing::Values(ProtocolVersion::kDtls12, ProtocolVersion::kDtls13),
                         [](const auto& tested) {
                           return tested.param == ProtocolVersion::kDtls12 ? "Dtls12" : "Dtls13";
                         });

// It may be of a man in the middle, whom nobody asked for a key.
TEST_P(SessionPskTicket, of_a_session_without_the_key_is_no_way_around_it) {
  const auto server = std::move(*Context::for_server(server_));
  client_.session = ticket(server);
  ASSERT_TRUE(client_.session);
  client_.psk = key("device 7");
  VirtualPair pair(server, client_);
  pair.connect();
  EXPECT_EQ(pair.client().connected, 0);
  EXPECT_TRUE(pair.client().failure);
}

TEST_P(SessionPskTicket, that_the_server_has_forgotten_costs_nothing_but_the_handshake) {
  server_.psks = {key("device 7")};
  client_.psk = key("device 7");
  client_.session = ticket(std::move(*Context::for_server(server_)));
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.client().connected, 1);
  EXPECT_EQ(pair.server().session->negotiated()->psk_identity, "device 7");
}

TEST_P(SessionPskTicket, that_the_server_has_forgotten_is_no_identity_to_ask_the_program_about) {
  client_.session = ticket(std::move(*Context::for_server(server_)));
  ASSERT_TRUE(client_.session);
  int asked = 0;
  server_.psk_callback = [&](std::string_view /*identity*/) -> PskAnswer {
    ++asked;
    return PskLater{};
  };
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.client().connected, 1);
  EXPECT_EQ(asked, 0);
}

TEST(PskOptions, keys_and_identities_have_bounds_and_no_error_has_the_key) {
  const std::string secret(65, 's');
  for (const auto& made : {Psk::make("", std::as_bytes(std::span("k"))),
                           Psk::make(std::string(257, 'i'), std::as_bytes(std::span("k"))),
                           Psk::make("i", {}), Psk::make("i", std::as_bytes(std::span(secret)))}) {
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().sys_errno, EINVAL);
    EXPECT_EQ(made.error().message.find("sss"), std::string::npos);
  }
}

TEST(PskOptions, two_keys_of_one_identity_are_refused) {
  ServerConfig config;
  config.psks = {key("a"), key("a", "another secret..")};
  const auto made = Context::for_server(config);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("`psks`"), std::string::npos);
}

TEST(PskOptions, without_a_key_no_suite_has_one_and_a_certificate_is_required) {
  const Authority authority;
  EXPECT_FALSE(Context::for_server({}));
  ServerConfig config;
  config.identity = authority.issue();
  const auto made = std::move(*Context::for_server(config));
  for (const auto id : made->inside().settings->suites)
    EXPECT_FALSE(handshake::uses_psk(*handshake::find_suite(id)));
}

TEST(PskKey, is_wiped_when_it_goes) {
  const std::string secret(32, 's');
  alignas(Psk) std::array<std::byte, sizeof(Psk)> memory{};
  const auto has_key = [&] {
    return !std::ranges::search(memory, std::as_bytes(std::span(secret))).empty();
  };
  auto* const psk = new (memory.data()) Psk(key("device", secret));
  EXPECT_TRUE(has_key());
  std::destroy_at(psk);
  EXPECT_FALSE(has_key());
}

}  // namespace
}  // namespace dtls::test
