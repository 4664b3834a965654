#include "net/transmit_batch.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace dtls::net {
namespace {

Path path(std::uint8_t last, std::uint16_t port = 5684) {
  Path result;
  result.peer.ip = {192, 0, 2, last};
  result.peer.port = port;
  return result;
}

class TransmitBatchTest : public ::testing::Test {
 protected:
  void add(const Path* way, std::size_t size, char filler = 'x') {
    const auto room = batch_.room(size);
    ASSERT_EQ(room.size(), size);
    std::memset(room.data(), filler, size);
    batch_.commit(way, size);
  }

  // "size x count to port" of each run.
  [[nodiscard]] std::string runs() const {
    std::string result;
    for (const auto& run : batch_.runs()) {
      EXPECT_GT(run.size, (run.count - 1) * run.segment);
      EXPECT_LE(run.size, run.count * run.segment);
      if (!result.empty()) result += ", ";
      result += std::to_string(run.segment) + "x" + std::to_string(run.count) + " to " +
                (run.path ? std::to_string(run.path->peer.ip[3]) : "the peer");
    }
    return result;
  }

  [[nodiscard]] std::string text(const TransmitBatch::Run& run) const {
    std::string result;
    for (std::size_t i = 0; i < run.size; ++i)
      result += static_cast<char>(batch_.bytes(run)[i]);
    return result;
  }

