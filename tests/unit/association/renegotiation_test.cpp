// Renegotiation: refused by default, RFC 5746 where it is asked for, bounded, and without loss of
// the association.
#include <gtest/gtest.h>

#include <cerrno>
#include <span>

#include "association/inside.hpp"
#include "credentials/pem.hpp"
#include "handshake/v12/renegotiation_limit.hpp"
#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

class Renegotiation : public testing::Test {
 protected:
  Renegotiation() {
    server_.identity = authority_.issue();
    server_.renegotiate = true;
    server_.first_retransmission = Duration(20);
    client_.ca = authority_.certificate();
    client_.server_name = "localhost";
    client_.renegotiate = true;
    client_.first_retransmission = Duration(20);
  }

  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
  }
  static bool settle(VirtualPair& pair) {
    return pair.settle([] { return true; });
  }
  // Both sides can send and what they send arrives.
  static void expect_alive(VirtualPair& pair) {
    for (auto* side : {&pair.client(), &pair.server()}) {
      EXPECT_FALSE(side->failure) << side->failure->message;
      EXPECT_FALSE(side->closed);
      const auto sent = side->session->send(bytes("alive"));
      ASSERT_TRUE(sent) << sent.error().message;
    }
    settle(pair);
    for (auto* side : {&pair.client(), &pair.server()}) {
      ASSERT_FALSE(side->messages.empty());
      EXPECT_EQ(side->messages.back(), "alive");
      side->messages.clear();
    }
  }

  Authority authority_;
  ServerConfig server_;
  ClientConfig client_;
};

TEST_F(Renegotiation, a_client_begins_one_and_messages_pass_after_it) {
  server_.first_retransmission = client_.first_retransmission = Duration(10000);
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const int before = pair.datagrams();
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  ASSERT_TRUE(settle(pair));
  EXPECT_EQ(pair.datagrams() - before, 4) << "two flights of each side";
  EXPECT_EQ(pair.client().connected, 1) << "no second Connected";
  EXPECT_EQ(pair.server().connected, 1);
  expect_alive(pair);
}

TEST_F(Renegotiation, a_server_asks_for_one_and_messages_pass_after_it) {
  server_.first_retransmission = client_.first_retransmission = Duration(10000);
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const int before = pair.datagrams();
  ASSERT_TRUE(pair.server().session->renegotiate(pair.now()));
  ASSERT_TRUE(settle(pair));
  EXPECT_EQ(pair.datagrams() - before, 5) << "HelloRequest, and two flights of each side";
  EXPECT_EQ(pair.client().connected, 1);
  EXPECT_EQ(pair.server().connected, 1);
  expect_alive(pair);
}

// RFC 6347 §4.2.4: as in the first handshake, whatever is lost is made up for.
class LostInRenegotiation : public Renegotiation, public testing::WithParamInterface<int> {};

TEST_P(LostInRenegotiation, of_a_client_is_made_up_for) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const int lost = pair.datagrams() + GetParam();
  pair.lose([lost](int number) { return number == lost; });
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  ASSERT_TRUE(pair.settle([&] { return pair.datagrams() > lost + 1 && pair.is_quiet(); }));
  expect_alive(pair);
}

TEST_P(LostInRenegotiation, of_a_server_is_made_up_for) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const int lost = pair.datagrams() + GetParam();
  pair.lose([lost](int number) { return number == lost; });
  ASSERT_TRUE(pair.server().session->renegotiate(pair.now()));
  ASSERT_TRUE(pair.settle([&] { return pair.datagrams() > lost + 1 && pair.is_quiet(); }));
  expect_alive(pair);
}

INSTANTIATE_TEST_SUITE_P(Each, LostInRenegotiation, testing::Range(0, 4));

// RFC 6347 §4.2.4: the last flight is sent again to a peer that lacks it, also by who has gone on.
// Of the handshake, the flights 4 and 5 are the client's last and the server's.
TEST_F(Renegotiation, of_a_server_whose_last_flight_was_lost_follows_the_handshake) {
  VirtualPair pair(server_, client_);
  pair.lose([](int number) { return number == 5; });
  ASSERT_TRUE(pair.settle([&] { return pair.server().connected > 0; }));
  ASSERT_EQ(pair.client().connected, 0);
  ASSERT_TRUE(pair.server().session->renegotiate(pair.now()));
  ASSERT_TRUE(pair.settle([&] { return pair.client().connected > 0 && pair.is_quiet(); }));
  EXPECT_FALSE(pair.server().session->is_renegotiating());
  expect_alive(pair);
}

