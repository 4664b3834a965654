// Timers, posted work, stopping, waiting.
#include <gtest/gtest.h>
#include <sys/time.h>

#include <array>
#include <csignal>
#include <ctime>
#include <stdexcept>
#include <string>
#include <thread>

#include "dtls/event_loop.hpp"
#include "loop_support.hpp"
#include "net/loop_core.hpp"

namespace dtls::net {
namespace {

using std::chrono::milliseconds;

TEST(EventLoopTimer, a_timer_does_not_fire_before_its_time) {
  EventLoop loop;
  loop.add_timer(Clock::now() + std::chrono::hours(1), [] { FAIL(); });
  EXPECT_FALSE(loop.run_once(kNow));
  const auto when = Clock::now() + milliseconds(5);
  std::optional<TimePoint> fired;
  loop.add_timer(when, [&] { fired = Clock::now(); });
  EXPECT_TRUE(loop.run_once(std::nullopt));
  ASSERT_TRUE(fired);
  EXPECT_GE(*fired, when);
}

TEST(EventLoopTimer, a_time_in_the_past_fires_in_the_next_run) {
  EventLoop loop;
  int fired = 0;
  loop.add_timer(TimePoint::min(), [&] { ++fired; });
  loop.add_timer(Clock::now() - milliseconds(1), [&] { ++fired; });
  EXPECT_TRUE(is_readable(loop.descriptor()));
  EXPECT_TRUE(loop.run_once(kNow, EventLoop::Scope::kBackground));
  EXPECT_EQ(fired, 2);
  EXPECT_FALSE(is_readable(loop.descriptor()));
}

TEST(EventLoopTimer, a_timer_set_by_a_timer_waits_for_the_next_run) {
  EventLoop loop;
  int fired = 0;
  std::function<void()> again = [&] {
    ++fired;
    loop.add_timer(TimePoint::min(), again);
  };
  loop.add_timer(TimePoint::min(), again);
  EXPECT_TRUE(loop.run_once(kNow));
  EXPECT_EQ(fired, 1);
  EXPECT_TRUE(is_readable(loop.descriptor()));
  EXPECT_TRUE(loop.run_once(std::nullopt));
  EXPECT_EQ(fired, 2);
}

TEST(EventLoopTimer, the_descriptor_becomes_readable_when_a_timer_is_due) {
  EventLoop loop;
  bool fired = false;
  loop.add_timer(Clock::now() + std::chrono::hours(1), [] {});
  loop.add_timer(Clock::now() + milliseconds(2), [&] { fired = true; });
  pollfd entry{loop.descriptor(), POLLIN, 0};
  ASSERT_EQ(::poll(&entry, 1, 10'000), 1);
  EXPECT_TRUE(loop.run_once(kNow));
  EXPECT_TRUE(fired);
  EXPECT_FALSE(is_readable(loop.descriptor()));
}

TEST(EventLoopTimer, a_cancelled_timer_neither_fires_nor_leaves_the_descriptor_readable) {
  EventLoop loop;
  const auto id = loop.add_timer(TimePoint::min(), [] { FAIL(); });
  loop.cancel_timer(id);
  EXPECT_FALSE(loop.run_once(kNow));
  EXPECT_FALSE(is_readable(loop.descriptor()));
}

TEST(EventLoopTimer, the_farthest_time_is_never) {
  EventLoop loop;
  loop.add_timer(TimePoint::max(), [] { FAIL(); });
  EXPECT_FALSE(loop.run_once(Duration(1)));
  EXPECT_FALSE(is_readable(loop.descriptor()));
}

TEST(EventLoopTimer, the_next_timer_fires_after_one_that_throws) {
  EventLoop loop;
  bool fired = false;
  loop.add_timer(TimePoint::min(), [] { throw std::runtime_error("callback"); });
  loop.add_timer(TimePoint::min(), [&] { fired = true; });
  EXPECT_THROW(loop.run_once(kNow), std::runtime_error);
  EXPECT_TRUE(is_readable(loop.descriptor()));
  EXPECT_TRUE(loop.run_once(kNow));
  EXPECT_TRUE(fired);
}

TEST(EventLoopTimer, posted_work_runs_in_order_and_in_the_background) {
  EventLoop loop;
  std::string ran;
  loop.core().post([&] {
    ran += 'a';
    loop.core().post([&] { ran += 'c'; });
  });
  loop.core().post([&] { ran += 'b'; });
  EXPECT_EQ(ran, "");
  EXPECT_TRUE(loop.run_once(std::nullopt, EventLoop::Scope::kBackground));
  EXPECT_EQ(ran, "ab");
  EXPECT_TRUE(loop.run_once(std::nullopt, EventLoop::Scope::kBackground));
  EXPECT_EQ(ran, "abc");
}

TEST(EventLoop, run_ends_when_a_callback_stops_it) {
  EventLoop loop;
  loop.add_timer(TimePoint::min(), [&] { loop.stop(); });
  loop.run();
  bool again = false;
  loop.add_timer(TimePoint::min(), [&] {
    again = true;
    loop.stop();
  });
  loop.run();
  EXPECT_TRUE(again);
}

TEST(EventLoop, another_thread_may_stop_a_waiting_loop) {
  EventLoop loop;
  std::thread stopper([&] { loop.stop(); });
  loop.run();
  stopper.join();
}

TEST(EventLoop, run_until_ends_when_the_condition_holds) {
  EventLoop loop;
  int fired = 0;
  for (int i = 0; i < 3; ++i) {
    loop.add_timer(Clock::now() + milliseconds(i), [&] { ++fired; });
  }
  EXPECT_TRUE(loop.run_until([&] { return fired == 3; }, std::nullopt));
  EXPECT_TRUE(loop.run_until([] { return true; }, kNow));
}

TEST(EventLoop, run_until_gives_up_after_the_timeout) {
  EventLoop loop;
  const auto start = Clock::now();
  EXPECT_FALSE(loop.run_until([] { return false; }, milliseconds(5)));
  EXPECT_GE(Clock::now() - start, milliseconds(5));
  EXPECT_FALSE(loop.run_until([] { return false; }, kNow));
}

TEST(EventLoop, the_longest_timeout_does_not_overflow) {
  EventLoop loop;
  loop.add_timer(TimePoint::min(), [] {});
  EXPECT_TRUE(loop.run_once(Duration::max()));
  loop.add_timer(TimePoint::min(), [] {});
  bool done = false;
  loop.add_timer(TimePoint::min(), [&] { done = true; });
  EXPECT_TRUE(loop.run_until([&] { return done; }, Duration::max()));
  EXPECT_FALSE(loop.run_once(Duration::min()));
}

TEST(EventLoop, a_signal_does_not_end_a_wait) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
  const itimerval each_millisecond{{0, 1000}, {0, 1000}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &each_millisecond, nullptr), 0);

  EventLoop loop;
  const auto start = Clock::now();
  EXPECT_FALSE(loop.run_once(milliseconds(10)));
  EXPECT_GE(Clock::now() - start, milliseconds(10));

  const itimerval off{};
  ::setitimer(ITIMER_REAL, &off, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
}

TEST(EventLoop, an_idle_loop_uses_no_cpu) {
  EventLoop loop;
  Pipe pipe;
  ASSERT_TRUE(loop.watch(pipe.read_end, Interest::kRead, [] {}));
  const auto cancelled = loop.add_timer(Clock::now() + milliseconds(1), [] {});
  loop.cancel_timer(cancelled);
  const auto cpu = [] {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  };
  const auto before = cpu();
  EXPECT_FALSE(loop.run_once(milliseconds(100)));
  EXPECT_LT(cpu() - before, milliseconds(20));
}

}  // namespace
}  // namespace dtls::net
