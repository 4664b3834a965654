// Tickets of clients: which sessions they resume, and which not.
#include <gtest/gtest.h>

#include "association/session_ticket.hpp"
#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

class ClientTicket : public testing::TestWithParam<ProtocolVersion> {
 protected:
  ClientTicket() {
    ServerConfig config;
    config.identity = authority_.issue();
    server_ = std::move(*Context::for_server(config));
    client_.ca = authority_.certificate();
    client_.server_name = "localhost";
    client_.versions = {GetParam(), GetParam()};
    client_.tickets = true;
  }
  // A ticket of a session of these settings that is over.
  std::optional<SessionTicket> ticket() {
    VirtualPair pair(server_, client_);
    EXPECT_TRUE(pair.connect());
    pair.settle([] { return true; });
    EXPECT_EQ(pair.client().tickets, client_.tickets ? 1 : 0);
    auto ticket = pair.client().session->take_ticket();
    EXPECT_FALSE(pair.client().session->take_ticket()) << "it is given once";
    return ticket;
  }
  // Whether a session of these settings was resumed.
  bool resumes() {
    VirtualPair pair(server_, client_);
    EXPECT_TRUE(pair.connect());
    if (!pair.client().connected) return false;
    EXPECT_EQ(pair.client().session->negotiated()->resumed,
              pair.server().session->negotiated()->resumed);
    verification_ = pair.client().session->verification();
    return pair.client().session->negotiated()->resumed;
  }

  Authority authority_;
  std::shared_ptr<Context> server_;
  ClientConfig client_;
  PeerVerification verification_;
};
INSTANTIATE_TEST_SUITE_P(Of, ClientTicket,
                         testing::Values(ProtocolVersion::kDtls12, ProtocolVersion::kDtls13),
                         [](const auto& tested) {
                           return tested.param == ProtocolVersion::kDtls12 ? "Dtls12" : "Dtls13";
                         });

TEST_P(ClientTicket, resumes_the_session_and_keeps_its_verdict) {
  client_.session = ticket();
  ASSERT_TRUE(client_.session);
  EXPECT_TRUE(resumes());
  EXPECT_TRUE(verification_.authorized);
  EXPECT_FALSE(verification_.certificate.empty());
}

// RFC 8446 §C.4
TEST_P(ClientTicket, is_used_once_in_dtls_13) {
  client_.session = ticket();
  EXPECT_TRUE(resumes());
  EXPECT_EQ(resumes(), GetParam() == ProtocolVersion::kDtls12);
}

TEST_P(ClientTicket, is_not_offered_under_another_name) {
  client_.session = ticket();
  client_.server_name = "127.0.0.1";
  EXPECT_FALSE(resumes());
}

TEST_P(ClientTicket, is_not_offered_where_other_authorities_are_trusted) {
  client_.session = ticket();
  const Authority other;
  client_.ca += other.certificate();
  EXPECT_FALSE(resumes());
}

TEST_P(ClientTicket, of_a_server_that_was_not_verified_is_no_way_around_verification) {
  client_.verify = false;
  client_.server_name = "other.example";
  client_.session = ticket();
  EXPECT_TRUE(resumes());
  client_.session = ticket();
  client_.verify = true;
  EXPECT_FALSE(resumes());
}

TEST_P(ClientTicket, is_not_asked_for_unless_wanted) {
  client_.tickets = false;
  EXPECT_FALSE(ticket());
}

TEST_P(ClientTicket, is_not_given_by_a_server_that_has_them_off) {
  ServerConfig config;
  config.identity = authority_.issue();
  config.tickets = false;
  server_ = std::move(*Context::for_server(config));
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  pair.settle([] { return true; });
  EXPECT_EQ(pair.client().tickets, 0);
}

TEST_P(ClientTicket, that_the_server_does_not_know_any_more_costs_nothing_but_the_handshake) {
  client_.session = ticket();
  ServerConfig config;
  config.identity = authority_.issue();
  server_ = std::move(*Context::for_server(config));
  EXPECT_FALSE(resumes());
}

// Whatever proves the server, or us, must be the same as when the session began.
TEST(ClientTicketBinding, is_another_for_each_setting_that_decides_on_trust) {
  const auto psk = [](const char* identity, std::string_view key) {
    return *Psk::make(identity, std::as_bytes(std::span(key)));
  };
  std::vector<ClientConfig> all(9);
  all[1].server_name = "a.example";
  all[2].ca = "an authority";
  all[3].verify = !all[0].verify;
  all[4].load_system_trust = !all[0].load_system_trust;
  all[5].identity.cert = "a certificate";
  all[6].psk = psk("one", "a key");
  all[7].psk = psk("two", "a key");
  all[8].psk = psk("one", "another key");
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(association::binding_of(all[i]), association::binding_of(all[i]));
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_NE(association::binding_of(all[i]), association::binding_of(all[j])) << i << ' ' << j;
  }
  const auto binding = association::binding_of(all[0]);
  const auto at = [&](const char* literal) {
    return association::bind_to_peer(binding, *Address::parse(literal, 5684));
  };
  EXPECT_EQ(at("192.0.2.1"), at("192.0.2.1"));
  EXPECT_NE(at("192.0.2.1"), at("192.0.2.2"));
}

TEST(ClientTicketBinding, does_not_let_a_client_that_verifies_resume_what_was_not_verified) {
  handshake::Ticket ticket;
  ticket.state.version = wire::kDtls12;
  ticket.state.peer_authorized = false;
  SessionTicket::Inside inside(std::move(ticket), {});
  EXPECT_FALSE(inside.use({}, true));
  EXPECT_TRUE(inside.use({}, false));
}

// RFC 8446 §4.6.1: a session ends some time, however often it is resumed.
TEST(ClientTicketLife, is_that_of_its_session) {
  handshake::Ticket ticket;
  ticket.state.version = wire::kDtls12;
  ticket.state.peer_authorized = true;
  ticket.state.valid_until = TimePoint(std::chrono::hours(7));
  SessionTicket::Inside inside(std::move(ticket), {});
  const auto used = inside.use({}, true);
  ASSERT_TRUE(used);
  EXPECT_EQ(used->state.valid_until, TimePoint(std::chrono::hours(7)));
}

}  // namespace
}  // namespace dtls::test