// What belongs to the first handshake comes when the next one has begun.
TEST_F(Renegotiation, of_a_server_is_not_disturbed_by_the_clients_repeated_flight) {
  VirtualPair pair(server_, client_);
  pair.lose([](int number) { return number == 5; });
  ASSERT_TRUE(pair.settle([&] { return pair.server().connected > 0; }));
  pair.skip(Duration(1000));
  pair.client().session->handle_timeout(pair.now());
  pair.collect();
  ASSERT_FALSE(pair.server().wire.empty()) << "the flight, once more";
  ASSERT_TRUE(pair.server().session->renegotiate(pair.now()));
  ASSERT_TRUE(pair.settle([&] { return pair.client().connected > 0 && pair.is_quiet(); }));
  expect_alive(pair);
}

TEST_F(Renegotiation, of_a_client_whose_last_flight_was_lost_follows_the_handshake) {
  client_.tickets = true;
  client_.versions = {ProtocolVersion::kDtls12, ProtocolVersion::kDtls12};
  const auto server = std::move(*Context::for_server(server_));
  {
    VirtualPair first(server, client_);
    ASSERT_TRUE(first.connect());
    client_.session = first.client().session->take_ticket();
    ASSERT_TRUE(client_.session);
  }
  VirtualPair pair(server, client_);
  pair.lose([](int number) { return number == 4; });
  ASSERT_TRUE(pair.settle([&] { return pair.client().connected > 0; }));
  ASSERT_TRUE(pair.client().session->negotiated()->resumed);
  ASSERT_EQ(pair.server().connected, 0);
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  ASSERT_TRUE(pair.settle([&] { return pair.server().connected > 0 && pair.is_quiet(); }));
  EXPECT_FALSE(pair.client().session->is_renegotiating());
  expect_alive(pair);
}

TEST_F(Renegotiation, the_keys_of_five_in_a_row_work) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  for (int round = 0; round < 5; ++round) {
    pair.skip(Duration(300'000));
    ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
    ASSERT_TRUE(settle(pair));
    expect_alive(pair);
  }
}

TEST_F(Renegotiation, while_it_runs_send_says_again_and_the_deadline_is_the_handshakes) {
  server_.first_retransmission = client_.first_retransmission = Duration(10000);
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_FALSE(pair.waits_of(pair.client()));
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  EXPECT_EQ(pair.client().session->send(bytes("now")).error().sys_errno, EAGAIN);
  EXPECT_EQ(pair.client().session->renegotiate(pair.now()).error().sys_errno, EALREADY);
  EXPECT_TRUE(pair.waits_of(pair.client()));
  pair.collect();
  ASSERT_TRUE(pair.step());  // the server answers the hello
  EXPECT_EQ(pair.server().session->send(bytes("now")).error().sys_errno, EAGAIN);
  EXPECT_TRUE(pair.waits_of(pair.server()));
  settle(pair);
  EXPECT_FALSE(pair.waits_of(pair.client()));
  EXPECT_FALSE(pair.waits_of(pair.server()));
}

TEST_F(Renegotiation, silence_ends_the_association_after_the_handshake_timeout) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  pair.lose([](int) { return true; });
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  pair.client().session->handle_timeout(pair.now() + client_.handshake_timeout - Duration(100));
  pair.collect();
  EXPECT_FALSE(pair.client().failure);
  pair.client().session->handle_timeout(pair.now() + client_.handshake_timeout);
  pair.collect();
  ASSERT_TRUE(pair.client().failure);
  EXPECT_EQ(pair.client().failure->sys_errno, ETIMEDOUT);
}

TEST_F(Renegotiation, a_message_that_a_client_gets_before_the_servers_answer_is_delivered) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.server().session->send(bytes("on the way")));
  pair.collect();
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  ASSERT_TRUE(pair.step());
  EXPECT_EQ(pair.client().messages, std::vector<std::string>{"on the way"});
  settle(pair);
  pair.client().messages.clear();
  expect_alive(pair);
}

TEST_F(Renegotiation, a_message_that_was_overtaken_by_the_clients_hello_is_delivered) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.client().session->send(bytes("overtaken")));
  pair.collect();
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  pair.collect();
  auto& wire = pair.server().wire;
  ASSERT_EQ(wire.size(), 2U);
  std::swap(wire[0], wire[1]);
  settle(pair);
  EXPECT_EQ(pair.server().messages, std::vector<std::string>{"overtaken"});
  pair.server().messages.clear();
  expect_alive(pair);
}

