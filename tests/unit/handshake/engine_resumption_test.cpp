// Resumption with tickets in both versions (RFC 5077, RFC 8446 §4.6.1).
#include "support/engine_test.hpp"
#include "support/hello_edit.hpp"
#include "support/interceptor.hpp"
#include "support/long_chain.hpp"

namespace dtls::test {
namespace {

class EngineResumption : public EngineTestOfVersion {
 protected:
  handshake::Ticket ticket() {
    const auto first = this->pair();
    return ticket_of(*first);
  }
  // resume connects with the ticket, and tells whether the session was resumed.
  static bool resume(EnginePair& pair, handshake::Ticket ticket) {
    pair.client.owner.to_resume = std::move(ticket);
    EXPECT_TRUE(pair.connect()) << why(pair);
    expect_alive(pair);
    const bool resumed = pair.client.engine->negotiated().resumed;
    EXPECT_EQ(pair.server.engine->negotiated().resumed, resumed);
    EXPECT_EQ(pair.client.owner.resumed, resumed ? 1 : 0);
    EXPECT_EQ(pair.server.owner.resumed, resumed ? 1 : 0);
    EXPECT_EQ(pair.client.owner.verified, resumed ? 0 : 1);
    return resumed;
  }
  bool resumes(handshake::Ticket ticket) {
    const auto pair = this->pair();
    return resume(*pair, std::move(ticket));
  }
};
INSTANTIATE_TEST_SUITE_P(Of, EngineResumption, both_versions(), name_of_version);

TEST_P(EngineResumption, takes_fewer_datagrams_and_no_certificates) {
  const auto first = this->pair();
  auto ticket = ticket_of(*first);
  const auto pair = this->pair();
  pair->client.owner.to_resume = std::move(ticket);
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_TRUE(pair->client.engine->negotiated().resumed);
  EXPECT_TRUE(pair->server.engine->negotiated().resumed);
  EXPECT_EQ(pair->client.owner.verified, 0);
  EXPECT_LE(pair->datagrams(), first->datagrams());
  EXPECT_EQ(pair->handshake_time(), Duration(0));
  expect_alive(*pair);
}

TEST_P(EngineResumption, gives_a_ticket_to_resume_with_again) {
  auto ticket = this->ticket();
  for (int i = 0; i < 3; ++i) {
    const auto pair = this->pair();
    ASSERT_TRUE(resume(*pair, std::move(ticket))) << i;
    auto next = pair->client.engine->take_ticket();
    ASSERT_TRUE(next) << i;
    ticket = std::move(*next);
  }
}

TEST_P(EngineResumption, carries_the_clients_certificate) {
  const auto first = this->pair();
  first->server.owner.presented.asks_client = true;
  first->server.owner.presented.requires_client = true;
  first->client.owner.own = identity(KeyKind::kEd25519);
  auto ticket = ticket_of(*first);
  const auto shown = first->server.owner.peer_chain;
  ASSERT_FALSE(shown.empty());
  for (int i = 0; i < 2; ++i) {  // once more with the ticket of the resumed session
    const auto pair = this->pair();
    pair->server.owner.presented.asks_client = true;
    pair->server.owner.presented.requires_client = true;
    ASSERT_TRUE(resume(*pair, std::move(ticket)));
    EXPECT_EQ(pair->server.owner.verified, 0);
    ASSERT_EQ(pair->server.owner.peer_chain.size(), 1U);
    EXPECT_EQ(pair->server.owner.peer_chain.front(), shown.front());
    EXPECT_EQ(pair->client.owner.peer_chain, first->client.owner.peer_chain);
    auto next = pair->client.engine->take_ticket();
    ASSERT_TRUE(next);
    ticket = std::move(*next);
  }
}

// The server puts the client's certificate into the ticket. Servers that keep no state for
// strangers may drop a hello of several fragments, so that such a ticket would keep the client out.
TEST_P(EngineResumption, a_ticket_that_does_not_fit_the_hellos_datagram_is_not_offered) {
  constexpr std::size_t kMuch = 900;  // more than there is room for beside the rest of a hello
  static const LongChain chain(1);
  const auto own = to_identity(chain.issue(kMuch));
  const auto mutual = [&] {
    auto made = this->pair();
    made->server.owner.presented.asks_client = true;
    made->server.owner.presented.requires_client = true;
    made->client.owner.own = own;
    return made;
  };
  const auto first = mutual();
  const auto ticket = ticket_of(*first);
  ASSERT_GT(ticket.ticket.size(), kMuch);

  const auto full = mutual();
  std::size_t hello = 0;
  full->alter([&](int number, const EngineSide::Datagram& datagram) {
    if (number == 0) hello = datagram.size();
  });
  full->client.owner.to_resume = copy_of(ticket);
  ASSERT_TRUE(full->connect()) << why(*full);
  EXPECT_LT(hello, kMuch) << "one datagram, without the ticket";
  EXPECT_FALSE(full->client.engine->negotiated().resumed);
  EXPECT_EQ(full->client.owner.verified, 1);
  expect_alive(*full);

  client_.channel.mtu = 4000;
  const auto resumed = mutual();
  resumed->client.owner.to_resume = copy_of(ticket);
  ASSERT_TRUE(resumed->connect()) << why(*resumed);
  EXPECT_TRUE(resumed->client.engine->negotiated().resumed) << "a larger `mtu` has room for it";
  expect_alive(*resumed);
}

TEST_P(EngineResumption, a_ticket_of_600_bytes_is_offered_and_one_of_900_is_not) {
  const auto ticket = this->ticket();
  for (const std::size_t size : {600U, 900U}) {
    auto padded = copy_of(ticket);
    padded.ticket.resize(size);
    const auto pair = this->pair();
    std::size_t hello = 0;
    pair->alter([&](int number, const EngineSide::Datagram& datagram) {
      if (number == 0) hello = datagram.size();
    });
    pair->client.owner.to_resume = std::move(padded);
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_EQ(hello > size, size == 600U);
  }
}

TEST_P(EngineResumption, a_ticket_that_has_expired_is_not_offered) {
  auto ticket = this->ticket();
  const auto pair = this->pair();
  pair->pass(std::chrono::seconds(server_.ticket_lifetime_s));
  EXPECT_FALSE(resume(*pair, std::move(ticket)));
}

TEST_P(EngineResumption, a_ticket_that_has_expired_is_not_taken) {
  server_.ticket_keys = std::make_shared<handshake::TicketKeys>(std::chrono::hours(100));
  auto ticket = this->ticket();
  const auto pair = this->pair();
  pair->pass(std::chrono::seconds(server_.ticket_lifetime_s));
  ticket.state.lifetime_s = 1'000'000;
  EXPECT_FALSE(resume(*pair, std::move(ticket)));
}

TEST_P(EngineResumption, a_ticket_is_good_until_it_expires) {
  server_.ticket_keys = std::make_shared<handshake::TicketKeys>(std::chrono::hours(100));
  auto ticket = this->ticket();
  const auto pair = this->pair();
  pair->pass(std::chrono::seconds(server_.ticket_lifetime_s - 1));
  EXPECT_TRUE(resume(*pair, std::move(ticket)));
}

// RFC 8446 §4.6.1: seven days after the full handshake, however often it was resumed since. In
// DTLS 1.2 a resumed session's ticket lives no longer than the first (RFC 5077 §5.6).
TEST_P(EngineResumption, of_one_session_comes_to_an_end) {
  constexpr int kHours = 36;
  server_.ticket_lifetime_s = 48 * 3600;
  server_.ticket_keys = std::make_shared<handshake::TicketKeys>(std::chrono::hours(100));
  auto ticket = this->ticket();
  int resumed = 0;
  while (true) {
    const auto pair = this->pair();
    pair->pass(std::chrono::hours(kHours * (resumed + 1)));
    if (!resume(*pair, std::move(ticket))) break;
    ++resumed;
    auto next = pair->client.engine->take_ticket();
    ASSERT_TRUE(next);
    ticket = std::move(*next);
  }
  EXPECT_EQ(resumed, is_13() ? 4 : 1);
}

TEST_P(EngineResumption, is_not_possible_beyond_the_peers_certificate) {
  const auto first = this->pair();
  first->client.owner.valid_for = std::chrono::minutes(10);
  EXPECT_EQ(ticket_of(*first).state.lifetime_s, 600U);
}

TEST_P(EngineResumption, an_altered_ticket_leads_to_a_full_handshake) {
  const auto good = this->ticket();
  EXPECT_TRUE(resumes(copy_of(good)));
  for (const std::size_t at : {std::size_t{0}, std::size_t{10}, good.ticket.size() - 1}) {
    auto altered = copy_of(good);
    altered.ticket[at] ^= std::byte{1};
    EXPECT_FALSE(resumes(std::move(altered))) << at;
  }
  for (const std::size_t size : {std::size_t{1}, std::size_t{35}, good.ticket.size() - 1}) {
    auto cut = copy_of(good);
    cut.ticket.resize(size);
    EXPECT_FALSE(resumes(std::move(cut))) << size;
  }
}

TEST_P(EngineResumption, a_ticket_for_another_name_leads_to_a_full_handshake) {
  const auto first = this->pair();
  first->client.owner.name = "a.example";
  auto ticket = ticket_of(*first);
  const auto pair = this->pair();
  pair->client.owner.name = "b.example";
  EXPECT_FALSE(resume(*pair, std::move(ticket)));
}

TEST_P(EngineResumption, a_ticket_of_another_binding_leads_to_a_full_handshake) {
  auto ticket = this->ticket();
  const auto pair = this->pair();
  pair->server.owner.presented.binding[5] = std::byte{1};
  EXPECT_FALSE(resume(*pair, std::move(ticket)));
}

TEST_P(EngineResumption, a_ticket_of_another_server_leads_to_a_full_handshake) {
  auto ticket = this->ticket();
  server_.ticket_keys = std::make_shared<handshake::TicketKeys>(Duration(3600'000));
  EXPECT_FALSE(resumes(std::move(ticket)));
}

TEST_P(EngineResumption, a_server_without_tickets_takes_none_and_gives_none) {
  auto ticket = this->ticket();
  server_.tickets = false;
  const auto pair = this->pair();
  EXPECT_FALSE(resume(*pair, std::move(ticket)));
  EXPECT_FALSE(pair->client.engine->take_ticket());
  EXPECT_EQ(pair->client.tickets_came, 0);
}

TEST_P(EngineResumption, a_client_that_wants_no_tickets_keeps_none) {
  client_.tickets = false;
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_FALSE(pair->client.engine->take_ticket());
  EXPECT_EQ(pair->client.tickets_came, 0);
}

TEST_P(EngineResumption, the_former_key_still_opens_and_the_one_before_does_not) {
  server_.ticket_keys = std::make_shared<handshake::TicketKeys>(std::chrono::seconds(1000));
  auto first = this->ticket();
  auto second = this->ticket();
  // A client that comes later has the key replaced.
  const auto later = [&](int seconds) {
    const auto pair = this->pair();
    pair->pass(std::chrono::seconds(seconds));
    ticket_of(*pair);
  };
  later(1500);
  const auto soon = this->pair();
  soon->pass(std::chrono::seconds(1600));
  EXPECT_TRUE(resume(*soon, std::move(first)));
  later(2600);
  const auto late = this->pair();
  late->pass(std::chrono::seconds(2700));
  EXPECT_FALSE(resume(*late, std::move(second)));
}

TEST_P(EngineResumption, a_suite_that_the_server_dropped_leads_to_a_full_handshake) {
  auto ticket = this->ticket();
  server_.suites = {wire::CipherSuite::kAes256GcmSha384,
                    wire::CipherSuite::kEcdheEcdsaAes256GcmSha384};
  EXPECT_FALSE(resumes(std::move(ticket)));
}

TEST_P(EngineResumption, a_ticket_that_the_client_forged_the_secret_of_resumes_nothing) {
  auto ticket = this->ticket();
  const std::array<std::byte, 32> wrong{};
  ticket.state.secret = crypto::Secret(wrong);
  const auto pair = this->pair();
  pair->client.owner.to_resume = std::move(ticket);
  EXPECT_FALSE(pair->connect());
  EXPECT_EQ(pair->server.established, 0);
}

class EngineTicketVersion : public EngineTest {};

// RFC 5746: the certificates of a renegotiation are compared with those of the session.
TEST_F(EngineTicketVersion, a_resumed_session_of_dtls_12_can_be_renegotiated) {
  speak(wire::kDtls12);
  server_.renegotiate = client_.renegotiate = true;
  const auto prepared = [&] {
    auto made = this->pair();
    made->server.owner.presented.asks_client = true;
    made->client.owner.own = identity(KeyKind::kEd25519);
    return made;
  };
  const auto first = prepared();
  auto ticket = ticket_of(*first);
  const auto pair = prepared();
  pair->client.owner.to_resume = std::move(ticket);
  ASSERT_TRUE(pair->connect()) << why(*pair);
  ASSERT_TRUE(pair->client.engine->negotiated().resumed);
  ASSERT_TRUE(pair->client.engine->renegotiate(pair->now()));
  pair->settle();
  EXPECT_FALSE(pair->client.engine->is_renegotiating());
  expect_alive(*pair);
}

TEST_F(EngineTicketVersion, a_ticket_of_the_other_version_is_not_used) {
  for (const auto version : {wire::kDtls12, wire::kDtls13}) {
    speak(version);
    const auto first = this->pair();
    auto ticket = ticket_of(*first);
    const auto other = version == wire::kDtls12 ? wire::kDtls13 : wire::kDtls12;
    client_.min_version = wire::kDtls12;
    client_.max_version = wire::kDtls13;
    server_.min_version = server_.max_version = other;
    const auto pair = this->pair();
    pair->client.owner.to_resume = std::move(ticket);
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_EQ(pair->client.engine->negotiated().version, other);
    EXPECT_FALSE(pair->client.engine->negotiated().resumed);
    EXPECT_EQ(pair->client.owner.verified, 1);
    expect_alive(*pair);
    server_ = default_settings(true);
  }
}

// The same with a client that passes off the session as one of the other version.
TEST_F(EngineTicketVersion, a_ticket_of_the_other_version_is_not_taken) {
  for (const auto version : {wire::kDtls12, wire::kDtls13}) {
    SCOPED_TRACE(version == wire::kDtls12 ? "of DTLS 1.2" : "of DTLS 1.3");
    speak(version);
    const auto first = this->pair();
    auto ticket = ticket_of(*first);
    const auto other = version == wire::kDtls12 ? wire::kDtls13 : wire::kDtls12;
    ticket.state.version = other;
    ticket.state.suite = other == wire::kDtls13 ? wire::CipherSuite::kAes128GcmSha256
                                                : wire::CipherSuite::kEcdheEcdsaAes128GcmSha256;
    ticket.state.server_name.clear();
    client_.min_version = wire::kDtls12;
    client_.max_version = wire::kDtls13;
    auto settings = server_;
    settings.min_version = settings.max_version = other;
    auto pair = std::make_unique<EnginePair>(settings, client_);
    pair->server.owner.presented.identity = identity();
    pair->client.owner.to_resume = std::move(ticket);
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_FALSE(pair->server.engine->negotiated().resumed);
    EXPECT_EQ(pair->client.owner.verified, 1);
    expect_alive(*pair);
  }
}

// RFC 5077 §3.4: the keys of the session are those of its suite.
TEST_F(EngineTicketVersion, a_session_of_dtls12_is_not_resumed_with_another_suite) {
  speak(wire::kDtls12);
  for (auto* settings : {&server_, &client_})
    Interceptor::make_room(*settings);
  const auto first = this->pair();
  auto ticket = ticket_of(*first);
  const auto other = ticket.state.suite == wire::CipherSuite::kEcdheEcdsaAes128GcmSha256
                         ? wire::CipherSuite::kEcdheEcdsaAes256GcmSha384
                         : wire::CipherSuite::kEcdheEcdsaAes128GcmSha256;
  const auto pair = this->pair();
  pair->client.owner.to_resume = std::move(ticket);
  Interceptor interceptor(*pair);
  interceptor.rewrite(handshake::Sender::kServer, wire::HandshakeType::kServerHello,
                      [other](HelloEdit::Body& body) {
                        const std::size_t at = 35 + std::to_integer<std::size_t>(body.at(34));
                        body.at(at) = static_cast<std::byte>(static_cast<unsigned>(other) >> 8U);
                        body.at(at + 1) = static_cast<std::byte>(static_cast<unsigned>(other));
                      });
  pair->start();
  pair->deliver();
  ASSERT_TRUE(pair->client.failure);
  EXPECT_EQ(pair->client.failure->alert,
            static_cast<std::uint8_t>(wire::AlertDescription::kIllegalParameter));
  EXPECT_NE(pair->client.failure->message.find("it resumed a session with another cipher suite"),
            std::string::npos)
      << pair->client.failure->message;
}

// RFC 9147 §5.8.2 has it sent again; who never says that it came has its reasons.
TEST_F(EngineTicketVersion, a_ticket_that_is_never_acknowledged_does_not_end_the_association) {
  speak(wire::kDtls13);
  const auto pair = this->pair();
  pair->start();
  pair->deliver();
  ASSERT_TRUE(pair->server.engine->is_established() && pair->client.engine->is_established());
  const int before = pair->server.sent;
  pair->lose([](int /*number*/) { return true; });
  ASSERT_TRUE(pair->settle(Duration(3'600'000)));
  EXPECT_EQ(pair->server.sent - before, 12) << "the ticket, again and again";
  pair->lose({});
  expect_alive(*pair);
}

}  // namespace
}  // namespace dtls::test
