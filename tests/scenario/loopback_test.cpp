// Server, Client and Connection over real sockets on loopback.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "dtls/dtls.hpp"
#include "net/udp_socket.hpp"
#include "support/loopback.hpp"

namespace dtls::test {
namespace {

using namespace std::chrono_literals;

TEST_F(Loopback, messages_go_both_ways) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  ASSERT_TRUE(client.send("question"));
  EXPECT_EQ(receive(accepted), "question");
  ASSERT_TRUE(accepted.send("answer"));
  EXPECT_EQ(receive(client), "answer");
  EXPECT_EQ(accepted.peer_address(), client.local_address());
  EXPECT_EQ(accepted.local_address(), server.local_address());
}

TEST_F(Loopback, ipv6_works_as_ipv4_does) {
  auto server = listen("::1");
  auto [client, accepted] = connect(server);
  ASSERT_TRUE(client.send("question"));
  EXPECT_EQ(receive(accepted), "question");
}

TEST_F(Loopback, a_server_on_the_wildcard_address_answers_from_the_address_it_was_asked_at) {
  auto server = listen("0.0.0.0");
  const auto asked = *Address::parse("127.0.0.7", server.local_address().port);
  client_config_.verify = false;
  auto client = std::move(*Client::start(loop_, client_config_, asked));
  auto accepted = std::move(*server.accept(kSoon));
  ASSERT_TRUE(client.wait_established(kSoon));
  EXPECT_EQ(accepted.local_address().host(), "127.0.0.7");
}

TEST_F(Loopback, a_server_for_both_families_can_be_told_to_refuse_ipv4_and_to_take_it_again) {
  auto server = listen("::");
  client_config_.verify = false;
  const auto port = server.local_address().port;
  const auto try_from = [&](const char* host) {
    auto client = std::move(*Client::start(loop_, client_config_, *Address::parse(host, port)));
    server.on_accept(
        [](Connection connection) { static_cast<void>(connection.wait_established(kSoon)); });
    loop_.run_until([&] { return client.state() != Connection::State::kHandshaking; }, kSoon);
    server.on_accept({});
    const auto* failure = client.failure();
    return failure == nullptr ? 0 : failure->sys_errno;
  };
  const int fd = server.descriptor();
  EXPECT_EQ(try_from("127.0.0.1"), 0) << "by an IPv4-mapped address";
  ASSERT_TRUE(server.socket_options()->set_ttl(7));
  ASSERT_TRUE(server.socket_options()->set_ipv6_only(true));
  EXPECT_EQ(try_from("127.0.0.1"), ECONNREFUSED);
  EXPECT_EQ(try_from("::1"), 0);
  ASSERT_TRUE(server.socket_options()->set_ipv6_only(false));
  EXPECT_EQ(try_from("127.0.0.1"), 0);
  EXPECT_EQ(server.descriptor(), fd);

  const auto mapped_port = *Address::parse("127.0.0.1", port);
  ASSERT_TRUE(server.socket_options()->set_ipv6_only(true));
  server_config_.name = "the IPv4 side";
  auto other = Server::listen(loop_, server_config_, mapped_port);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(server.socket_options()->set_ipv6_only(false).error().sys_errno, EADDRINUSE);
}

TEST_F(Loopback, accept_hands_over_before_the_handshake_which_goes_on_by_itself) {
  auto server = listen();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  auto accepted = std::move(*server.accept(kSoon));
  EXPECT_EQ(accepted.state(), Connection::State::kHandshaking);
  ASSERT_TRUE(
      loop_.run_until([&] { return accepted.state() == Connection::State::kEstablished; }, kSoon));
}

TEST_F(Loopback, a_connection_asked_for_its_descriptor_goes_on_over_a_socket_of_its_own) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  ASSERT_TRUE(client.send("before"));
  const auto fd = accepted.descriptor();
  ASSERT_TRUE(fd);
  EXPECT_NE(*fd, server.descriptor());
  EXPECT_EQ(*accepted.descriptor(), *fd) << "asked twice, the same";
  ASSERT_TRUE(client.send("after"));
  EXPECT_EQ(receive(accepted), "before");
  EXPECT_EQ(receive(accepted), "after");
  EXPECT_EQ(accepted.local_address(), server.local_address());
  auto [other, other_accepted] = connect(server);
  ASSERT_TRUE(other.send("another peer"));
  EXPECT_EQ(receive(other_accepted), "another peer");
}

