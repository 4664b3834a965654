// The ends of a handshake that repeat themselves: the cookie exchange, and a server's last flight.
#include <gtest/gtest.h>

#include <string>

#include "support/bad_network.hpp"

namespace dtls::test {
namespace {

// Datagrams to the client, from 0.
constexpr int kHelloVerifyRequest = 0;
constexpr int kLastFlight = 2;
// Datagrams to the server, from 0.
constexpr int kFlightOfClient = 2;

constexpr int kWithoutLoss = 6;

class Repeated : public BadNetwork {
 protected:
  // A timer of the client's that is waited for in full: long, so that no other runs out meanwhile.
  static constexpr Duration kTimer{400};
  // The client's first, since the cookie came back at once.
  static constexpr Duration kShortened{100};

  void shake_hands(Rule rule, Duration timer = kTimer) {
    retransmit_after(timer);
    client_config_.versions.max = ProtocolVersion::kDtls12;  // in 1.3 the client speaks last
    server_.emplace(listen());
    network_.emplace(loop_, server_->local_address(), std::move(rule));
    client_.emplace(std::move(*Client::start(loop_, client_config_, network_->address())));
    accepted_.emplace(std::move(*server_->accept(kSoon)));
  }
  static Rule lose_to_client(int first, int last) {
    return lose_if([first, last](const Passing& passing) {
      return passing.way == Way::kToClient && passing.number_in_way >= first &&
             passing.number_in_way <= last;
    });
  }

  std::optional<Server> server_;
  std::optional<LossyProxy> network_;
  std::optional<Connection> client_;
  std::optional<Connection> accepted_;
};

TEST_F(Repeated, a_lost_hello_verify_request_costs_one_more_hello) {
  shake_hands(lose_to_client(kHelloVerifyRequest, kHelloVerifyRequest));
  ASSERT_TRUE(client_->wait_established(kSoon));
  EXPECT_EQ(network_->arrived(), kWithoutLoss + 2);
}

TEST_F(Repeated, hello_verify_requests_may_be_lost_again_and_again) {
  shake_hands(lose_to_client(kHelloVerifyRequest, kHelloVerifyRequest + 3), kFirstRetransmission);
  ASSERT_TRUE(client_->wait_established(kSoon));
  EXPECT_EQ(network_->lost(), 4);
}

// RFC 6347 §4.2.4: the server is done, has no timer, and answers the client's repeated flight.
TEST_F(Repeated, a_lost_last_flight_is_sent_again) {
  shake_hands(lose_to_client(kLastFlight, kLastFlight));
  ASSERT_TRUE(accepted_->wait_established(kSoon));
  EXPECT_EQ(client_->state(), Connection::State::kHandshaking);
  ASSERT_TRUE(client_->wait_established(kSoon));
  EXPECT_EQ(network_->arrived(), kWithoutLoss + 2)
      << "both flights in one datagram each, as before";
  ASSERT_TRUE(client_->send("question"));
  EXPECT_EQ(receive(*accepted_), "question");
}

TEST_F(Repeated, what_a_server_said_after_its_lost_last_flight_is_delivered_in_the_end) {
  shake_hands(lose_to_client(kLastFlight, kLastFlight));
  ASSERT_TRUE(accepted_->wait_established(kSoon));
  ASSERT_TRUE(accepted_->send("early"));
  ASSERT_TRUE(accepted_->send("and more"));
  EXPECT_EQ(client_->state(), Connection::State::kHandshaking);
  EXPECT_EQ(receive(*client_), "early");
  EXPECT_EQ(receive(*client_), "and more");
  ASSERT_TRUE(client_->send("answer"));
  EXPECT_EQ(receive(*accepted_), "answer");
}

TEST_F(Repeated, a_flight_that_comes_again_after_messages_disturbs_neither_side) {
  // The last flight is late, so the client repeats its own; that is later still.
  shake_hands([](const Passing& passing) {
    if (passing.way == Way::kToClient && passing.number_in_way == kLastFlight)
      return Fate{.delay = kShortened + kShortened / 2};
    if (passing.way == Way::kToServer && passing.number_in_way == kFlightOfClient + 1)
      return Fate{.delay = kTimer};
    return Fate{};
  });
  ASSERT_TRUE(client_->wait_established(kSoon));
  ASSERT_TRUE(client_->send("before"));
  EXPECT_EQ(receive(*accepted_), "before");
  EXPECT_EQ(network_->counts(Way::kToClient).arrived, 3) << "the server has not seen it yet";
  ASSERT_TRUE(
      loop_.run_until([&] { return network_->counts(Way::kToClient).delivered == 4; }, kSoon));
  ASSERT_TRUE(client_->send("after"));
  EXPECT_EQ(receive(*accepted_), "after");
  ASSERT_TRUE(accepted_->send("answer"));
  EXPECT_EQ(receive(*client_), "answer");
}

}  // namespace
}  // namespace dtls::test
