#include "net/timer_queue.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace dtls::net {
namespace {

using std::chrono::milliseconds;

class TimerQueueTest : public ::testing::Test {
 protected:
  std::function<void()> note(char name) {
    return [this, name] { ran_ += name; };
  }

  const TimePoint start_{std::chrono::hours(1)};
  TimerQueue queue_;
  std::string ran_;
};

TEST_F(TimerQueueTest, timers_run_in_the_order_of_their_time) {
  queue_.add(start_ + milliseconds(2), note('b'));
  queue_.add(start_ + milliseconds(3), note('c'));
  queue_.add(start_ + milliseconds(1), note('a'));
  EXPECT_EQ(queue_.earliest(), start_ + milliseconds(1));
  EXPECT_FALSE(queue_.run_due(start_));
  EXPECT_TRUE(queue_.run_due(start_ + milliseconds(2)));
  EXPECT_EQ(ran_, "ab");
  EXPECT_EQ(queue_.earliest(), start_ + milliseconds(3));
}

TEST_F(TimerQueueTest, timers_of_one_time_run_in_the_order_they_were_added) {
  for (const char name : {'a', 'b', 'c'})
    queue_.add(start_, note(name));
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "abc");
}

TEST_F(TimerQueueTest, a_cancelled_timer_does_not_run_and_cancelling_again_is_harmless) {
  const auto id = queue_.add(start_, note('a'));
  queue_.add(start_, note('b'));
  queue_.cancel(id);
  queue_.cancel(id);
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "b");
  EXPECT_EQ(queue_.earliest(), std::nullopt);
}

TEST_F(TimerQueueTest, a_callback_may_cancel_others_and_itself) {
  TimerQueue::TimerId self = 0;
  TimerQueue::TimerId other = 0;
  self = queue_.add(start_, [&] {
    queue_.cancel(self);
    queue_.cancel(other);
  });
  other = queue_.add(start_, note('x'));
  queue_.add(start_, note('b'));
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "b");
}

TEST_F(TimerQueueTest, a_timer_added_by_a_callback_waits_for_the_next_run) {
  queue_.add(start_, [&] {
    queue_.add(TimePoint::min(), note('n'));
    queue_.add(start_, note('m'));
  });
  queue_.add(start_, note('a'));
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "a");
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "anm");
}

TEST_F(TimerQueueTest, the_others_survive_a_callback_that_throws) {
  queue_.add(start_, [] { throw std::runtime_error("callback"); });
  queue_.add(start_, note('a'));
  EXPECT_THROW(queue_.run_due(start_), std::runtime_error);
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "a");
}

TEST_F(TimerQueueTest, what_a_callback_owns_may_cancel_timers_when_it_is_destroyed) {
  struct Owner {
    Owner(TimerQueue& its_queue, TimerQueue::TimerId its_other)
        : queue(its_queue), other(its_other) {}
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    ~Owner() { queue.cancel(other); }

    TimerQueue& queue;
    TimerQueue::TimerId other;
  };
  const auto other = queue_.add(start_, note('x'));
  const auto id = queue_.add(start_, [owner = std::make_shared<Owner>(queue_, other)] {});
  queue_.cancel(id);
  EXPECT_EQ(queue_.earliest(), std::nullopt);
}

}  // namespace
}  // namespace dtls::net