TEST_F(Loopback, connections_outlive_their_server) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  server.close();
  EXPECT_EQ(server.accept(Duration::zero()).error().sys_errno, EBADF);
  ASSERT_TRUE(client.send("still there?"));
  EXPECT_EQ(receive(accepted), "still there?");
}

TEST_F(Loopback, a_server_takes_the_address_of_a_closed_one_whose_connections_live) {
  auto server = listen();
  const Address address = server.local_address();
  auto [client, accepted] = connect(server);
  auto [with_own_socket, accepted_there] = connect(server);
  ASSERT_TRUE(accepted_there.descriptor());
  for (int i = 0; i < 3; ++i) {
    server.close();
    auto next = Server::listen(loop_, server_config_, address);
    ASSERT_TRUE(next) << next.error().message;
    server = std::move(*next);
    EXPECT_EQ(Server::listen(loop_, server_config_, address).error().sys_errno, EADDRINUSE);
    auto [newcomer, newly_accepted] = connect(server);
    ASSERT_TRUE(newcomer.send("new"));
    EXPECT_EQ(receive(newly_accepted), "new");
    ASSERT_TRUE(client.send("still there?"));
    EXPECT_EQ(receive(accepted), "still there?");
    ASSERT_TRUE(accepted_there.send("and here"));
    EXPECT_EQ(receive(with_own_socket), "and here");
  }
}

TEST_F(Loopback, what_a_closing_server_has_received_reaches_its_connections) {
  auto server = listen();
  auto [first, first_accepted] = connect(server);
  auto [second, second_accepted] = connect(server);
  ASSERT_TRUE(first.send("one"));
  ASSERT_TRUE(second.send("two"));
  server.close();
  EXPECT_EQ(receive(first_accepted), "one");
  EXPECT_EQ(receive(second_accepted), "two");
}

TEST_F(Loopback, a_callback_that_comes_after_the_close_is_never_called) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  accepted.close();
  accepted.on_readable([] { ADD_FAILURE() << "of a closed connection"; });
  server.close();
  server.on_accept([](const Connection&) { ADD_FAILURE() << "of a closed server"; });
  loop_.run_once(Duration::zero());
}

TEST_F(Loopback, the_wildcard_address_as_a_destination_means_this_host) {
  auto server = listen();
  client_config_.verify = false;
  const auto anywhere = *Address::parse("0.0.0.0", server.local_address().port);
  auto client = std::move(*Client::start(loop_, client_config_, anywhere));
  EXPECT_EQ(client.peer_address(), server.local_address());
  auto accepted = std::move(*server.accept(kSoon));
  EXPECT_TRUE(client.wait_established(kSoon));
}

TEST_F(Loopback, close_is_a_clean_end_for_the_peer_after_what_was_sent_before) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  ASSERT_TRUE(client.send("last words"));
  client.close();
  client.close();
  EXPECT_EQ(receive(accepted), "last words");
  EXPECT_EQ(receive(accepted), "error " + std::to_string(ESHUTDOWN));
  EXPECT_EQ(accepted.state(), Connection::State::kClosedByPeer);
  EXPECT_EQ(accepted.send("late").error().sys_errno, EPIPE);
  EXPECT_EQ(client.send("late").error().sys_errno, EBADF);
  EXPECT_EQ(receive(client), "error " + std::to_string(EBADF));
  EXPECT_FALSE(client.descriptor());
  EXPECT_EQ(client.peer_address(), server.local_address());
}

TEST_F(Loopback, a_peer_that_closed_may_come_back_from_the_same_port) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  const auto local = client.local_address();
  client.close();
  EXPECT_EQ(receive(accepted), "error " + std::to_string(ESHUTDOWN));
  auto [again, accepted_again] = connect(server);
  ASSERT_TRUE(again.send("back"));
  EXPECT_EQ(receive(accepted_again), "back");
  EXPECT_EQ(accepted.peer_address(), local);
}

TEST_F(Loopback, a_message_longer_than_the_buffer_is_continued_and_pending_tells_the_rest) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  ASSERT_TRUE(client.send("0123456789"));
  std::array<std::byte, 4> small;
  ASSERT_EQ(*accepted.recv(small, kSoon), 4U);
  EXPECT_EQ(accepted.pending(), 6U);
  EXPECT_EQ(receive(accepted), "456789");
  EXPECT_EQ(accepted.pending(), 0U);
}

