// What waits to be taken up, by a clock of the test's own.
#include "runtime/hand_overs.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "runtime/connection_core.hpp"
#include "runtime/named_servers.hpp"
#include "support/certificates.hpp"

namespace dtls::runtime {
namespace {

TEST(Association, holds_24_datagrams_of_8_kib_before_its_handshake_begins) {
  ServerConfig config;
  config.identity = test::Authority().issue();
  const Address peer = *Address::parse("127.0.0.1", 9);
  Association association(std::move(*Session::server(*Context::for_server(config), peer)), peer,
                          peer, 1024);
  const std::array<std::byte, 100> datagram{};
  for (int i = 0; i < 30; ++i)
    association.hold_opening(datagram);
  EXPECT_EQ(association.opening.size(), 24U);
  association.opening.clear();
  const std::array<std::byte, 1000> large{};
  for (int i = 0; i < 30; ++i)
    association.hold_opening(large);
  EXPECT_EQ(association.opening.size(), 8U);
}

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
    association->server = server_;
    return {std::move(association), std::move(socket)};
  }
  // An heir; what it is is nobody's business here.
  std::shared_ptr<ConnectionCore> make_heir() {
    auto association = make_legacy({}).association;
    return std::make_shared<ConnectionCore>(loop_, std::move(*association));
  }
  Result<bool> claim(HandOvers::Identity socket, const std::shared_ptr<ConnectionCore>& heir) {
    return hand_overs_.claim(socket, "moving", {loop_.core().mailbox(), heir, heir.get()}, now_);
  }

  EventLoop loop_;
  std::shared_ptr<const NamedServer> server_ = [] {
    auto server = std::make_shared<NamedServer>();
    server->name = "moving";
    return server;
  }();
  std::shared_ptr<Context> context_;
  HandOvers& hand_overs_ = HandOvers::of_process();
  TimePoint now_{std::chrono::hours(1000)};
};

TEST_F(HandOversTest, what_is_parked_can_be_collected_once_by_its_heir) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  const int fd = socket.descriptor();
  hand_overs_.park(make_legacy(std::move(socket)), now_);
  const auto heir = make_heir();
  const auto other = make_heir();
  EXPECT_TRUE(*claim(identity, heir));
  EXPECT_EQ(claim(identity, other).error().sys_errno, EBUSY);
  EXPECT_EQ(hand_overs_.collect(identity, *other).prospect, HandOvers::Prospect::kNever);
  auto collected = hand_overs_.collect(identity, *heir);
  ASSERT_EQ(collected.prospect, HandOvers::Prospect::kReady);
  EXPECT_EQ(collected.legacy.socket.descriptor(), fd);
  EXPECT_FALSE(*claim(identity, heir)) << "it is known no more";
}

TEST_F(HandOversTest, an_heir_that_renounces_or_is_gone_makes_room_for_the_next) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  hand_overs_.announce(identity, "moving");
  auto first = make_heir();
  EXPECT_TRUE(*claim(identity, first));
  EXPECT_EQ(hand_overs_.collect(identity, *first).prospect, HandOvers::Prospect::kLater);
  hand_overs_.renounce(identity, *first);
  auto second = make_heir();
  EXPECT_TRUE(*claim(identity, second));
  second.reset();
  hand_overs_.park(make_legacy(std::move(socket)), now_);
  EXPECT_TRUE(*claim(identity, first));
  EXPECT_EQ(hand_overs_.collect(identity, *first).prospect, HandOvers::Prospect::kReady);
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
  EXPECT_FALSE(*claim(identity, make_heir()));
}

TEST_F(HandOversTest, oldest_is_dropped_where_too_many_are_parked) {
  HandOvers few(2);
  std::array<HandOvers::Identity, 3> identities{};
  for (auto& identity : identities) {
    auto socket = make_socket();
    identity = socket.identity();
    few.park(make_legacy(std::move(socket)), now_);
    now_ += Duration(1);
  }
  EXPECT_TRUE(few.drop_due(now_));
  const auto heir = make_heir();
  const auto claims = [&](HandOvers::Identity identity) {
    return *few.claim(identity, "moving", {loop_.core().mailbox(), heir, heir.get()}, now_);
  };
  EXPECT_FALSE(claims(identities[0]));
  EXPECT_TRUE(claims(identities[1]));
  EXPECT_TRUE(claims(identities[2]));
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
  const auto heir = make_heir();
  EXPECT_TRUE(*claim(identity, heir));
  hand_overs_.park(hand_overs_.collect(identity, *heir).legacy, now_);
  now_ += HandOvers::kPatience / 2;
  EXPECT_TRUE(hand_overs_.drop_due(now_));
  EXPECT_TRUE(*claim(identity, heir));
}

TEST_F(HandOversTest, another_servers_name_opens_nothing) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  hand_overs_.park(make_legacy(std::move(socket)), now_);
  const auto heir = make_heir();
  EXPECT_EQ(hand_overs_.claim(identity, "another", {loop_.core().mailbox(), heir, heir.get()}, now_)
                .error()
                .sys_errno,
            EINVAL);
  EXPECT_TRUE(*claim(identity, heir));
}

}  // namespace
}  // namespace dtls::runtime
