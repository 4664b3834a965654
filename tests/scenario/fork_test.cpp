// A child process made by fork(2) has copies of its parent's objects.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <iostream>
#include <memory>
#include <system_error>

#include "dtls/session.hpp"
#include "net/udp_socket.hpp"
#include "support/loopback.hpp"

namespace dtls::test {
namespace {

// in_child runs `work` in a forked process, which must find everything as it expects it.
void in_child(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::_exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

template <typename Call>
void expect_dead(Call call) {
  const auto result = call();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().sys_errno, EBADF);
  EXPECT_NE(result.error().message.find("the process that forked"), std::string::npos)
      << result.error().message;
}

class Fork : public Loopback {
 protected:
  static void expect_all_dead(Connection& connection) {
    std::array<std::byte, 64> buffer{};
    expect_dead([&] { return connection.send("twice under one nonce"); });
    expect_dead([&] { return connection.recv(buffer); });
    expect_dead([&] { return connection.wait_established(kSoon); });
    expect_dead([&] { return connection.update_keys(); });
    expect_dead([&] { return connection.renegotiate(); });
    expect_dead([&] { return connection.descriptor(); });
    expect_dead([&] { return connection.socket_options(); });
    expect_dead([&] { return connection.export_keying_material("EXPERIMENTAL", {}, buffer); });
    EXPECT_EQ(connection.pending(), 0U);
    EXPECT_EQ(connection.take_ticket(), std::nullopt);
    EXPECT_EQ(connection.take_socket_error(), EBADF);
  }
};

TEST_F(Fork, leaves_the_childs_copies_dead_and_the_parents_objects_undisturbed) {
  server_config_.name = "forks";
  auto loop = std::make_unique<EventLoop>();
  auto server = std::make_unique<Server>(
      std::move(*Server::listen(*loop, server_config_, *Address::parse("127.0.0.1", 0))));
  auto client = std::move(*Client::start(*loop, client_config_, server->local_address()));
  auto shared = std::move(*server->accept(kSoon));
  ASSERT_TRUE(client.wait_established(kSoon));
  auto second = std::move(*Client::start(*loop, client_config_, server->local_address()));
  auto own = std::move(*server->accept(kSoon));
  ASSERT_TRUE(second.wait_established(kSoon));
  ASSERT_TRUE(own.descriptor());
  std::string readable;
  own.on_readable([&] { readable += receive(own); });

  in_child([&] {
    for (Connection* each : {&client, &second, &shared, &own})
      expect_all_dead(*each);
    expect_dead([&] { return server->accept(kSoon); });
    expect_dead([&] { return server->add_identity({}); });
    expect_dead([&] { return server->socket_options(); });
    EXPECT_EQ(server->descriptor(), -1);
    EXPECT_THROW(loop->run_once(Duration(1)), std::system_error);
    EXPECT_THROW(loop->run(), std::system_error);
    EXPECT_FALSE(loop->post([] {}));
    EXPECT_EQ(Client::start(*loop, client_config_, server->local_address()).error().sys_errno,
              EBADF);
    own.on_readable({});
    shared.fly_away();
    for (Connection* each : {&client, &second, &shared, &own})
      each->close();
    server.reset();
    loop.reset();
  });

  // Nothing was sent, and all is still registered.
  EXPECT_EQ(receive(client, Duration::zero()), "");
  EXPECT_EQ(receive(shared, Duration::zero()), "");
  ASSERT_TRUE(client.send("to the shared socket"));
  EXPECT_EQ(receive(shared), "to the shared socket");
  ASSERT_TRUE(shared.send("back"));
  EXPECT_EQ(receive(client), "back");
  ASSERT_TRUE(second.send("to its own"));
  EXPECT_TRUE(loop->run_until([&] { return !readable.empty(); }, kSoon));
  EXPECT_EQ(readable, "to its own");
  auto third = std::move(*Client::start(*loop, client_config_, server->local_address()));
  ASSERT_TRUE(server->accept(kSoon));
}

TEST_F(Fork, leaves_the_child_free_to_serve_and_connect_for_itself) {
  server_config_.name = "forks";
  auto server = listen();
  auto [client, accepted] = connect(server);
  ASSERT_TRUE(accepted.descriptor());
  in_child([&] {
    EventLoop loop;
    EXPECT_EQ(Connection::from_descriptor(loop, "forks", ::dup(0)).error().sys_errno, ENOTSOCK);
    auto own = Server::listen(loop, server_config_, *Address::parse("127.0.0.1", 0));
    ASSERT_TRUE(own) << own.error().message;
    auto talker = Client::start(loop, client_config_, own->local_address());
    ASSERT_TRUE(talker);
    auto peer = own->accept(kSoon);
    ASSERT_TRUE(peer);
    ASSERT_TRUE(talker->wait_established(kSoon));
    ASSERT_TRUE(talker->send("from a child"));
    EXPECT_EQ(receive(*peer), "from a child");
    in_child([&] {
      expect_all_dead(*talker);
      expect_all_dead(client);
    });
    ASSERT_TRUE(peer->send("and back"));
    EXPECT_EQ(receive(*talker), "and back");
  });
  ASSERT_TRUE(client.send("still there?"));
  EXPECT_EQ(receive(accepted), "still there?");
}

TEST_F(Fork, makes_a_session_say_nothing_in_the_child) {
  const auto context = std::move(*Context::for_client(client_config_));
  const TimePoint begin{std::chrono::hours(1)};
  auto session = std::move(*Session::client(context, *Address::parse("192.0.2.1", 1), begin));
  std::array<std::byte, kMaxDatagram> datagram{};
  in_child([&] {
    EXPECT_EQ(session.poll_transmit(datagram), 0U);
    EXPECT_EQ(session.deadline(), std::nullopt);
    session.handle_timeout(begin + std::chrono::seconds(2));
    session.receive(datagram, begin);
    session.close();
    EXPECT_FALSE(session.poll_event());
    EXPECT_EQ(session.poll_transmit(datagram), 0U);
    expect_dead([&] { return session.send(std::span(datagram).first(1)); });
    expect_dead([&] { return session.update_keys(false, begin); });
    auto own = std::move(*Session::client(context, *Address::parse("192.0.2.1", 1), begin));
    EXPECT_GT(own.poll_transmit(datagram), 0U);
  });
  EXPECT_GT(session.poll_transmit(datagram), 0U);
  EXPECT_TRUE(session.deadline());
}

}  // namespace
}  // namespace dtls::test