  const Path one_ = path(1);
  const Path two_ = path(2);
  TransmitBatch batch_;
};

TEST_F(TransmitBatchTest, a_new_batch_is_empty_and_a_datagram_of_no_bytes_leaves_it_so) {
  EXPECT_TRUE(batch_.empty());
  ASSERT_EQ(batch_.room(100).size(), 100U);
  batch_.commit(&one_, 0);
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(runs(), "");
}

TEST_F(TransmitBatchTest, datagrams_of_one_size_and_path_extend_a_run) {
  for (int i = 0; i < 3; ++i)
    add(&one_, 100);
  EXPECT_EQ(runs(), "100x3 to 1");
}

TEST_F(TransmitBatchTest, a_shorter_datagram_closes_its_run) {
  for (const std::size_t size : {100U, 100U, 99U, 99U, 100U})
    add(&one_, size);
  EXPECT_EQ(runs(), "100x3 to 1, 99x1 to 1, 100x1 to 1");
}

TEST_F(TransmitBatchTest, a_longer_datagram_begins_a_run) {
  for (const std::size_t size : {100U, 101U, 101U})
    add(&one_, size);
  EXPECT_EQ(runs(), "100x1 to 1, 101x2 to 1");
}

TEST_F(TransmitBatchTest, paths_that_take_turns_keep_the_order_of_their_datagrams) {
  for (const Path* each : {&one_, &two_, &two_, &one_, &one_})
    add(each, 100);
  EXPECT_EQ(runs(), "100x1 to 1, 100x2 to 2, 100x2 to 1");
}

TEST_F(TransmitBatchTest, each_part_of_a_path_tells_it_from_others) {
  Path other_port = path(1, 5685);
  Path other_local = path(1);
  other_local.local.ip = {127, 0, 0, 1};
  const Path copy = path(1);
  for (const Path* each :
       std::initializer_list<const Path*>{&one_, &copy, &other_port, &other_local, nullptr})
    add(each, 10);
  EXPECT_EQ(runs(), "10x2 to 1, 10x1 to 1, 10x1 to 1, 10x1 to the peer");
}

TEST_F(TransmitBatchTest, a_path_is_copied) {
  Path way = path(1);
  add(&way, 10);
  way = path(2);
  add(&way, 10);
  EXPECT_EQ(runs(), "10x1 to 1, 10x1 to 2");
}

TEST_F(TransmitBatchTest, a_connected_socket_needs_no_path) {
  for (int i = 0; i < 2; ++i)
    add(nullptr, 10);
  EXPECT_EQ(runs(), "10x2 to the peer");
}

TEST_F(TransmitBatchTest, a_run_has_64_datagrams_at_most) {
  for (int i = 0; i < 65; ++i)
    add(&one_, 100);
  EXPECT_EQ(runs(), "100x64 to 1, 100x1 to 1");
}

TEST_F(TransmitBatchTest, a_run_fits_an_ip_packet) {
  for (int i = 0; i < 4; ++i)
    add(&one_, 18'432);
  EXPECT_EQ(runs(), "18432x3 to 1, 18432x1 to 1");
  batch_.clear();
  add(&one_, 32'744);
  add(&one_, 32'743);  // 65,487 together
  EXPECT_EQ(runs(), "32744x2 to 1");
  batch_.clear();
  add(&one_, 32'744);
  add(&one_, 32'744);
  EXPECT_EQ(runs(), "32744x1 to 1, 32744x1 to 1");
}

TEST_F(TransmitBatchTest, a_datagram_may_be_smaller_than_its_room) {
  for (const char filler : {'a', 'b'}) {
    std::memset(batch_.room(1000).data(), filler, 3);
    batch_.commit(&one_, 3);
  }
  ASSERT_EQ(runs(), "3x2 to 1");
  EXPECT_EQ(text(batch_.runs()[0]), "aaabbb");
}

TEST_F(TransmitBatchTest, has_room_for_64_full_datagrams_and_the_largest_one) {
  for (int i = 0; i < 64; ++i)
    add(&one_, 1232);
  add(&two_, 18'432);
}

TEST_F(TransmitBatchTest, is_full_when_the_bytes_are_used_up) {
  while (!batch_.room(18'432).empty())
    add(&one_, 18'432);
  EXPECT_EQ(batch_.runs().back().begin + batch_.runs().back().size,
            TransmitBatch::kCapacity / 18'432 * 18'432);
  EXPECT_FALSE(batch_.room(100).empty());
  batch_.clear();
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(batch_.room(18'432).size(), 18'432U);
}

TEST_F(TransmitBatchTest, is_full_when_the_runs_are_used_up) {
  std::size_t count = 0;
  for (; !batch_.room(10).empty(); ++count)
    add(count % 2 == 0 ? &one_ : &two_, 10);
  EXPECT_EQ(count, TransmitBatch::kMostRuns);
}

TEST_F(TransmitBatchTest, datagrams_are_dropped_from_the_front) {
  for (const char filler : {'a', 'b', 'c'})
    add(&one_, 2, filler);
  add(&two_, 1, 'd');
  batch_.drop(1);
  ASSERT_EQ(runs(), "2x2 to 1, 1x1 to 2");
  EXPECT_EQ(text(batch_.runs()[0]), "bbcc");
  batch_.drop(2);
  ASSERT_EQ(runs(), "1x1 to 2");
  EXPECT_EQ(text(batch_.runs()[0]), "d");
  batch_.drop(1);
  EXPECT_TRUE(batch_.empty());
}

TEST_F(TransmitBatchTest, a_shorter_last_datagram_is_kept_when_those_before_it_are_dropped) {
  add(&one_, 3, 'a');
  add(&one_, 2, 'b');
  batch_.drop(1);
  ASSERT_EQ(batch_.runs().size(), 1U);
  EXPECT_EQ(text(batch_.runs()[0]), "bb");
  batch_.drop(1);
  EXPECT_TRUE(batch_.empty());
}

TEST_F(TransmitBatchTest, the_memory_of_dropped_datagrams_is_used_again) {
  std::size_t count = 0;
  for (; !batch_.room(18'432).empty(); ++count)
    add(&one_, 18'432, static_cast<char>('a' + count));
  batch_.drop(3);
  batch_.drop(1);
  add(&two_, 18'432, 'y');
  add(&one_, 1, 'z');
  std::string order;
  for (const auto& run : batch_.runs()) {
    const std::string bytes = text(run);
    for (std::size_t i = 0; i < run.count; ++i)
      order += bytes[i * run.segment];
  }
  std::string expected;
  for (std::size_t i = 4; i < count; ++i)
    expected += static_cast<char>('a' + i);
  EXPECT_EQ(order, expected + "yz");
}

TEST_F(TransmitBatchTest, the_places_of_dropped_runs_are_used_again) {
  for (std::size_t i = 0; i < TransmitBatch::kMostRuns; ++i)
    add(i % 2 == 0 ? &one_ : &two_, 10);
  EXPECT_TRUE(batch_.room(10).empty());
  batch_.drop(1);
  add(&one_, 11);
  EXPECT_TRUE(batch_.room(10).empty());
}

}  // namespace
}  // namespace dtls::net
