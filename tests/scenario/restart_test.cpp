// A client that begins anew on the same address and port (RFC 6347 §4.2.8).
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dtls/dtls.hpp"
#include "net/udp_socket.hpp"
#include "support/loopback.hpp"

namespace dtls::test {
namespace {

class Restart : public Loopback {
 protected:
  // A client that dies without a word: its port is free for the next.
  static Address die(Connection client) {
    const Address local = client.local_address();
    const int fd = *client.descriptor();
    client.fly_away();
    EXPECT_EQ(::close(fd), 0);
    return local;
  }
  std::pair<Connection, Connection> connect_from(Server& server, const Address& local) {
    client_config_.local = local;
    auto both = connect(server);
    client_config_.local.reset();
    EXPECT_EQ(both.first.local_address(), local);
    return both;
  }
  // The client on a loop of its own, so that the test decides who hears what when.
  std::pair<Connection, Connection> connect_apart(Server& server) {
    auto client = std::move(*Client::start(client_loop_, client_config_, server.local_address()));
    std::optional<Connection> accepted;
    server.on_accept([&](Connection connection) { accepted.emplace(std::move(connection)); });
    const auto is_up = [](const Connection& each) {
      return each.state() == Connection::State::kEstablished;
    };
    while (!accepted || !is_up(client) || !is_up(*accepted))
      turn_both();
    server.on_accept({});
    client_loop_.run_once(Duration::zero());  // nothing of the handshake is left for an impostor
    return {std::move(client), std::move(*accepted)};
  }
  void turn_both() {
    client_loop_.run_once(Duration(1));
    loop_.run_once(Duration(1));
  }
  static void expect_echo(Connection& from, Connection& to, const std::string& text) {
    ASSERT_TRUE(from.send(text));
    EXPECT_EQ(receive(to), text);
  }
  static void expect_superseded(Connection& old) {
    EXPECT_EQ(receive(old), "error " + std::to_string(ECONNRESET));
    ASSERT_NE(old.failure(), nullptr);
    EXPECT_NE(old.failure()->message.find("begun a new association"), std::string::npos);
  }

  EventLoop client_loop_;
};

TEST_F(Restart, gets_a_new_association_at_once_and_ends_the_old_one) {
  auto server = listen();
  auto [client, old] = connect(server);
  const Address local = die(std::move(client));
  auto [again, accepted] = connect_from(server, local);
  expect_superseded(old);
  expect_echo(again, accepted, "back again");
  expect_echo(accepted, again, "welcome");
  old.close();
  expect_echo(again, accepted, "still here");
}

TEST_F(Restart, works_for_associations_with_sockets_of_their_own_old_and_new) {
  auto server = listen();
  auto [client, old] = connect(server);
  ASSERT_TRUE(old.descriptor());
  const Address local = die(std::move(client));
  auto [again, accepted] = connect_from(server, local);
  expect_superseded(old);
  expect_echo(again, accepted, "by the old socket");
  ASSERT_TRUE(accepted.descriptor());
  expect_echo(again, accepted, "by the new socket");
  old.close();
  expect_echo(again, accepted, "by the only socket");
  expect_echo(accepted, again, "answer");
}

TEST_F(Restart, again_and_again_leaves_one_association) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  for (int i = 0; i < 20; ++i) {
    const Address local = die(std::move(client));
    auto [again, next] = connect_from(server, local);
    expect_superseded(accepted);
    client = std::move(again);
    accepted = std::move(next);
    if (i % 3 == 0) {
      ASSERT_TRUE(accepted.descriptor());
    }
  }
  expect_echo(client, accepted, "the last");
}

TEST_F(Restart, in_the_middle_of_its_first_handshake_needs_no_patience) {
  auto server = listen();
  auto client = std::move(*Client::start(client_loop_, client_config_, server.local_address()));
  std::optional<Connection> old;
  server.on_accept([&](Connection connection) { old.emplace(std::move(connection)); });
  while (!old)
    turn_both();
  loop_.run_once(kSoon);  // the server's flight goes to somebody who is no more
  ASSERT_EQ(old->state(), Connection::State::kHandshaking);
  server.on_accept({});
  const Address local = die(std::move(client));
  auto [again, accepted] = connect_from(server, local);
  expect_echo(again, accepted, "second attempt");
  expect_superseded(*old);
}

TEST_F(Restart, of_a_peer_whose_association_moved_to_another_thread_reaches_the_server) {
  server_config_.name = "moving";
  EventLoop other_loop;
  auto server = listen();
  auto [client, accepted] = connect(server);
  const int fd = *accepted.descriptor();
  accepted.fly_away();
  auto moved = std::move(*Connection::from_descriptor(other_loop, "moving", fd));
  const Address local = die(std::move(client));

  client_config_.local = local;
  auto again = std::move(*Client::start(loop_, client_config_, server.local_address()));
  std::optional<Connection> next;
  server.on_accept([&](Connection connection) { next.emplace(std::move(connection)); });
  const auto deadline = Clock::now() + *kSoon;
  while (Clock::now() < deadline && moved.state() == Connection::State::kEstablished) {
    loop_.run_once(Duration(1));
    other_loop.run_once(Duration(1));
  }
  expect_superseded(moved);
  ASSERT_TRUE(next);
  // Until the old socket is closed what comes to it is handed back to the server.
  moved.close();
  expect_echo(again, *next, "back again");
}

// Somebody who can send and receive by the client's own address and port, but has not its keys: a
// hello with a good cookie is all that takes.
class Impostor {
 public:
  Impostor(Connection& client, const ClientConfig& config)
      : socket_(::dup(*client.descriptor())),
        session_(
            *Session::client(*Context::for_client(config), client.peer_address(), Clock::now())) {}
  void send() {
    std::array<std::byte, kMaxDatagram> datagram;
    while (session_.poll_event()) {
    }
    while (const auto size = session_.poll_transmit(datagram))
      ASSERT_TRUE(socket_.send(std::span(datagram).first(size)));
  }
  // Takes the server's answer before the client can; false if there is none.
  bool receive() {
    const auto count = socket_.receive(batch_);
    if (!count || *count == 0) return false;
    for (auto& incoming : batch_.datagrams())
      session_.receive(incoming.bytes, Clock::now());
    return true;
  }

