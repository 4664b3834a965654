#include "net/timer_queue.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
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

TEST_F(TimerQueueTest, a_timer_that_was_added_and_set_aside_in_a_run_can_be_cancelled) {
  TimerQueue::TimerId first = 0;
  TimerQueue::TimerId second = 0;
  queue_.add(start_, [&] {
    first = queue_.add(TimePoint::min(), note('x'));
    second = queue_.add(TimePoint::min(), note('y'));
    queue_.add(TimePoint::min(), note('n'));
  });
  // By then the three are due, and stand before this one.
  queue_.add(start_, [&] {
    EXPECT_EQ(queue_.earliest(), TimePoint::min());
    queue_.cancel(first);
    queue_.cancel(second);
    queue_.cancel(second);
  });
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "");
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "n");
  EXPECT_EQ(queue_.earliest(), std::nullopt);
}

TEST_F(TimerQueueTest, a_run_inside_a_callback_runs_what_was_added_before_it) {
  queue_.add(start_, [&] { queue_.add(TimePoint::min(), note('i')); });
  queue_.add(start_, [&] {
    ran_ += '(';
    queue_.add(TimePoint::min(), note('j'));
    EXPECT_TRUE(queue_.run_due(start_));
    ran_ += ')';
    queue_.add(TimePoint::min(), note('n'));
  });
  queue_.add(start_, note('a'));
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "(ija)");
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "(ija)n");
}

TEST_F(TimerQueueTest, what_was_set_aside_survives_a_callback_that_throws) {
  queue_.add(start_, [&] { queue_.add(TimePoint::min(), note('n')); });
  queue_.add(start_, [] { throw std::runtime_error("callback"); });
  EXPECT_THROW(queue_.run_due(start_), std::runtime_error);
  EXPECT_EQ(queue_.earliest(), TimePoint::min());
  EXPECT_TRUE(queue_.run_due(start_));
  EXPECT_EQ(ran_, "n");
}

TEST_F(TimerQueueTest, shrinking_in_a_callback_keeps_the_others) {
  std::vector<TimerQueue::TimerId> gone;
  for (int i = 0; i < 1000; ++i)
    gone.push_back(queue_.add(start_ + milliseconds(1 + i), note('x')));
  const auto cancelled = queue_.add(start_ + milliseconds(7), note('x'));
  queue_.add(start_ + milliseconds(2), note('c'));
  queue_.add(start_, [&] { queue_.add(TimePoint::min(), note('n')); });
  queue_.add(start_, [&] {
    for (const auto id : gone)
      queue_.cancel(id);
    queue_.shrink();
    queue_.add(start_ + milliseconds(1), note('b'));
    queue_.cancel(cancelled);
  });
  queue_.run_due(start_ - milliseconds(1));
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "");
  queue_.run_due(start_ + milliseconds(2));
  EXPECT_EQ(ran_, "nbc");
  queue_.shrink();
  EXPECT_EQ(queue_.earliest(), std::nullopt);
  queue_.add(start_, note('z'));
  queue_.run_due(start_);
  EXPECT_EQ(ran_, "nbcz");
}

// A seed is one course of additions, cancellations and runs; a map tells what has to happen.
TEST_F(TimerQueueTest, does_what_an_ordered_map_would_do) {
  for (unsigned seed = 1; seed <= 50; ++seed) {
    std::mt19937 random(seed);
    TimerQueue queue;
    std::map<std::pair<TimePoint, int>, TimerQueue::TimerId> expected;
    std::vector<TimerQueue::TimerId> ever;
    std::vector<int> ran;
    int next = 0;
    TimePoint now = start_;
    for (int step = 0; step < 2000; ++step) {
      const auto dice = random() % 16;
      if (dice < 8) {
        const TimePoint when = now + milliseconds(random() % 64) - milliseconds(8);
        const int name = next++;
        const auto id = queue.add(when, [&ran, name] { ran.push_back(name); });
        expected.emplace(std::pair(when, name), id);
        ever.push_back(id);
      } else if (dice < 13 && !ever.empty()) {
        const auto id = ever[random() % ever.size()];  // also one that is gone
        queue.cancel(id);
        std::erase_if(expected, [id](const auto& each) { return each.second == id; });
      } else if (dice < 15) {
        now += milliseconds(random() % 8);
        std::vector<int> due;
        while (!expected.empty() && expected.begin()->first.first <= now) {
          due.push_back(expected.begin()->first.second);
          expected.erase(expected.begin());
        }
        ran.clear();
        EXPECT_EQ(queue.run_due(now), !due.empty());
        ASSERT_EQ(ran, due) << "seed " << seed << ", step " << step;
      } else if (random() % 8 == 0) {
        queue.shrink();
      }
      const auto earliest =
          expected.empty() ? std::nullopt : std::optional(expected.begin()->first.first);
      ASSERT_EQ(queue.earliest(), earliest) << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace dtls::net