TEST_F(Loopback, a_recv_without_data_ends_with_its_timeout) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  for (const auto timeout : {0ms, 30ms}) {
    const auto before = Clock::now();
    std::array<std::byte, 4> buffer;
    EXPECT_EQ(*client.recv(buffer, timeout), 0U);
    EXPECT_GE(Clock::now() - before, timeout);
  }
  EXPECT_EQ(server.accept(20ms).error().sys_errno, EAGAIN);
}

TEST_F(Loopback, try_send_and_try_recv_leave_the_turns_of_the_loop_to_the_program) {
  auto server = listen();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  std::array<std::byte, 16> buffer;
  EXPECT_EQ(client.try_send(std::as_bytes(std::span(std::string_view("early")))).error().sys_errno,
            EAGAIN);
  auto accepted = std::move(*server.accept(kSoon));
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(accepted.try_recv(buffer).error().sys_errno, EAGAIN);
  EXPECT_EQ(accepted.state(), Connection::State::kHandshaking);
  ASSERT_TRUE(client.wait_established(kSoon));
  ASSERT_TRUE(accepted.wait_established(kSoon));

  ASSERT_EQ(*client.try_send(std::as_bytes(std::span(std::string_view("message")))), 7U);
  EXPECT_EQ(accepted.try_recv(buffer).error().sys_errno, EAGAIN) << "it is in the kernel";
  ASSERT_TRUE(loop_.run_once(kSoon, EventLoop::Scope::kBackground));
  const auto received = accepted.try_recv(buffer);
  ASSERT_TRUE(received) << received.error().message;
  EXPECT_EQ(*received, 7U);
  EXPECT_EQ(accepted.try_recv(buffer).error().sys_errno, EAGAIN);
  client.close();
  ASSERT_TRUE(
      loop_.run_until([&] { return accepted.state() != Connection::State::kEstablished; }, kSoon));
  EXPECT_EQ(accepted.try_recv(buffer).error().sys_errno, ESHUTDOWN);
  accepted.close();
  EXPECT_EQ(accepted.try_recv(buffer).error().sys_errno, EBADF);
  EXPECT_EQ(accepted.try_send({}).error().sys_errno, EBADF);
}

TEST_F(Loopback, a_recv_for_ever_is_ended_by_data) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  loop_.add_timer(Clock::now() + 20ms, [&, &to = client] { ASSERT_TRUE(to.send("at last")); });
  EXPECT_EQ(receive(accepted, std::nullopt), "at last");
}

TEST_F(Loopback, nothing_listening_is_told_at_once) {
  auto server = listen();
  const auto address = server.local_address();
  server.close();
  const auto refused = Client::connect(loop_, client_config_, address);  // would wait 60 s
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, ECONNREFUSED);
  EXPECT_NE(refused.error().message.find(address.text()), std::string::npos);
}

TEST_F(Loopback, a_port_in_use_is_told_with_its_address) {
  auto server = listen();
  const auto second = Server::listen(loop_, server_config_, server.local_address());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sys_errno, EADDRINUSE);
  EXPECT_NE(second.error().message.find(server.local_address().text()), std::string::npos);
}

TEST_F(Loopback, callbacks_may_close_what_they_are_called_for) {
  auto server = listen();
  std::vector<Connection> accepted;
  int ended = 0;
  server.on_accept([&](Connection connection) {
    accepted.push_back(std::move(connection));
    Connection& last = accepted.back();
    last.on_readable([&] {
      ++ended;
      last.close();
    });
    server.close();
  });
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  ASSERT_TRUE(
      client.wait_established(Duration(0)) ||
      loop_.run_until([&] { return client.state() == Connection::State::kEstablished; }, kSoon));
  ASSERT_TRUE(client.send("x"));
  ASSERT_TRUE(
      loop_.run_until([&] { return client.state() == Connection::State::kClosedByPeer; }, kSoon));
  EXPECT_EQ(ended, 1);
}

