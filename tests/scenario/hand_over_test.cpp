// Connections that move from one thread's loop to another's.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dtls/dtls.hpp"
#include "net/sockaddr.hpp"
#include "net/udp_socket.hpp"
#include "support/loopback.hpp"

namespace dtls::test {
namespace {

class HandOver : public Loopback {
 protected:
  HandOver() { server_config_.name = "moving"; }

  // The two ends of a connection whose server end is asked for its descriptor.
  struct Ends {
    Connection client;
    Connection accepted;
    int fd;
  };
  Ends connect_with_descriptor(Server& server) {
    auto [client, accepted] = connect(server);
    const int fd = *accepted.descriptor();
    return {std::move(client), std::move(accepted), fd};
  }
  Result<Connection> take_up(int fd, Duration timeout = *kSoon) {
    return Connection::from_descriptor(other_loop_, "moving", fd, timeout);
  }
  // What the other thread does, on this one: both loops turn until `done`.
  bool turn_both_until(const std::function<bool()>& done) {
    const auto deadline = Clock::now() + *kSoon;
    while (!done()) {
      if (Clock::now() > deadline) return false;
      loop_.run_once(Duration(1));
      other_loop_.run_once(Duration(1));
    }
    return true;
  }
  static bool is_established(const Connection& connection) {
    return connection.state() == Connection::State::kEstablished;
  }