 private:
  net::UdpSocket socket_;
  Session session_;
  net::ReceiveBatch batch_;
};

TEST_F(Restart, that_proves_no_more_than_its_address_does_not_end_the_old_association) {
  server_config_.handshake_timeout = Duration(200);
  for (const bool own_socket : {false, true}) {
    SCOPED_TRACE(own_socket);
    auto server = listen();
    auto [client, old] = connect_apart(server);
    if (own_socket) {
      ASSERT_TRUE(old.descriptor());
    }

    Impostor impostor(client, client_config_);
    impostor.send();
    while (!impostor.receive())
      loop_.run_once(Duration(1));
    impostor.send();
    auto pretended = std::move(*server.accept(kSoon));
    EXPECT_EQ(pretended.peer_address(), client.local_address());
    while (!impostor.receive())
      loop_.run_once(Duration(1));

    expect_echo(client, old, "while the impostor's handshake is under way");
    ASSERT_TRUE(
        loop_.run_until([&] { return pretended.state() == Connection::State::kFailed; }, kSoon));
    EXPECT_EQ(pretended.failure()->sys_errno, ETIMEDOUT);
    loop_.run_once(Duration::zero());
    EXPECT_EQ(old.state(), Connection::State::kEstablished);
    expect_echo(client, old, "after it");
    ASSERT_TRUE(old.send("answer"));
    EXPECT_EQ(receive(client), "answer");
  }
}

TEST_F(Restart, after_a_clean_end_is_not_hindered_by_an_object_that_is_still_open) {
  auto server = listen();
  auto [client, old] = connect(server);
  ASSERT_TRUE(old.descriptor());
  const Address local = client.local_address();
  client.close();
  EXPECT_EQ(receive(old), "error " + std::to_string(ESHUTDOWN));
  auto [again, accepted] = connect_from(server, local);
  expect_echo(again, accepted, "by the socket of an ended connection");
}

TEST_F(Restart, of_a_moved_peer_works_also_after_an_attempt_that_failed) {
  server_config_.name = "moving";
  server_config_.handshake_timeout = Duration(200);
  auto server = listen();
  auto [client, accepted] = connect_apart(server);
  const int fd = *accepted.descriptor();
  accepted.fly_away();
  EventLoop other_loop;
  auto moved = std::move(*Connection::from_descriptor(other_loop, "moving", fd));
  const auto turn = [&] {
    loop_.run_once(Duration(1));
    other_loop.run_once(Duration(1));
  };
  std::optional<Connection> next;
  server.on_accept([&](Connection connection) { next.emplace(std::move(connection)); });

  {
    Impostor impostor(client, client_config_);
    impostor.send();
    while (!impostor.receive())
      turn();
    impostor.send();
  }
  while (!next || next->state() != Connection::State::kFailed)
    turn();
  next.reset();
  turn();
  EXPECT_EQ(moved.state(), Connection::State::kEstablished);
  expect_echo(client, moved, "unharmed");

  const Address local = die(std::move(client));
  client_config_.local = local;
  auto again = std::move(*Client::start(loop_, client_config_, server.local_address()));
  while (!next || next->state() == Connection::State::kHandshaking ||
         moved.state() == Connection::State::kEstablished)
    turn();
  expect_superseded(moved);
  moved.close();  // its socket received for the server, on the other loop
  expect_echo(again, *next, "back again");
}

TEST_F(Restart, that_is_under_way_when_the_server_closes_leaves_the_old_association_alive) {
  server_config_.handshake_timeout = Duration(200);
  auto server = listen();
  auto [client, old] = connect_apart(server);
  Impostor impostor(client, client_config_);
  impostor.send();
  while (!impostor.receive())
    loop_.run_once(Duration(1));
  impostor.send();
  auto pretended = std::move(*server.accept(kSoon));
  server.close();
  ASSERT_TRUE(old.send("still here")) << "by a socket of its own";
  while (client.pending() == 0)
    client_loop_.run_once(Duration(1));
}

TEST_F(Restart, a_hello_that_is_repeated_late_opens_nothing) {
  auto server = listen();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  // The hello with its cookie, as the network may deliver it once more.
  auto raw = net::UdpSocket(::dup(server.descriptor()));
  net::ReceiveBatch batch;
  loop_.run_once(kSoon);
  loop_.run_once(kSoon);
  std::vector<std::byte> hello;
  while (hello.empty()) {
    if (*raw.receive(batch) > 0) {
      const auto bytes = batch.datagrams().front().bytes;
      hello.assign(bytes.begin(), bytes.end());
    }
  }
  auto sender = net::UdpSocket(::dup(*client.descriptor()));
  ASSERT_TRUE(sender.send(hello));
  auto accepted = std::move(*server.accept(kSoon));
  ASSERT_TRUE(client.wait_established(kSoon));
  ASSERT_TRUE(sender.send(hello));
  EXPECT_EQ(server.accept(Duration(20)).error().sys_errno, EAGAIN);
  expect_echo(client, accepted, "unharmed");
}

}  // namespace
}  // namespace dtls::test