TEST_F(Loopback, two_hundred_clients_at_once_get_a_hundred_right_answers_each) {
  constexpr int kClients = 200;
  constexpr int kMessages = 100;
  const auto descriptors = open_descriptors();
  {
    auto server = listen();
    std::vector<std::unique_ptr<Connection>> accepted;
    server.on_accept([&](Connection connection) {
      accepted.push_back(std::make_unique<Connection>(std::move(connection)));
      Connection& peer = *accepted.back();
      // Every second one over a socket of its own.
      if (accepted.size() % 2 == 0) {
        ASSERT_TRUE(peer.descriptor());
      }
      peer.on_readable([&peer] {
        std::array<std::byte, 256> buffer;
        while (true) {
          const auto size = peer.recv(buffer, Duration::zero());
          if (!size) return peer.close();
          if (*size == 0) return;
          ASSERT_TRUE(peer.send(std::span(buffer).first(*size)));
        }
      });
    });

    struct Talker {
      Connection connection;
      int answers = 0;
      bool closed = false;
    };
    std::vector<std::unique_ptr<Talker>> clients;
    int finished = 0;
    for (int number = 0; number < kClients; ++number) {
      auto started = Client::start(loop_, client_config_, server.local_address());
      ASSERT_TRUE(started) << started.error().message;
      clients.push_back(std::make_unique<Talker>(Talker{std::move(*started)}));
      Talker& talker = *clients.back();
      const auto question = [number, &talker] {
        return "client " + std::to_string(number) + " message " + std::to_string(talker.answers);
      };
      talker.connection.on_settled([&talker, question] {
        talker.connection.on_settled({});
        ASSERT_EQ(talker.connection.failure(), nullptr) << talker.connection.failure()->message;
        ASSERT_TRUE(talker.connection.send(question()));
      });
      talker.connection.on_readable([&talker, &finished, question] {
        ASSERT_EQ(receive(talker.connection, Duration::zero()), question());
        if (++talker.answers < kMessages) {
          ASSERT_TRUE(talker.connection.send(question()));
        } else {
          talker.connection.close();
          ++finished;
        }
      });
    }
    ASSERT_TRUE(loop_.run_until([&] { return finished == kClients || HasFatalFailure(); },
                                Duration(120000)));
    ASSERT_TRUE(loop_.run_until(
        [&] {
          return std::all_of(accepted.begin(), accepted.end(), [](const auto& connection) {
            return connection->state() == Connection::State::kClosed;
          });
        },
        kSoon));
    EXPECT_EQ(accepted.size(), std::size_t{kClients});
  }
  EXPECT_EQ(open_descriptors(), descriptors);
}

// A ClientHello without a cookie, as sent by a client that never goes on.
std::vector<std::byte> first_hello(const ClientConfig& config) {
  auto context = std::move(*Context::for_client(config));
  auto session =
      std::move(*Session::client(context, *Address::parse("127.0.0.1", 1), Clock::now()));
  std::vector<std::byte> hello(kMaxDatagram);
  hello.resize(session.poll_transmit(hello));
  return hello;
}

TEST_F(Loopback, a_renegotiation_goes_on_beneath_the_data) {
  server_config_.renegotiate = client_config_.renegotiate = true;
  auto server = listen();
  auto [client, accepted] = connect(server);
  ASSERT_TRUE(client.renegotiate());
  ASSERT_TRUE(client.send("waits until it is done", kSoon));
  EXPECT_EQ(receive(accepted), "waits until it is done");
  ASSERT_TRUE(accepted.renegotiate());
  ASSERT_TRUE(accepted.send("and the other way", kSoon));
  EXPECT_EQ(receive(client), "and the other way");
  client.close();
  EXPECT_EQ(client.renegotiate().error().sys_errno, EBADF);
}

TEST_F(Loopback, a_renegotiation_needs_its_option) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  EXPECT_EQ(client.renegotiate().error().sys_errno, EOPNOTSUPP);
  ASSERT_TRUE(client.send("unharmed"));
  EXPECT_EQ(receive(accepted), "unharmed");
}

TEST_F(Loopback, a_server_takes_identities_while_it_serves_and_none_when_it_is_closed) {
  auto server = listen();
  Authority other_authority("another authority");
  HostIdentityConfig host;
  host.host = "other.example.org";
  host.identity =
      other_authority.issue({.common_name = "other", .alt_names = "DNS:other.example.org"});
  ASSERT_TRUE(server.add_identity(host));
  client_config_.ca = other_authority.certificate();
  client_config_.server_name = "other.example.org";
  auto [client, accepted] = connect(server);
  EXPECT_TRUE(client.verification().authorized);
  host.host = "not a name";
  EXPECT_EQ(server.add_identity(host).error().sys_errno, EINVAL);
  server.close();
  EXPECT_EQ(server.add_identity(host).error().sys_errno, EBADF);
}

