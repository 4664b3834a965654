// A turn of the loop: its time, what is flushed at its end, and what it tells other loops.
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>

#include "dtls/event_loop.hpp"
#include "loop_support.hpp"
#include "net/loop_core.hpp"

namespace {
std::atomic<int> alarms_set = 0;
std::atomic<int> waits = 0;
}  // namespace

// In place of the C library's, to count the calls.
extern "C" int epoll_wait(int fd, epoll_event* events, int most, int timeout) {
  ++waits;
  return static_cast<int>(::syscall(SYS_epoll_pwait, fd, events, most, timeout, nullptr, 0));
}

extern "C" int timerfd_settime(int fd, int flags, const itimerspec* setting,
                               itimerspec* previous) noexcept {
  ++alarms_set;
  return static_cast<int>(::syscall(SYS_timerfd_settime, fd, flags, setting, previous));
}

namespace dtls::net {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class LoopTurn : public ::testing::Test {
 protected:
  LoopTurn() { alarms_set = 0; }

  void watch_flushes() {
    core_.set_flusher([this] { log_ += 'f'; });
  }
  static void let_the_clock_go_on() {
    const auto start = Clock::now();
    while (Clock::now() == start) {
    }
  }

  std::string log_;
  EventLoop loop_;
  LoopCore& core_ = loop_.core();
};

TEST_F(LoopTurn, the_time_stands_still_in_a_turn_and_goes_on_outside) {
  EXPECT_FALSE(core_.in_turn());
  const auto before = core_.now();
  let_the_clock_go_on();
  EXPECT_GT(core_.now(), before);
  for (int i = 0; i < 2; ++i) {
    core_.post([&] {
      EXPECT_TRUE(core_.in_turn());
      const auto now = core_.now();
      let_the_clock_go_on();
      EXPECT_EQ(core_.now(), now);
    });
  }
  const auto start = Clock::now();
  core_.post([&] { EXPECT_GE(core_.now(), start); });
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_FALSE(core_.in_turn());
}

TEST_F(LoopTurn, a_source_is_told_the_time_of_the_turn) {
  struct Timed : FakeSource {
    void on_readable(TimePoint now) override { told = now; }
    TimePoint told;
  } source;
  Pipe pipe;
  core_.attach(source, pipe.read_end);
  pipe.fill();
  core_.post([&] { EXPECT_EQ(core_.now(), source.told); });
  const auto before = Clock::now();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_GE(source.told, before);
  core_.detach(source);
}

TEST_F(LoopTurn, a_wait_in_a_callback_moves_the_time_on) {
  core_.post([&] {
    const auto before = core_.now();
    EXPECT_FALSE(loop_.run_once(milliseconds(1), EventLoop::Scope::kBackground));
    EXPECT_GE(core_.now(), before + milliseconds(1));
    EXPECT_TRUE(core_.in_turn());
  });
  EXPECT_TRUE(loop_.run_once(kNow));
}

TEST_F(LoopTurn, nothing_is_flushed_unless_asked) {
  watch_flushes();
  core_.post([&] { log_ += 'p'; });
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(log_, "p");
}

TEST_F(LoopTurn, what_was_asked_in_a_turn_is_flushed_once_at_its_end) {
  watch_flushes();
  for (int i = 0; i < 3; ++i) {
    core_.post([&] {
      core_.ask_flush();
      log_ += 'p';
    });
  }
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(log_, "pppf");
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_EQ(log_, "pppf");
}

TEST_F(LoopTurn, an_exception_ends_a_turn_with_a_flush) {
  watch_flushes();
  core_.post([&] {
    core_.ask_flush();
    throw std::runtime_error("callback");
  });
  EXPECT_THROW(loop_.run_once(kNow), std::runtime_error);
  EXPECT_EQ(log_, "f");
}

TEST_F(LoopTurn, what_was_asked_is_flushed_before_a_wait_in_a_callback) {
  watch_flushes();
  core_.post([&] {
    core_.ask_flush();
    log_ += '(';
    EXPECT_FALSE(loop_.run_once(kNow, EventLoop::Scope::kBackground));
    log_ += ')';
  });
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(log_, "(f)");
}

TEST_F(LoopTurn, what_was_asked_outside_is_flushed_before_the_next_wait) {
  watch_flushes();
  core_.ask_flush();
  core_.post([&] { log_ += 'p'; });
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(log_, "fp");
}

TEST_F(LoopTurn, run_flushes_between_its_turns) {
  watch_flushes();
  const std::function<void()> turn = [&] {
    core_.ask_flush();
    log_ += 'p';
    if (log_.size() < 5) {
      core_.post(turn);
    } else {
      loop_.stop();
    }
  };
  core_.post(turn);
  loop_.run();
  EXPECT_EQ(log_, "pfpfpf");
}

TEST_F(LoopTurn, a_flusher_that_asks_again_is_called_in_the_next_turn) {
  core_.set_flusher([this] {
    log_ += 'f';
    if (log_.size() < 3) core_.ask_flush();
  });
  core_.post([&] { core_.ask_flush(); });
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(log_, "f");
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_EQ(log_, "fff");
}

TEST_F(LoopTurn, a_flusher_that_was_taken_away_is_not_called) {
  watch_flushes();
  core_.post([&] { core_.ask_flush(); });
  core_.set_flusher({});
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(log_, "");
}

TEST_F(LoopTurn, what_the_end_of_the_loop_asks_for_is_flushed) {
  {
    EventLoop loop;
    LoopCore& core = loop.core();
    core.set_flusher([this] { log_ += 'f'; });
    struct Owner {
      explicit Owner(LoopCore& its_core) : core(its_core) {}
      Owner(const Owner&) = delete;
      Owner& operator=(const Owner&) = delete;
      ~Owner() {
        EXPECT_TRUE(core.in_turn());
        core.ask_flush();
      }
      LoopCore& core;
    };
    loop.add_timer(Clock::now() + hours(1), [owner = std::make_shared<Owner>(core)] {});
  }
  EXPECT_EQ(log_, "f");
}

TEST_F(LoopTurn, a_child_does_not_flush_what_its_parent_asked_for) {
  watch_flushes();
  pid_t child = -1;
  core_.post([&] {
    core_.ask_flush();
    child = ::fork();
  });
  EXPECT_TRUE(loop_.run_once(kNow));
  if (child == 0) ::_exit(log_.empty() ? 0 : 1);
  EXPECT_EQ(log_, "f");
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(LoopTurn, a_loop_that_nobody_watches_sets_no_alarm) {
  constexpr int kTimers = 20;
  int fired = 0;
  for (int i = 0; i < kTimers; ++i) {
    loop_.add_timer(Clock::now() + milliseconds(i / 4), [&] {
      const auto put_off = loop_.add_timer(core_.now() + hours(1), [] {});
      loop_.cancel_timer(put_off);
      core_.post([&] {
        if (++fired == kTimers) loop_.stop();
      });
    });
  }
  EXPECT_TRUE(loop_.run_once(std::nullopt));
  loop_.run();
  EXPECT_EQ(fired, kTimers);
  EXPECT_EQ(alarms_set, 0);
}

TEST_F(LoopTurn, a_descriptor_asked_for_later_tells_of_earlier_timers) {
  loop_.add_timer(TimePoint::min(), [] {});
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_FALSE(is_readable(loop_.descriptor()));
}

TEST_F(LoopTurn, a_descriptor_asked_for_in_a_turn_tells_of_what_is_left_afterwards) {
  int descriptor = -1;
  core_.post([&] {
    descriptor = loop_.descriptor();
    core_.post([] {});
  });
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_TRUE(is_readable(descriptor));
}

TEST_F(LoopTurn, a_watched_loop_sets_its_alarm_only_for_an_earlier_timer_or_when_it_has_rung) {
  static_cast<void>(loop_.descriptor());
  loop_.add_timer(Clock::now() + hours(1), [] {});
  EXPECT_EQ(alarms_set, 1);
  for (int i = 0; i < 10; ++i) {
    const auto later = loop_.add_timer(Clock::now() + hours(2), [] {});
    EXPECT_FALSE(loop_.run_once(kNow));
    loop_.cancel_timer(later);
  }
  EXPECT_EQ(alarms_set, 1);

  // In a turn the earliest timer comes and goes; only the one that is left at its end counts.
  loop_.add_timer(TimePoint::min(), [&] {
    for (int i = 0; i < 10; ++i)
      loop_.cancel_timer(loop_.add_timer(Clock::now() + milliseconds(1), [] {}));
  });
  EXPECT_EQ(alarms_set, 2);
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(alarms_set, 3);
  EXPECT_FALSE(is_readable(loop_.descriptor()));
}

TEST_F(LoopTurn, an_alarm_that_has_rung_does_not_keep_a_wait_from_waiting) {
  static_cast<void>(loop_.descriptor());
  loop_.cancel_timer(loop_.add_timer(TimePoint::min(), [] {}));
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  alarms_set = 0;
  waits = 0;
  EXPECT_FALSE(loop_.run_once(milliseconds(5)));
  EXPECT_EQ(waits, 1);
  EXPECT_EQ(alarms_set, 1);
  EXPECT_FALSE(is_readable(loop_.descriptor()));
}

TEST_F(LoopTurn, a_source_that_is_ready_no_more_does_not_keep_a_wait_from_waiting) {
  Pipe pipe;
  ASSERT_TRUE(loop_.watch(pipe.read_end, Interest::kRead, [] {}));
  FakeSource source;
  core_.watch_source(source, Interest::kRead, [&] { log_ += 'r'; });
  source.readable = true;
  core_.readiness_changed(source);
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  core_.post([&] {
    source.readable = false;
    core_.readiness_changed(source);
    waits = 0;
    EXPECT_FALSE(loop_.run_once(milliseconds(2)));
    EXPECT_EQ(waits, 1);
  });
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(log_, "");
  EXPECT_FALSE(is_readable(loop_.descriptor()));
  core_.detach(source);
}

}  // namespace
}  // namespace dtls::net