TEST_F(Renegotiation, a_message_that_was_overtaken_by_the_servers_hello_is_delivered) {
  Authority::Wish wish;  // a flight of several datagrams
  for (int i = 0; i < 200; ++i)
    wish.alt_names += ",DNS:host" + std::to_string(i) + ".example.org";
  server_.identity = authority_.issue(wish);
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.server().session->send(bytes("overtaken")));
  pair.collect();
  const Bytes overtaken = pair.client().wire.front();
  pair.client().wire.clear();
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  pair.collect();
  ASSERT_TRUE(pair.step());
  ASSERT_TRUE(pair.step());  // the first datagram of the server's flight
  ASSERT_GT(pair.client().wire.size(), 1U);
  pair.client().wire.push_front(overtaken);
  settle(pair);
  EXPECT_EQ(pair.client().messages, std::vector<std::string>{"overtaken"});
  pair.client().messages.clear();
  expect_alive(pair);
}

// A client on libssl ends the association when it is refused. These tests show that the server
// would have gone on: what the client sent before is delivered to it afterwards.
class Refusal : public Renegotiation {
 protected:
  static Bytes hold_back(VirtualPair& pair) {
    EXPECT_TRUE(pair.client().session->send(bytes("held back")));
    pair.collect();
    Bytes held = std::move(pair.server().wire.back());
    pair.server().wire.pop_back();
    return held;
  }
  static void expect_alive(VirtualPair& pair, const Bytes& held) {
    EXPECT_FALSE(pair.server().failure) << pair.server().failure->message;
    EXPECT_FALSE(pair.waits_of(pair.server()));
    pair.server().wire.push_back(held);
    pair.step();
    EXPECT_EQ(pair.server().messages, std::vector<std::string>{"held back"});
    EXPECT_TRUE(pair.server().session->send(bytes("still here")));
  }
  // The client asks and the server answers; nothing of the client comes after it.
  static void ask(VirtualPair& pair) {
    ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
    pair.collect();
    pair.cut_off(pair.server());
    pair.step();
    pair.collect();
  }
};

TEST_F(Refusal, is_the_default_of_servers_and_told_to_the_client) {
  server_.renegotiate = false;
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const Bytes held = hold_back(pair);
  ask(pair);
  ASSERT_EQ(pair.client().wire.size(), 1U);
  EXPECT_EQ(pair.client().wire[0][0], std::byte{21}) << "an alert, RFC 5246 §6.2.1";
  expect_alive(pair, held);
  settle(pair);
  ASSERT_TRUE(pair.client().failure);
  EXPECT_EQ(pair.client().failure->kind, ErrorKind::kPeer);
  EXPECT_NE(pair.client().failure->message.find("refused the renegotiation"), std::string::npos)
      << pair.client().failure->message;
}

TEST_F(Refusal, is_named_as_the_cause_when_the_client_ends_the_association_over_it) {
  server_.renegotiate = false;
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  settle(pair);
  ASSERT_TRUE(pair.server().failure);
  EXPECT_EQ(pair.server().failure->sys_errno, ECONNRESET);
  EXPECT_NE(pair.server().failure->message.find("option `renegotiate`"), std::string::npos)
      << pair.server().failure->message;
}

TEST_F(Renegotiation, is_told_while_it_runs_because_nothing_can_be_sent_then) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  EXPECT_TRUE(pair.client().session->is_renegotiating());
  settle(pair);
  EXPECT_FALSE(pair.client().session->is_renegotiating());
}

// libssl would wait for a message that never comes, and end the association at the next one.
TEST_F(Refusal, repeated_hellos_do_not_bring_the_server_into_a_handshake) {
  server_.renegotiate = false;
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const Bytes held = hold_back(pair);
  pair.cut_off(pair.client());
  const int before = pair.datagrams();
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  ASSERT_TRUE(pair.settle([&] { return pair.datagrams() > before + 3; }));
  expect_alive(pair, held);
}