TEST_F(Loopback, a_cookie_secret_of_another_size_is_refused) {
  server_config_.cookie_secret = "short";
  const auto server = Server::listen(loop_, server_config_, *Address::parse("127.0.0.1", 0));
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().sys_errno, EINVAL);
  EXPECT_NE(server.error().message.find("32"), std::string::npos);
}

TEST_F(Loopback, a_flood_of_hellos_without_a_cookie_costs_no_memory_and_disturbs_nobody) {
  constexpr int kPorts = 100;
  constexpr int kRounds = 1000;
  auto server = listen();
  auto [client, accepted] = connect(server);
  const auto hello = first_hello(client_config_);

  std::vector<net::UdpSocket> flooders;
  for (int i = 0; i < kPorts; ++i) {
    flooders.push_back(std::move(*net::UdpSocket::connect(server.local_address())));
  }
  const auto round = [&](int number) {
    for (auto& flooder : flooders)
      static_cast<void>(flooder.send(hello));
    if (number % 50 != 0) {
      static_cast<void>(loop_.run_once(Duration::zero()));
      return;
    }
    const auto text = "round " + std::to_string(number);
    static_cast<void>(client.send(text));
    // The flood may overflow the server's kernel buffer, so a datagram may be lost; then it is sent
    // again.
    std::string got;
    for (int attempt = 0; attempt < 100 && got.empty(); ++attempt) {
      got = receive(accepted, Duration(20));
      if (got.empty()) static_cast<void>(client.send(text));
    }
    EXPECT_EQ(got, text);
    while (!receive(accepted, Duration::zero()).empty()) {
    }
  };
  for (int number = 1; number <= 10; ++number)
    round(number);
  const auto before = mallinfo2().uordblks;
  for (int number = 1; number <= kRounds; ++number)
    round(number);
  const auto after = mallinfo2().uordblks;
  // Allocated bytes come and go by a few of one message; a hello held per port or datagram would be
  // megabytes.
  EXPECT_LT(after, before + 64 * 1024);
  EXPECT_EQ(server.accept(Duration::zero()).error().sys_errno, EAGAIN);
  ASSERT_TRUE(client.send("unharmed"));
  EXPECT_EQ(receive(accepted), "unharmed");
}

TEST_F(Loopback, random_and_truncated_datagrams_change_nothing) {
  auto server = listen();
  auto [client, accepted] = connect(server);
  const auto hello = first_hello(client_config_);
  auto stranger = std::move(*net::UdpSocket::connect(server.local_address()));
  for (std::size_t size = 0; size <= hello.size(); ++size) {
    static_cast<void>(stranger.send(std::span(hello).first(size)));
    static_cast<void>(loop_.run_once(Duration::zero()));
  }
  std::uint32_t state = 1;
  for (int i = 0; i < 2000; ++i) {
    std::vector<std::byte> noise(static_cast<std::size_t>(i % 300));
    for (auto& byte : noise)
      byte = static_cast<std::byte>((state = state * 1664525U + 1013904223U) >> 24U);
    static_cast<void>(stranger.send(noise));
    static_cast<void>(loop_.run_once(Duration::zero()));
  }
  EXPECT_EQ(server.accept(Duration::zero()).error().sys_errno, EAGAIN);
  ASSERT_TRUE(client.send("unharmed"));
  EXPECT_EQ(receive(accepted), "unharmed");
}

TEST_F(Loopback, a_reader_that_is_too_slow_loses_the_newest_messages_not_memory) {
  server_config_.receive_queue = 10000;
  auto server = listen();
  auto [client, accepted] = connect(server);
  const std::string message(1000, 'm');
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(client.send(message));
    static_cast<void>(loop_.run_once(Duration::zero()));
  }
  int received = 0;
  while (receive(accepted, Duration::zero()) == message)
    ++received;
  EXPECT_GE(received, 9);
  EXPECT_LT(received, 50);
}

}  // namespace
}  // namespace dtls::test
