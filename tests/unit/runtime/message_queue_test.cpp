#include "runtime/message_queue.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace dtls::runtime {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string pop(MessageQueue& queue, std::size_t room) {
  std::string text(room, '\0');
  text.resize(queue.pop(std::as_writable_bytes(std::span(text))));
  return text;
}

TEST(MessageQueue, keeps_order_and_boundaries) {
  MessageQueue queue(1000);
  ASSERT_TRUE(queue.push(bytes("one")));
  ASSERT_TRUE(queue.push(bytes("second")));
  EXPECT_EQ(queue.front_size(), 3U);
  EXPECT_EQ(pop(queue, 100), "one");
  EXPECT_EQ(pop(queue, 100), "second");
  EXPECT_TRUE(queue.empty());
}

TEST(MessageQueue, a_message_longer_than_the_buffer_is_continued) {
  MessageQueue queue(1000);
  ASSERT_TRUE(queue.push(bytes("abcdefgh")));
  ASSERT_TRUE(queue.push(bytes("next")));
  EXPECT_EQ(pop(queue, 3), "abc");
  EXPECT_EQ(queue.front_size(), 5U);
  EXPECT_EQ(pop(queue, 1), "d");
  EXPECT_EQ(pop(queue, 100), "efgh");
  EXPECT_EQ(pop(queue, 100), "next");
}

TEST(MessageQueue, a_full_queue_refuses_and_keeps_what_it_has) {
  MessageQueue queue(20);
  ASSERT_TRUE(queue.push(bytes("0123456789")));
  EXPECT_FALSE(queue.push(bytes("0123456789")));
  EXPECT_EQ(pop(queue, 100), "0123456789");
  EXPECT_TRUE(queue.push(bytes("0123456789")));
}

TEST(MessageQueue, stays_within_its_capacity_however_long_it_is_used) {
  MessageQueue queue(100);
  for (int i = 0; i < 10000; ++i) {
    ASSERT_TRUE(queue.push(bytes(std::to_string(i))));
    if (i > 2) {
      ASSERT_EQ(pop(queue, 100), std::to_string(i - 3));
    }
  }
}

}  // namespace
}  // namespace dtls::runtime
