// What waits to be taken up, by a clock of the test's own.
#include "runtime/hand_overs.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "support/certificates.hpp"

namespace dtls::runtime {
namespace {

class HandOversTest : public testing::Test {
 protected:
  HandOversTest() {
    ServerConfig config;
    config.identity = test::Authority().issue();
    context_ = std::move(*Context::for_server(config));
  }

  net::UdpSocket make_socket() {
    return std::move(*net::UdpSocket::connect(*Address::parse("127.0.0.1", 9)));
  }
  Legacy make_legacy(net::UdpSocket socket) {
    const Address peer = *Address::parse("127.0.0.1", 9);
    auto association = std::make_unique<Association>(std::move(*Session::server(context_, peer)),
                                                     peer, peer, 1024);
    association->server_name = "moving";
    return {std::move(association), std::move(socket)};
  }
  Result<HandOvers::Claim> claim(HandOvers::Identity socket) {
    return hand_overs_.claim(socket, "moving", {}, now_);
  }

  std::shared_ptr<Context> context_;
  HandOvers& hand_overs_ = HandOvers::of_process();
  TimePoint now_{std::chrono::hours(1000)};
};

TEST_F(HandOversTest, what_is_parked_can_be_claimed_once) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  const int fd = socket.descriptor();
  hand_overs_.park(make_legacy(std::move(socket)), now_);
  auto first = claim(identity);
  ASSERT_TRUE(first && first->legacy);
  EXPECT_EQ(first->legacy->socket.descriptor(), fd);
  EXPECT_FALSE(claim(identity)->known);
}

TEST_F(HandOversTest, what_nobody_takes_up_in_time_is_dropped_and_its_descriptor_closed) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  const int fd = socket.descriptor();
  hand_overs_.park(make_legacy(std::move(socket)), now_);
  now_ += HandOvers::kPatience - Duration(1);
  EXPECT_TRUE(hand_overs_.drop_due(now_)) << "it waits on";
  EXPECT_EQ(net::UdpSocket::identity_of(fd), identity);
  now_ += Duration(1);
  EXPECT_FALSE(hand_overs_.drop_due(now_)) << "nothing waits any more";
  EXPECT_EQ(net::UdpSocket::identity_of(fd), 0U);
  EXPECT_FALSE(claim(identity)->known);
}

TEST_F(HandOversTest, a_descriptor_number_that_is_another_socket_by_now_is_left_alone) {
  auto socket = make_socket();
  const int fd = socket.descriptor();
  hand_overs_.park(make_legacy(std::move(socket)), now_);
  net::UdpSocket(fd).close();  // as a program may do with a descriptor that it was given
  auto other = make_socket();
  ASSERT_EQ(other.descriptor(), fd);
  hand_overs_.drop_due(now_ + HandOvers::kPatience);
  EXPECT_NE(other.identity(), 0U);
}

TEST_F(HandOversTest, waiting_begins_anew_with_each_parking) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  hand_overs_.park(make_legacy(std::move(socket)), now_);
  now_ += HandOvers::kPatience / 2;
  auto claimed = claim(identity);
  hand_overs_.park(std::move(*claimed->legacy), now_);
  now_ += HandOvers::kPatience / 2;
  EXPECT_TRUE(hand_overs_.drop_due(now_));
  EXPECT_TRUE(claim(identity)->legacy);
}

TEST_F(HandOversTest, another_servers_name_opens_nothing) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  hand_overs_.park(make_legacy(std::move(socket)), now_);
  EXPECT_EQ(hand_overs_.claim(identity, "another", {}, now_).error().sys_errno, EINVAL);
  EXPECT_TRUE(claim(identity)->legacy);
}

}  // namespace
}  // namespace dtls::runtime
