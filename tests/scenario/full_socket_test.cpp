// The kernel has no room for what is sent: nothing that was reported as sent is lost, and programs
// learn when they can send again.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "support/loopback.hpp"

namespace {

// Loopback takes whatever is sent, so that a full send buffer has to be made up: this program's
// sendmsg takes the place of the C library's.
std::atomic<bool> sockets_are_full = false;
std::atomic<int> refused = 0;

}  // namespace

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  if (sockets_are_full) {
    ++refused;
    errno = EAGAIN;
    return -1;
  }
  return ::syscall(SYS_sendmsg, fd, message, flags);
}

namespace dtls::test {
namespace {

class FullSocket : public Loopback {
 protected:
  FullSocket() {
    // Nothing is sent again in these tests.
    server_config_.first_retransmission = client_config_.first_retransmission = Duration(60'000);
    refused = 0;
  }
  ~FullSocket() override { sockets_are_full = false; }
  static void fill() { sockets_are_full = true; }
  static void drain() { sockets_are_full = false; }

  // turn does the work that is due and calls the program's watches.
  void turn(int times = 5) {
    for (int i = 0; i < times; ++i)
      loop_.run_once(Duration(2), EventLoop::Scope::kAll);
  }
  static int refusal(Connection& sender, const char* message) {
    const auto sent = sender.send(message, Duration::zero());
    return sent ? 0 : sent.error().sys_errno;
  }
};

TEST_F(FullSocket, keeps_the_message_that_was_reported_as_sent_and_refuses_the_next) {
  auto server = listen();
  auto [client, peer] = connect(server);
  for (const bool has_own_socket : {false, true}) {
    if (has_own_socket) {
      ASSERT_TRUE(peer.descriptor());
    }
    for (auto* sender : {&client, &peer}) {
      auto& receiver = sender == &client ? peer : client;
      fill();
      EXPECT_EQ(refusal(*sender, "first"), 0);
      EXPECT_EQ(refusal(*sender, "second"), EAGAIN);
      EXPECT_EQ(refusal(*sender, "third"), EAGAIN);
      EXPECT_GT(refused, 0);
      drain();
      EXPECT_EQ(receive(receiver), "first");
      EXPECT_EQ(refusal(*sender, "fourth"), 0);
      EXPECT_EQ(receive(receiver), "fourth") << "and not those that were refused";
    }
  }
}

TEST_F(FullSocket, has_a_send_with_a_timeout_wait_for_room) {
  auto server = listen();
  auto [client, peer] = connect(server);
  fill();
  ASSERT_EQ(refusal(client, "first"), 0);
  const auto sent = client.send("second", Duration(20));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().sys_errno, EAGAIN);
  loop_.add_timer(Clock::now() + Duration(20), [] { drain(); });
  EXPECT_TRUE(client.send("third", kSoon));
  EXPECT_EQ(receive(peer), "first");
  EXPECT_EQ(receive(peer), "third");
}

TEST_F(FullSocket, costs_a_handshake_no_retransmission) {
  auto server = listen();
  fill();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  turn();
  EXPECT_EQ(client.state(), Connection::State::kHandshaking);
  drain();
  auto peer = server.accept(kSoon);
  ASSERT_TRUE(peer);
  EXPECT_TRUE(client.wait_established(kSoon));
}

TEST_F(FullSocket, loses_neither_the_last_message_nor_the_farewell_when_it_has_room_at_close) {
  auto server = listen();
  auto [client, peer] = connect(server);
  fill();
  ASSERT_EQ(refusal(client, "last"), 0);
  drain();
  client.close();
  EXPECT_EQ(receive(peer), "last");
  EXPECT_EQ(receive(peer), "error " + std::to_string(ESHUTDOWN));
}

// ---- on_writable ----

TEST_F(FullSocket, calls_on_writable_when_it_has_room_again) {
  auto server = listen();
  auto [client, peer] = connect(server);
  for (auto* sender : {&client, &peer}) {
    int calls = 0;
    sender->on_writable([&] { ++calls; });
    turn();
    EXPECT_GT(calls, 1) << "again and again, while there is room";
    fill();
    ASSERT_EQ(refusal(*sender, "message"), 0);
    calls = 0;
    turn();
    EXPECT_EQ(calls, 0);
    drain();
    turn();
    EXPECT_GT(calls, 0);
    sender->on_writable({});
    calls = 0;
    turn();
    EXPECT_EQ(calls, 0) << "it was removed";
  }
}

TEST_F(FullSocket, calls_on_writable_for_a_program_that_sends_until_it_is_refused) {
  auto server = listen();
  auto [client, peer] = connect(server);
  constexpr int kMessages = 200;
  int sent = 0;
  client.on_writable([&] {
    // Every seventh message finds the socket full, and the timer makes room.
    while (sent < kMessages && refusal(client, std::to_string(sent).c_str()) == 0) {
      if (++sent % 7 == 0) {
        fill();
        loop_.add_timer(Clock::now() + Duration(1), [] { drain(); });
      }
    }
    if (sent == kMessages) client.on_writable({});
  });
  std::vector<std::string> received;
  peer.on_readable([&] { received.push_back(receive(peer, Duration::zero())); });
  loop_.run_until([&] { return received.size() == kMessages; }, kSoon);
  ASSERT_EQ(received.size(), static_cast<std::size_t>(kMessages));
  for (int i = 0; i < kMessages; ++i)
    EXPECT_EQ(received[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST_F(FullSocket, does_not_call_on_writable_before_the_handshake_has_finished) {
  auto server = listen();
  auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
  int calls = 0;
  client.on_writable([&] { ++calls; });
  turn();
  EXPECT_EQ(calls, 0) << "nobody has accepted it";
  auto peer = server.accept(kSoon);
  ASSERT_TRUE(peer);
  ASSERT_TRUE(client.wait_established(kSoon));
  turn();
  EXPECT_GT(calls, 0);
}

TEST_F(FullSocket, does_not_call_on_writable_during_a_renegotiation) {
  server_config_.renegotiate = client_config_.renegotiate = true;
  auto server = listen();
  auto [client, peer] = connect(server);
  int calls = 0;
  fill();  // the hello of the renegotiation stays here
  ASSERT_TRUE(client.renegotiate());
  client.on_writable([&] { ++calls; });
  turn();
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(refusal(client, "too early"), EAGAIN);
  drain();
  EXPECT_TRUE(client.send("message", kSoon));
  EXPECT_EQ(receive(peer), "message");
  turn();
  EXPECT_GT(calls, 0);
}

TEST_F(FullSocket, calls_on_writable_when_the_association_has_ended) {
  auto server = listen();
  auto [client, peer] = connect(server);
  fill();
  ASSERT_EQ(refusal(client, "message"), 0);
  int calls = 0;
  client.on_writable([&] { ++calls; });
  turn();
  EXPECT_EQ(calls, 0);
  drain();
  peer.close();
  fill();
  turn();
  EXPECT_GT(calls, 0);
  EXPECT_EQ(refusal(client, "too late"), EPIPE);
}

}  // namespace
}  // namespace dtls::test
