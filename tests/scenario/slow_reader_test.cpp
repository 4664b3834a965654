// Programs that read late: what the kernel has delivered is not lost to the default buffers, and
// one slow reader is in nobody's way.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "support/loopback.hpp"

namespace dtls::test {
namespace {

// 512 messages of 600 bytes are more than the queue of 256 KiB holds, and what it does not hold is
// less than the kernel's buffer of 208 KiB does.
constexpr int kInFlight = 512;
constexpr std::size_t kSize = 600;

class SlowReader : public Loopback {
 protected:
  static std::string message(int number, std::size_t size = kSize) {
    std::string text = std::to_string(number) + ' ';
    text.resize(size, '.');
    return text;
  }
  static int number_of(const std::string& text) { return std::stoi(text); }

  // fly sends messages `from` to `to`, and lets the loop take in a few at a time, so that no buffer
  // of the kernel is what loses one.
  void fly(Connection& sender, int from, int to, std::size_t size = kSize) {
    const int at_once = size > kSize ? 1 : 16;
    for (int i = from; i < to; ++i) {
      ASSERT_TRUE(sender.send(message(i, size), kSoon));
      if (i % at_once == at_once - 1) settle();
    }
    settle();
  }
  // settle does the background work that there is.
  void settle() {
    for (int turns = 0; turns < 8; ++turns)
      if (!loop_.run_once(Duration::zero(), EventLoop::Scope::kBackground)) return;
  }
  // numbers_of reads all that waits.
  std::vector<int> numbers_of(Connection& reader) {
    std::vector<int> all;
    while (true) {
      const std::string text = receive(reader, Duration::zero());
      if (text.empty() || text.starts_with("error")) return all;
      all.push_back(number_of(text));
    }
  }
  static std::vector<int> numbers(int from, int to) {
    std::vector<int> all;
    for (int i = from; i < to; ++i)
      all.push_back(i);
    return all;
  }
};

TEST_F(SlowReader, with_a_socket_of_its_own_loses_none_of_512_messages) {
  auto server = listen();
  auto [client, peer] = connect(server);
  fly(peer, 0, kInFlight);
  EXPECT_EQ(numbers_of(client), numbers(0, kInFlight));
  fly(peer, 0, 10);
  EXPECT_EQ(numbers_of(client), numbers(0, 10)) << "it is read on";
}

TEST_F(SlowReader, on_its_servers_socket_loses_none_of_512_messages) {
  auto server = listen();
  auto [client, peer] = connect(server);
  fly(client, 0, kInFlight);
  EXPECT_EQ(numbers_of(peer), numbers(0, kInFlight));
  fly(client, 0, 10);
  EXPECT_EQ(numbers_of(peer), numbers(0, 10));
}

TEST_F(SlowReader, that_got_its_own_socket_meanwhile_loses_none_of_512_messages) {
  auto server = listen();
  auto [client, peer] = connect(server);
  fly(client, 0, kInFlight / 2);
  ASSERT_TRUE(peer.descriptor());
  fly(client, kInFlight / 2, kInFlight);
  auto found = numbers_of(peer);
  std::ranges::sort(found);
  EXPECT_EQ(found, numbers(0, kInFlight));
}

// As long as the program reads a message when it is told of one, it may be as slow as it likes.
TEST_F(SlowReader, that_reads_one_message_for_each_callback_loses_none_of_512) {
  for (const bool is_shared : {true, false}) {
    SCOPED_TRACE(is_shared);
    auto server = listen();
    auto [client, peer] = connect(server);
    Connection& sender = is_shared ? client : peer;
    Connection& reader = is_shared ? peer : client;
    std::vector<int> found;
    fly(sender, 0, kInFlight);
    reader.on_readable([&] { found.push_back(number_of(receive(reader, Duration::zero()))); });
    loop_.run_until([&] { return found.size() == kInFlight; }, kSoon);
    EXPECT_EQ(found, numbers(0, kInFlight));
    reader.on_readable({});
  }
}

TEST_F(SlowReader, does_not_keep_the_loop_busy) {
  auto server = listen();
  auto [client, peer] = connect(server);
  fly(peer, 0, kInFlight);
  // A readable socket that is not read would end every wait at once.
  int turns = 0;
  const TimePoint end = Clock::now() + Duration(100);
  while (Clock::now() < end && turns < 1000) {
    loop_.run_once(Duration(100), EventLoop::Scope::kBackground);
    ++turns;
  }
  EXPECT_LT(turns, 10);
}

TEST_F(SlowReader, with_a_socket_of_its_own_leaves_a_flood_to_the_kernel) {
  auto server = listen();
  auto [client, peer] = connect(server);
  constexpr std::size_t kLarge = 16000;
  fly(peer, 0, 200, kLarge);
  const auto found = numbers_of(client);
  // The queue's 256 KiB, and at most two buffers of the kernel: a batch, and what waits.
  EXPECT_GE(found.size(), 256U * 1024 / kLarge);
  EXPECT_LE(found.size(), (256U + 2 * 208) * 1024 / kLarge);
  EXPECT_EQ(found, numbers(0, static_cast<int>(found.size()))) << "the kernel drops the newest";
  fly(peer, 0, 10, kLarge);
  EXPECT_EQ(numbers_of(client), numbers(0, 10));
}

TEST_F(SlowReader, hears_the_end_after_the_last_message) {
  auto server = listen();
  auto [client, peer] = connect(server);
  fly(peer, 0, kInFlight);
  peer.close();
  settle();
  EXPECT_EQ(numbers_of(client), numbers(0, kInFlight));
  EXPECT_EQ(receive(client), "error " + std::to_string(ESHUTDOWN));
}

// The ACK of a KeyUpdate waits behind the messages that are not read: the timers look for it.
TEST_F(SlowReader, updates_its_keys_while_its_socket_is_not_read) {
  client_config_.first_retransmission = server_config_.first_retransmission = Duration(20);
  auto server = listen();
  auto [client, peer] = connect(server);
  fly(peer, 0, kInFlight);
  ASSERT_TRUE(client.update_keys());
  ASSERT_FALSE(client.update_keys()) << "the first one is not acknowledged yet";
  EXPECT_TRUE(loop_.run_until([&] { return bool(client.update_keys()); }, kSoon,
                              EventLoop::Scope::kBackground));
  EXPECT_EQ(numbers_of(client), numbers(0, kInFlight));
}

TEST_F(SlowReader, is_not_in_the_way_of_other_peers_and_newcomers) {
  auto server = listen();
  auto [slow_client, slow] = connect(server);
  auto [quick_client, quick] = connect(server);
  constexpr std::size_t kLarge = 16000;
  constexpr int kFlood = 200;  // 3.2 MB: more than the queue takes at all
  for (int i = 0; i < kFlood; ++i) {
    ASSERT_TRUE(slow_client.send(message(i, kLarge), kSoon));
    ASSERT_TRUE(quick_client.send(message(i), kSoon));
    ASSERT_EQ(number_of(receive(quick)), i);
  }
  auto [third_client, third] = connect(server);
  ASSERT_TRUE(third_client.send("hello", kSoon));
  EXPECT_EQ(receive(third), "hello");
  // Four times 256 KiB are what a connection holds that is never read.
  const auto found = numbers_of(slow);
  EXPECT_GE(found.size(), 256U * 1024 / kLarge);
  EXPECT_LE(found.size(), 4 * 256U * 1024 / kLarge);
  EXPECT_EQ(found, numbers(0, static_cast<int>(found.size()))) << "the newest are dropped";
  // What it is told afterwards arrives again.
  ASSERT_TRUE(slow_client.send(message(kFlood), kSoon));
  EXPECT_EQ(number_of(receive(slow)), kFlood);
}

}  // namespace
}  // namespace dtls::test