  EventLoop other_loop_;
};

TEST_F(HandOver, a_peer_flies_away_before_its_handshake_and_is_served_elsewhere) {
  auto server = listen();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  auto accepted = std::move(*server.accept(kSoon));
  const int fd = *accepted.descriptor();
  accepted.fly_away();
  EXPECT_EQ(accepted.state(), Connection::State::kClosed);
  EXPECT_EQ(accepted.send("late").error().sys_errno, EBADF);

  auto taken = take_up(fd);
  ASSERT_TRUE(taken) << taken.error().message;
  ASSERT_TRUE(turn_both_until([&] { return is_established(client) && is_established(*taken); }));
  EXPECT_EQ(*taken->descriptor(), fd);
  ASSERT_TRUE(client.send("hello"));
  EXPECT_EQ(receive(*taken), "hello");
}

TEST_F(HandOver, an_established_association_moves_with_its_unread_messages) {
  auto server = listen();
  auto [client, accepted, fd] = connect_with_descriptor(server);
  ASSERT_TRUE(client.send("one"));
  ASSERT_TRUE(client.send("two"));
  while (accepted.pending() == 0) {
  }
  EXPECT_EQ(receive(accepted), "one");
  accepted.fly_away();
  ASSERT_TRUE(client.send("three"));

  auto taken = std::move(*take_up(fd));
  EXPECT_TRUE(is_established(taken)) << "nothing has to be done again";
  EXPECT_EQ(receive(taken), "two");
  EXPECT_EQ(receive(taken), "three");
  EXPECT_EQ(taken.peer_address(), client.local_address());
  ASSERT_TRUE(taken.send("answer"));
  EXPECT_EQ(receive(client), "answer");
}

TEST_F(HandOver, an_heir_that_comes_before_the_owner_has_let_go_waits_for_it) {
  auto server = listen();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  auto accepted = std::move(*server.accept(kSoon));
  const int fd = *accepted.descriptor();
  auto taken = std::move(*take_up(fd));
  EXPECT_EQ(taken.state(), Connection::State::kHandshaking);
  EXPECT_EQ(take_up(fd).error().sys_errno, EBUSY);

  ASSERT_TRUE(turn_both_until([&] { return is_established(client); })) << "the owner serves it";
  EXPECT_EQ(taken.state(), Connection::State::kHandshaking);
  accepted.fly_away();
  ASSERT_TRUE(turn_both_until([&] { return is_established(taken); }));
  ASSERT_TRUE(client.send("hello"));
  EXPECT_EQ(receive(taken), "hello");
}

TEST_F(HandOver, a_watch_on_the_descriptor_of_an_heir_that_waits_fires_for_its_data) {
  auto server = listen();
  auto [client, accepted, fd] = connect_with_descriptor(server);
  auto taken = std::move(*take_up(fd));
  int fired = 0;
  ASSERT_TRUE(other_loop_.watch(*taken.descriptor(), Interest::kRead, [&] { ++fired; }));
  ASSERT_TRUE(client.send("for the heir"));
  other_loop_.run_once(Duration(5));
  EXPECT_EQ(fired, 0) << "what the kernel has is the owner's";
  accepted.fly_away();
  ASSERT_TRUE(turn_both_until([&] { return fired > 0; }));
  EXPECT_EQ(receive(taken), "for the heir");
}

TEST_F(HandOver, an_heir_is_told_when_the_owner_closes_instead) {
  const auto descriptors = open_descriptors();
  {
    auto server = listen();
    auto [client, accepted, fd] = connect_with_descriptor(server);
    auto taken = std::move(*take_up(fd));
    accepted.close();
    ASSERT_TRUE(turn_both_until([&] { return taken.state() == Connection::State::kFailed; }));
    EXPECT_EQ(taken.failure()->sys_errno, ECONNABORTED);
    // The number may be another file's by now: the heir must not close it.
    const int reused = ::dup(server.descriptor());
    EXPECT_EQ(reused, fd);
    taken.close();
    EXPECT_NE(net::UdpSocket::identity_of(reused), 0U);
    ::close(reused);
  }
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST_F(HandOver, an_heir_that_gives_up_leaves_the_association_to_the_next) {
  auto server = listen();
  auto [client, accepted, fd] = connect_with_descriptor(server);
  {
    auto impatient = std::move(*take_up(fd, Duration(1)));
    ASSERT_TRUE(turn_both_until([&] { return impatient.state() == Connection::State::kFailed; }));
    EXPECT_EQ(impatient.failure()->sys_errno, ETIMEDOUT);
  }
  accepted.fly_away();
  auto taken = std::move(*take_up(fd));
  ASSERT_TRUE(client.send("hello"));
  EXPECT_EQ(receive(taken), "hello");
}

TEST_F(HandOver, a_server_forgets_an_association_that_has_ended_in_another_thread) {
  auto server = listen();
  auto [client, accepted, fd] = connect_with_descriptor(server);
  accepted.fly_away();
  auto taken = std::move(*take_up(fd));
  taken.abort();
  loop_.run_once(Duration(5));
  const auto before = server.counters().discarded;
  ASSERT_TRUE(client.send("to an unknown server"));
  EXPECT_TRUE(turn_both_until([&] { return server.counters().discarded == before + 1; }))
      << "its peer is a stranger now";
}

TEST_F(HandOver, a_connection_moves_again_and_again) {
  auto server = listen();
  auto [client, accepted, fd] = connect_with_descriptor(server);
  for (int i = 0; i < 10; ++i) {
    accepted.fly_away();
    auto& loop = i % 2 == 0 ? other_loop_ : loop_;
    accepted = std::move(*Connection::from_descriptor(loop, "moving", fd));
    ASSERT_TRUE(client.send("round " + std::to_string(i)));
    ASSERT_EQ(receive(accepted), "round " + std::to_string(i));
  }
}

TEST_F(HandOver, what_cannot_be_taken_up_is_refused_and_stays_the_callers) {
  auto server = listen();
  auto [client, accepted, fd] = connect_with_descriptor(server);
  accepted.fly_away();

  EXPECT_EQ(Connection::from_descriptor(other_loop_, "nobody", fd).error().sys_errno, ENOENT);
  EXPECT_EQ(take_up(-1).error().sys_errno, EBADF);
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  EXPECT_EQ(take_up(pipe[0]).error().sys_errno, ENOTSOCK);
  std::array<int, 2> local{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM, 0, local.data()), 0);
  EXPECT_EQ(take_up(local[0]).error().sys_errno, EPROTOTYPE);
  auto unconnected = std::move(*net::UdpSocket::bind(*Address::parse("127.0.0.1", 0)));
  EXPECT_EQ(take_up(unconnected.descriptor()).error().sys_errno, ENOTCONN);
  EXPECT_TRUE(unconnected.local_address()) << "it was not closed";
  for (const int each : {pipe[0], pipe[1], local[0], local[1]})
    EXPECT_EQ(::close(each), 0);

  server_config_.name = "another";
  auto another = listen();
  EXPECT_EQ(Connection::from_descriptor(other_loop_, "another", fd).error().sys_errno, EINVAL);
  EXPECT_TRUE(take_up(fd));
}

TEST_F(HandOver, without_a_name_to_fly_away_is_to_forget) {
  server_config_.name.clear();
  auto server = listen();
  auto [client, accepted, fd] = connect_with_descriptor(server);
  accepted.fly_away();
  EXPECT_EQ(take_up(fd).error().sys_errno, ENOENT);
  EXPECT_EQ(receive(client, Duration(20)), "") << "the peer is told nothing";
  EXPECT_EQ(::close(fd), 0) << "the descriptor was left open";
}

TEST_F(HandOver, a_name_is_gone_with_its_last_server) {
  auto socket = std::move(*net::UdpSocket::connect(*Address::parse("127.0.0.1", 9)));
  auto first = listen();
  auto second = listen();
  second.close();
  EXPECT_TRUE(take_up(::dup(socket.descriptor())));
  first.close();
  EXPECT_EQ(take_up(socket.descriptor()).error().sys_errno, ENOENT);
}

TEST_F(HandOver, a_socket_from_elsewhere_serves_its_peer_behind_a_cookie) {
  // As another process would hand it over: nothing is known here but the descriptor.
  auto server = listen();
  auto probe = std::move(*net::UdpSocket::bind(*Address::parse("127.0.0.1", 0)));
  const auto here = *probe.local_address();
  auto client = std::move(*Client::start(loop_, client_config_, here));
  net::ReceiveBatch lost;
  while (*probe.receive(lost) == 0) {
  }
  auto socket = std::move(*net::UdpSocket::bind_and_connect(probe, here, client.local_address()));
  probe.close();

  auto taken = std::move(*take_up(socket.release()));
  ASSERT_TRUE(turn_both_until([&] { return is_established(client) && is_established(taken); }))
      << "the client's repeated hello is challenged, then answered";
  ASSERT_TRUE(client.send("hello"));
  EXPECT_EQ(receive(taken), "hello");
}

TEST_F(HandOver, a_taken_up_socket_does_not_answer_what_is_no_hello_and_gives_up_in_time) {
  auto server = listen();
  auto silent = std::move(*net::UdpSocket::bind(*Address::parse("127.0.0.1", 0)));
  auto socket = std::move(*net::UdpSocket::connect(*silent.local_address()));
  const auto here = *socket.local_address();
  auto taken = std::move(*take_up(socket.release(), Duration(50)));
  const std::array<std::byte, 100> noise{};
  ASSERT_TRUE(silent.send_to(noise, here, {}));
  ASSERT_TRUE(turn_both_until([&] { return taken.state() == Connection::State::kFailed; }));
  EXPECT_EQ(taken.failure()->sys_errno, ETIMEDOUT);
  net::ReceiveBatch batch;
  EXPECT_EQ(*silent.receive(batch), 0U);
}

// Datagrams that another peer sent to a socket before it was connected are still in it.
TEST_F(HandOver, a_stray_of_another_peer_in_a_socket_of_elsewhere_is_not_taken_for_the_peers) {
  auto server = listen();
  auto peer = std::move(*net::UdpSocket::bind(*Address::parse("127.0.0.1", 0)));
  auto socket = std::move(*net::UdpSocket::bind(*Address::parse("127.0.0.1", 0)));
  // The stranger's hello, which would be answered with a request for a cookie.
  auto stranger = std::move(*Client::start(loop_, client_config_, *socket.local_address()));
  const auto to = net::to_sockaddr(*peer.local_address());
  ASSERT_EQ(::connect(socket.descriptor(), to.get(), to.length), 0);
  auto taken = std::move(*take_up(socket.release()));
  for (int turns = 0; turns < 20; ++turns)
    other_loop_.run_once(Duration(1));
  net::ReceiveBatch batch;
  EXPECT_EQ(*peer.receive(batch), 0U);
  EXPECT_EQ(stranger.state(), Connection::State::kHandshaking);
}

// A worker is a thread with a loop that takes up what it is given and echoes.
class Worker {
 public:
  Worker() : thread_([this] { loop_.run(); }) {}
  ~Worker() {
    loop_.stop();
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Any thread.
  void give(int fd) {
    loop_.post([this, fd] { serve(fd); });
  }
  [[nodiscard]] int failures() const { return failures_; }

 private:
  void serve(int fd) {
    auto taken = Connection::from_descriptor(loop_, "moving", fd);
    if (!taken) {
      ++failures_;
      return;
    }
    connections_.push_back(std::make_unique<Connection>(std::move(*taken)));
    Connection& peer = *connections_.back();
    peer.on_readable([this, &peer] {
      std::array<std::byte, 256> buffer;
      while (true) {
        const auto size = peer.recv(buffer, Duration::zero());
        if (!size) {
          if (size.error().sys_errno != ESHUTDOWN) ++failures_;
          return peer.close();
        }
        if (*size == 0) return;
        if (!peer.send(std::span(buffer).first(*size))) ++failures_;
      }
    });
  }

  EventLoop loop_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::atomic<int> failures_ = 0;
  std::thread thread_;
};

TEST_F(HandOver, a_thousand_clients_over_four_threads_lose_nothing_and_wait_for_no_retransmission) {
  constexpr int kClients = 1000;
  constexpr int kAtOnce = 100;  // what a socket buffer of the system's default size can hold
  constexpr int kMessages = 5;
  // Longer than the test may take: whoever needed a retransmission would not be done.
  server_config_.first_retransmission = client_config_.first_retransmission = Duration(60000);
  const auto descriptors = open_descriptors();
  {
    auto server = listen();
    std::array<Worker, 4> workers;
    std::size_t next = 0;
    server.on_accept([&](Connection connection) {
      const int fd = *connection.descriptor();
      // The descriptor's number travels first, as in the specification's example.
      workers.at(next++ % workers.size()).give(fd);
      connection.fly_away();
    });

    struct Talker {
      Connection connection;
      int answers = 0;
    };
    std::vector<std::unique_ptr<Talker>> talkers;
    int finished = 0;
    const std::function<void()> start_one = [&] {
      const auto number = talkers.size();
      talkers.push_back(std::make_unique<Talker>(
          Talker{std::move(*Client::start(loop_, client_config_, server.local_address()))}));
      Talker& talker = *talkers.back();
      const auto question = [number, &talker] {
        return std::to_string(number) + ": " + std::to_string(talker.answers);
      };
      talker.connection.on_settled([&talker, question] {
        talker.connection.on_settled({});
        ASSERT_EQ(talker.connection.failure(), nullptr) << talker.connection.failure()->message;
        ASSERT_TRUE(talker.connection.send(question()));
      });
      talker.connection.on_readable([&, question] {
        ASSERT_EQ(receive(talker.connection, Duration::zero()), question());
        if (++talker.answers < kMessages) {
          ASSERT_TRUE(talker.connection.send(question()));
          return;
        }
        talker.connection.close();
        ++finished;
        if (talkers.size() < kClients) start_one();
      });
    };
    for (int i = 0; i < kAtOnce; ++i)
      start_one();
    ASSERT_TRUE(
        loop_.run_until([&] { return finished == kClients || HasFatalFailure(); }, Duration(55000)))
        << finished << " clients were done";
    for (const auto& worker : workers)
      EXPECT_EQ(worker.failures(), 0);
  }
  EXPECT_EQ(open_descriptors(), descriptors);
}

}  // namespace
}  // namespace dtls::test