TEST_F(Refusal, meets_the_fourth_of_a_client_within_ten_minutes) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
    settle(pair);
    ASSERT_FALSE(pair.client().failure) << round;
  }
  pair.skip(Duration(590'000));
  const Bytes held = hold_back(pair);
  ask(pair);
  ASSERT_EQ(pair.client().wire.size(), 1U);
  EXPECT_EQ(pair.client().wire[0][0], std::byte{21});
  expect_alive(pair, held);
}

TEST_F(Refusal, does_not_meet_the_fourth_after_ten_minutes) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  for (int round = 0; round < 4; ++round) {
    if (round == 3) pair.skip(Duration(600'000));
    ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
    settle(pair);
    ASSERT_FALSE(pair.client().failure) << round;
  }
  Renegotiation::expect_alive(pair);
}

TEST_F(Refusal, does_not_meet_what_the_server_asked_for_itself) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  for (int round = 0; round < 6; ++round) {
    // The client counts the server's.
    if (round == 3) pair.skip(Duration(600'000));
    ASSERT_TRUE(pair.server().session->renegotiate(pair.now()));
    settle(pair);
    ASSERT_FALSE(pair.client().failure) << round;
    ASSERT_FALSE(pair.server().failure) << round;
  }
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  settle(pair);
  Renegotiation::expect_alive(pair);
}

TEST_F(Refusal, is_the_default_of_clients_and_costs_them_nothing) {
  client_.renegotiate = false;
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.server().session->send(bytes("held back")));
  pair.collect();
  const Bytes held = pair.client().wire.front();
  pair.client().wire.clear();
  pair.cut_off(pair.server());
  ASSERT_TRUE(pair.server().session->renegotiate(pair.now()));
  settle(pair);
  EXPECT_FALSE(pair.client().failure);
  EXPECT_FALSE(pair.waits_of(pair.client()));
  pair.client().wire.push_back(held);
  pair.step();
  EXPECT_EQ(pair.client().messages, std::vector<std::string>{"held back"});
  EXPECT_TRUE(pair.client().session->send(bytes("still here")));
}

TEST_F(Renegotiation, of_a_side_that_has_it_off_is_a_misuse) {
  client_.renegotiate = server_.renegotiate = false;
  VirtualPair pair(server_, client_);
  EXPECT_EQ(pair.client().session->renegotiate(pair.now()).error().sys_errno, EAGAIN);
  ASSERT_TRUE(pair.connect());
  for (auto* side : {&pair.client(), &pair.server()}) {
    EXPECT_EQ(side->session->renegotiate(pair.now()).error().sys_errno, EOPNOTSUPP);
  }
  expect_alive(pair);
  pair.client().session->close();
  EXPECT_EQ(pair.client().session->renegotiate(pair.now()).error().sys_errno, EPIPE);
}

TEST_F(Renegotiation, a_request_that_is_ignored_is_given_up_and_the_association_lives_on) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  pair.cut_off(pair.client());
  ASSERT_TRUE(pair.server().session->renegotiate(pair.now()));
  EXPECT_EQ(pair.server().session->renegotiate(pair.now()).error().sys_errno, EALREADY);
  const int before = pair.datagrams();
  pair.collect();
  pair.skip(server_.first_retransmission);
  pair.server().session->handle_timeout(pair.now());
  pair.collect();
  EXPECT_EQ(pair.datagrams(), before + 2) << "the request and its repetition";
  pair.skip(server_.handshake_timeout);
  pair.server().session->handle_timeout(pair.now());
  EXPECT_FALSE(pair.waits_of(pair.server()));
  EXPECT_FALSE(pair.server().failure);
  EXPECT_TRUE(pair.server().session->send(bytes("still here")));
}

TEST_F(Renegotiation, refreshes_the_verdict_about_the_peer) {
  client_.verify = false;
  client_.ca = Authority("another").certificate();
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_FALSE(pair.client().session->verification().authorized);
  const auto trusted = std::move(*credentials::parse_certificates(authority_.certificate(), "ca"));
  X509_STORE_add_cert(pair.client_context().inside().trust.get(), trusted.front().get());
  ASSERT_TRUE(pair.client().session->renegotiate(pair.now()));
  EXPECT_FALSE(pair.client().session->verification().authorized) << "until it is through";
  settle(pair);
  EXPECT_TRUE(pair.client().session->verification().authorized);
  EXPECT_EQ(pair.client().session->verification().reason, "");
}

TEST(RenegotiationLimit, allows_three_in_any_ten_minutes) {
  handshake::RenegotiationLimit limit;
  const TimePoint start = Clock::now();
  const auto minute = [&](int count) { return start + std::chrono::minutes(count); };
  for (const int at : {0, 4, 8}) {
    EXPECT_TRUE(limit.allows(minute(at)));
    limit.count(minute(at));
  }
  EXPECT_FALSE(limit.allows(minute(9)));
  EXPECT_TRUE(limit.allows(minute(10)));
  limit.count(minute(10));
  EXPECT_FALSE(limit.allows(minute(13)));
  EXPECT_TRUE(limit.allows(minute(14)));
}

}  // namespace
}  // namespace dtls::test
