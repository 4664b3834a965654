// Associations on tclaimant way between threads, by a clock of the test's own.
#include "runtime/migrations.hpp"

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
  Association association(std::move(*Session::server(*Context::for_server(config), peer)),
                          {peer, peer}, 1024);
  const std::array<std::byte, 100> datagram{};
  for (int i = 0; i < 30; ++i)
    endpoint::Opening::hold(association.opening, datagram);
  EXPECT_EQ(association.opening.size(), 24U);
  association.opening.clear();
  const std::array<std::byte, 1000> large{};
  for (int i = 0; i < 30; ++i)
    endpoint::Opening::hold(association.opening, large);
  EXPECT_EQ(association.opening.size(), 8U);
}

using Never = Migrations::Never;

class MigrationsTest : public testing::Test {
 protected:
  MigrationsTest() {
    ServerConfig config;
    config.identity = test::Authority().issue();
    context_ = std::move(*Context::for_server(config));
  }

  net::UdpSocket make_socket() {
    return std::move(*net::UdpSocket::connect(*Address::parse("127.0.0.1", 9)));
  }
  Migrations::Moving make_moving(net::UdpSocket socket) {
    const Address peer = *Address::parse("127.0.0.1", 9);
    auto association = std::make_unique<Association>(std::move(*Session::server(context_, peer)),
                                                     Path{peer, peer}, 1024);
    association->server = server_;
    return {std::move(association), std::move(socket)};
  }
  std::shared_ptr<ConnectionCore> make_claimant() {
    auto association = make_moving({}).association;
    return std::make_shared<ConnectionCore>(loop_, std::move(*association));
  }
  Result<bool> claim(Migrations::Id socket, const std::shared_ptr<ConnectionCore>& claimant) {
    return migrations_.claim(socket, "moving", {loop_.core().mailbox(), claimant, claimant.get()},
                             now_);
  }

  EventLoop loop_;
  std::shared_ptr<const NamedServer> server_ = [this] {
    auto server = std::make_shared<NamedServer>();
    server->name = "moving";
    server->mailbox = loop_.core().mailbox();
    return server;
  }();
  std::shared_ptr<Context> context_;
  Migrations& migrations_ = Migrations::of_process();
  TimePoint now_{std::chrono::hours(1000)};
};

TEST_F(MigrationsTest, a_parked_association_is_collected_once_by_its_claimant) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  const int fd = socket.descriptor();
  migrations_.park(make_moving(std::move(socket)), now_);
  const auto claimant = make_claimant();
  const auto other = make_claimant();
  EXPECT_TRUE(*claim(identity, claimant));
  EXPECT_EQ(claim(identity, other).error().sys_errno, EBUSY);
  EXPECT_TRUE(std::holds_alternative<Never>(migrations_.collect(identity, *other)));
  auto prospect = migrations_.collect(identity, *claimant);
  auto* collected = std::get_if<Migrations::Collected>(&prospect);
  ASSERT_NE(collected, nullptr);
  EXPECT_EQ(collected->moving.socket.descriptor(), fd);
  EXPECT_TRUE(std::holds_alternative<Never>(migrations_.collect(identity, *claimant)));
  migrations_.withdraw(identity);
  EXPECT_FALSE(*claim(identity, claimant)) << "it is known no more";
}

TEST_F(MigrationsTest, a_claimant_that_renounces_or_is_gone_makes_room_for_the_next) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  const auto owner = make_claimant();
  migrations_.announce(identity, "moving", {loop_.core().mailbox(), owner, owner.get()});
  auto first = make_claimant();
  EXPECT_TRUE(*claim(identity, first));
  EXPECT_TRUE(std::holds_alternative<Migrations::Later>(migrations_.collect(identity, *first)));
  migrations_.renounce(identity, *first);
  auto second = make_claimant();
  EXPECT_TRUE(*claim(identity, second));
  second.reset();
  migrations_.park(make_moving(std::move(socket)), now_);
  EXPECT_TRUE(*claim(identity, first));
  EXPECT_TRUE(std::holds_alternative<Migrations::Collected>(migrations_.collect(identity, *first)));
}

TEST_F(MigrationsTest,
       an_association_without_a_claimant_in_time_is_dropped_and_its_descriptor_closed) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  const int fd = socket.descriptor();
  migrations_.park(make_moving(std::move(socket)), now_);
  now_ += Migrations::kTimeout - Duration(1);
  EXPECT_TRUE(migrations_.drop_overdue(now_)) << "it waits on";
  EXPECT_EQ(net::UdpSocket::identity_of(fd), identity);
  now_ += Duration(1);
  EXPECT_FALSE(migrations_.drop_overdue(now_)) << "nothing waits any more";
  EXPECT_EQ(net::UdpSocket::identity_of(fd), 0U);
  EXPECT_FALSE(*claim(identity, make_claimant()));
}

TEST_F(MigrationsTest, oldest_is_dropped_where_too_many_are_parked) {
  Migrations few(2);
  std::array<Migrations::Id, 3> identities{};
  for (auto& identity : identities) {
    auto socket = make_socket();
    identity = socket.identity();
    few.park(make_moving(std::move(socket)), now_);
    now_ += Duration(1);
  }
  EXPECT_TRUE(few.drop_overdue(now_));
  const auto claimant = make_claimant();
  const auto claims = [&](Migrations::Id identity) {
    return *few.claim(identity, "moving", {loop_.core().mailbox(), claimant, claimant.get()}, now_);
  };
  EXPECT_FALSE(claims(identities[0]));
  EXPECT_TRUE(claims(identities[1]));
  EXPECT_TRUE(claims(identities[2]));
}

TEST_F(MigrationsTest, a_descriptor_number_that_is_another_socket_by_now_is_left_alone) {
  auto socket = make_socket();
  const int fd = socket.descriptor();
  migrations_.park(make_moving(std::move(socket)), now_);
  net::UdpSocket(fd).close();  // as a program may do with a descriptor that it was given
  auto other = make_socket();
  ASSERT_EQ(other.descriptor(), fd);
  migrations_.drop_overdue(now_ + Migrations::kTimeout);
  EXPECT_NE(other.identity(), 0U);
}

TEST_F(MigrationsTest, waiting_begins_anew_with_each_parking) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  migrations_.park(make_moving(std::move(socket)), now_);
  now_ += Migrations::kTimeout / 2;
  const auto claimant = make_claimant();
  EXPECT_TRUE(*claim(identity, claimant));
  auto prospect = migrations_.collect(identity, *claimant);
  migrations_.park(std::move(std::get<Migrations::Collected>(prospect).moving), now_);
  now_ += Migrations::kTimeout / 2;
  EXPECT_TRUE(migrations_.drop_overdue(now_));
  EXPECT_TRUE(*claim(identity, claimant));
}

TEST_F(MigrationsTest, another_servers_name_opens_nothing) {
  auto socket = make_socket();
  const auto identity = socket.identity();
  migrations_.park(make_moving(std::move(socket)), now_);
  const auto claimant = make_claimant();
  EXPECT_EQ(
      migrations_
          .claim(identity, "another", {loop_.core().mailbox(), claimant, claimant.get()}, now_)
          .error()
          .sys_errno,
      EINVAL);
  EXPECT_TRUE(*claim(identity, claimant));
}

}  // namespace
}  // namespace dtls::runtime
