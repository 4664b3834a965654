// Letters between threads.
#include "net/mailbox.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "dtls/event_loop.hpp"

namespace dtls::net {
namespace {

TEST(Mailbox, letters_are_opened_in_the_order_in_which_they_were_posted) {
  Mailbox mailbox;
  std::string opened;
  for (const char letter : {'a', 'b', 'c'})
    EXPECT_TRUE(mailbox.post([&opened, letter] { opened += letter; }));
  EXPECT_TRUE(mailbox.open_all());
  EXPECT_EQ(opened, "abc");
  EXPECT_FALSE(mailbox.open_all());
}

TEST(Mailbox, a_letter_that_throws_loses_none_of_those_behind_it) {
  Mailbox mailbox;
  int opened = 0;
  mailbox.post([] { throw std::runtime_error("of a letter"); });
  mailbox.post([&] { ++opened; });
  EXPECT_THROW(mailbox.open_all(), std::runtime_error);
  EXPECT_EQ(opened, 0);
  EXPECT_TRUE(mailbox.open_all());
  EXPECT_EQ(opened, 1);
}

TEST(Mailbox, datagrams_that_nobody_takes_in_leave_room_for_letters) {
  Mailbox mailbox;
  std::size_t taken = 0;
  while (mailbox.post([] {}, 1))
    ++taken;
  EXPECT_LT(taken, Mailbox::kCapacity);
  EXPECT_FALSE(mailbox.post([] {}, 65'535));
  EXPECT_TRUE(mailbox.post([] {}));
  mailbox.open_all();
  EXPECT_TRUE(mailbox.post([] {}, 65'535));
}

TEST(Mailbox, a_closed_one_refuses_and_drops) {
  Mailbox mailbox;
  int opened = 0;
  mailbox.post([&] { ++opened; });
  mailbox.close();
  EXPECT_FALSE(mailbox.post([] {}));
  EXPECT_FALSE(mailbox.open_all());
  EXPECT_EQ(opened, 0);
}

TEST(Mailbox, of_a_loop_ends_its_wait_from_another_thread) {
  EventLoop loop;
  int opened = 0;
  std::thread other([&] { EXPECT_TRUE(loop.post([&] { ++opened; })); });
  EXPECT_TRUE(
      loop.run_until([&] { return opened == 1; }, Duration(10000), EventLoop::Scope::kBackground));
  other.join();
}

}  // namespace
}  // namespace dtls::net
