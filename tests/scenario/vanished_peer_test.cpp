// Peers that stop half-way, and peers that go without a word.
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

#include "support/bad_network.hpp"

namespace dtls::test {
namespace {

class Vanished : public BadNetwork {
 protected:
  // Short, and yet some retransmissions long.
  static constexpr Duration kPatience{400};

  static Rule nothing_from(Way way, int number_in_way) {
    return lose_if([way, number_in_way](const Passing& passing) {
      return passing.way == way && passing.number_in_way >= number_in_way;
    });
  }
  static bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
  Connection start(const Address& to) {
    return std::move(*Client::start(loop_, client_config_, to));
  }
};

TEST_F(Vanished, a_client_that_stops_half_way_is_dropped_in_time_and_its_place_is_free_again) {
  constexpr Duration kLongPatience{1000};  // much longer than `next` is watched below
  server_config_.handshake_timeout = kLongPatience;
  server_config_.limits.associations = 1;
  auto server = listen();
  LossyProxy network(loop_, server.local_address(), nothing_from(Way::kToServer, 2));
  const auto begin = Clock::now();
  auto silent = start(network.address());
  auto half_open = std::move(*server.accept(kSoon));

  auto next = start(server.local_address());
  EXPECT_EQ(server.accept(Duration(100)).error().sys_errno, EAGAIN) << "there is no place yet";
  EXPECT_EQ(half_open.wait_established(kSoon).error().sys_errno, ETIMEDOUT);
  EXPECT_GE(Clock::now() - begin, kLongPatience);
  ASSERT_EQ(half_open.state(), Connection::State::kFailed);
  EXPECT_EQ(half_open.failure()->kind, ErrorKind::kTimeout);
  EXPECT_EQ(half_open.failure()->sys_errno, ETIMEDOUT);
  EXPECT_TRUE(contains(half_open.failure()->message, "stopped answering half-way"));
  EXPECT_TRUE(contains(half_open.failure()->message, half_open.peer_address().text()));
  EXPECT_EQ(half_open.send("late").error().sys_errno, ETIMEDOUT);

  auto accepted = std::move(*server.accept(kSoon));
  ASSERT_TRUE(next.wait_established(kSoon)) << "the hello was sent again (RFC 6347 §4.2.4)";
  EXPECT_EQ(accepted.peer_address(), next.local_address());
}

TEST_F(Vanished, a_server_that_stops_half_way_is_given_up_in_time) {
  client_config_.handshake_timeout = kPatience;
  auto server = listen();
  LossyProxy network(loop_, server.local_address(), nothing_from(Way::kToClient, 1));
  const auto descriptors = open_descriptors();
  {
    const auto begin = Clock::now();
    auto client = start(network.address());
    auto accepted = std::move(*server.accept(kSoon));
    const auto refused = client.wait_established(kSoon);
    ASSERT_FALSE(refused);
    EXPECT_GE(Clock::now() - begin, kPatience);
    EXPECT_EQ(refused.error().sys_errno, ETIMEDOUT);
    EXPECT_EQ(refused.error().kind, ErrorKind::kTimeout);
    EXPECT_TRUE(contains(refused.error().message, "stopped answering half-way"));
    EXPECT_TRUE(contains(refused.error().message, network.address().text()));
    EXPECT_EQ(receive(client), "error " + std::to_string(ETIMEDOUT));
  }
  // The network keeps the socket that it has opened for the client.
  EXPECT_EQ(open_descriptors(), descriptors + 1);
}

TEST_F(Vanished, a_server_of_which_nothing_is_heard_is_told_apart) {
  client_config_.handshake_timeout = kPatience;
  auto server = listen();
  LossyProxy network(loop_, server.local_address(), nothing_from(Way::kToClient, 0));
  const auto refused = Client::connect(loop_, client_config_, network.address());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, ETIMEDOUT);
  EXPECT_TRUE(contains(refused.error().message, "nothing came from there"));
  EXPECT_EQ(server.accept(Duration::zero()).error().sys_errno, EAGAIN) << "it costs no place";
}

TEST_F(Vanished, a_server_gone_after_its_first_answer_is_no_reason_to_give_up_early) {
  // ICMP is not authenticated: a hint, no more.
  client_config_.handshake_timeout = kPatience;
  auto server = listen();
  auto network =
      std::make_unique<LossyProxy>(loop_, server.local_address(), nothing_from(Way::kToServer, 1));
  const auto begin = Clock::now();
  auto client = start(network->address());
  ASSERT_TRUE(loop_.run_until([&] { return network->lost() > 0; }, kSoon));
  network.reset();
  EXPECT_EQ(client.wait_established(kSoon).error().sys_errno, ETIMEDOUT);
  EXPECT_GE(Clock::now() - begin, kPatience);
  EXPECT_EQ(client.take_socket_error(), ECONNREFUSED);
}

// A pair whose network can be taken away: then its port is closed, without a close_notify.
class PortClosed : public BadNetwork {
 protected:
  PortClosed() {
    EXPECT_TRUE(client_.wait_established(kSoon));
    EXPECT_TRUE(accepted_.wait_established(kSoon));
  }

  Server server_ = listen();
  std::unique_ptr<LossyProxy> network_ =
      std::make_unique<LossyProxy>(loop_, server_.local_address());
  Connection client_ = std::move(*Client::start(loop_, client_config_, network_->address()));
  Connection accepted_ = std::move(*server_.accept(kSoon));
};

TEST_F(PortClosed, is_told_by_take_socket_error_once_for_each_message_and_ends_nothing) {
  network_.reset();
  EXPECT_EQ(client_.take_socket_error(), 0) << "nothing was sent yet";
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client_.send("is anybody there?"));
    EXPECT_EQ(client_.take_socket_error(), ECONNREFUSED);
    EXPECT_EQ(client_.take_socket_error(), 0) << "it was taken";
  }
  EXPECT_EQ(client_.state(), Connection::State::kEstablished);
}

TEST_F(PortClosed, is_told_also_when_the_loop_has_seen_it_first) {
  network_.reset();
  ASSERT_TRUE(client_.send("is anybody there?"));
  EXPECT_EQ(receive(client_, Duration::zero()), "") << "an error of the socket is no end";
  EXPECT_EQ(client_.take_socket_error(), ECONNREFUSED);
  ASSERT_TRUE(client_.send("one"));
  ASSERT_TRUE(client_.send("two")) << "the news of the first does not cost the second";
  EXPECT_EQ(client_.take_socket_error(), ECONNREFUSED);
}

TEST_F(PortClosed, of_a_client_is_told_on_the_servers_side_by_a_socket_of_its_own) {
  ASSERT_TRUE(accepted_.descriptor());
  network_.reset();
  ASSERT_TRUE(accepted_.send("is anybody there?"));
  EXPECT_EQ(accepted_.take_socket_error(), ECONNREFUSED);
  EXPECT_EQ(accepted_.state(), Connection::State::kEstablished);
}

TEST_F(PortClosed, of_a_client_on_the_servers_socket_disturbs_no_other_client) {
  auto [other, other_accepted] = connect(server_);
  network_.reset();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(accepted_.send("is anybody there?"));
    ASSERT_TRUE(other_accepted.send("you are"));
    EXPECT_EQ(receive(other), "you are");
  }
  EXPECT_EQ(accepted_.take_socket_error(), 0)
      << "a socket of many peers does not tell which it was";
  EXPECT_EQ(accepted_.state(), Connection::State::kEstablished);
}

}  // namespace
}  // namespace dtls::test
