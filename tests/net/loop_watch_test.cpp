// Watches on plain descriptors.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "dtls/event_loop.hpp"
#include "loop_support.hpp"

namespace dtls::net {
namespace {

class EventLoopWatch : public ::testing::Test {
 protected:
  EventLoop::WatchId watch(int fd, std::function<void()> callback,
                           Interest interest = Interest::kRead) {
    auto id = loop_.watch(fd, interest, std::move(callback));
    EXPECT_TRUE(id) << (id ? "" : id.error().message);
    return id ? *id : 0;
  }
  std::function<void()> note(char name) {
    return [this, name] { fired_ += name; };
  }

  EventLoop loop_;
  std::string fired_;
};

TEST_F(EventLoopWatch, a_watch_fires_while_its_descriptor_is_ready) {
  Pipe pipe;
  watch(pipe.read_end, note('r'));
  EXPECT_FALSE(loop_.run_once(kNow));
  pipe.fill();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_TRUE(loop_.run_once(kNow));
  pipe.drain();
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "rr");
}

TEST_F(EventLoopWatch, a_background_wait_leaves_watches_alone) {
  Pipe pipe;
  watch(pipe.read_end, note('r'));
  pipe.fill();
  EXPECT_FALSE(loop_.run_once(Duration(1), EventLoop::Scope::kBackground));
  EXPECT_EQ(fired_, "");
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "r");
}

TEST_F(EventLoopWatch, a_removed_watch_does_not_fire_again) {
  Pipe pipe;
  const auto id = watch(pipe.read_end, note('r'));
  pipe.fill();
  loop_.unwatch(id);
  loop_.unwatch(id);
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_FALSE(is_readable(loop_.descriptor()));
  EXPECT_EQ(fired_, "");
}

TEST_F(EventLoopWatch, several_watches_share_a_descriptor) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  watch(ends[0], note('r'));
  watch(ends[0], note('R'));
  const auto writing = watch(ends[0], note('w'), Interest::kWrite);
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "w");
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  fired_.clear();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "rRw");
  loop_.unwatch(writing);
  fired_.clear();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "rR");
  for (const int end : ends)
    ::close(end);
}

TEST_F(EventLoopWatch, urgent_data_is_an_exceptional_condition) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  watch(ends[0], note('e'), Interest::kExcept);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_FALSE(loop_.run_once(kNow));
  if (::send(ends[1], "!", 1, MSG_OOB) == 1) {
    EXPECT_TRUE(loop_.run_once(kNow));
    EXPECT_EQ(fired_, "e");
  }
  for (const int end : ends)
    ::close(end);
}

TEST_F(EventLoopWatch, a_hang_up_wakes_every_watch) {
  Pipe pipe;
  watch(pipe.read_end, note('e'), Interest::kExcept);
  pipe.close_write();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "e");
}

TEST_F(EventLoopWatch, what_cannot_be_watched_is_refused_with_its_errno) {
  const auto negative = loop_.watch(-1, Interest::kRead, [] {});
  ASSERT_FALSE(negative);
  EXPECT_EQ(negative.error().sys_errno, EBADF);

  Pipe pipe;
  const int closed = pipe.read_end;
  pipe.close_read();
  const auto bad = loop_.watch(closed, Interest::kRead, [] {});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().sys_errno, EBADF);
  EXPECT_NE(bad.error().message.find(std::to_string(closed)), std::string::npos);

  std::string name = ::testing::TempDir() + "loopXXXXXX";
  const int file = ::mkstemp(name.data());
  ASSERT_GE(file, 0);
  ::unlink(name.c_str());
  const auto regular = loop_.watch(file, Interest::kRead, [] {});
  ASSERT_FALSE(regular);
  EXPECT_EQ(regular.error().sys_errno, EPERM);
  ::close(file);
}

TEST_F(EventLoopWatch, a_callback_may_remove_its_own_watch_and_its_captures_outlive_the_call) {
  Pipe pipe;
  pipe.fill();
  EventLoop::WatchId id = 0;
  const std::string text(100, 'x');
  id = watch(pipe.read_end, [this, &id, text] {
    loop_.unwatch(id);
    fired_ += text;
  });
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, text);
}

TEST_F(EventLoopWatch, a_watch_removed_by_another_callback_does_not_fire) {
  std::array<Pipe, 2> pipes;
  std::array<EventLoop::WatchId, 4> ids{};
  // Whichever fires first removes all others, on its own descriptor and on the other one.
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = watch(pipes[i / 2].read_end, [this, &ids, i] {
      fired_ += 'f';
      for (std::size_t other = 0; other < ids.size(); ++other) {
        if (other != i) loop_.unwatch(ids[other]);
      }
    });
  }
  for (Pipe& pipe : pipes)
    pipe.fill();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "f");
}

TEST_F(EventLoopWatch, a_watch_added_by_a_callback_waits_for_the_next_run) {
  Pipe pipe;
  pipe.fill();
  bool added = false;
  watch(pipe.read_end, [&] {
    fired_ += 'a';
    if (!std::exchange(added, true)) watch(pipe.read_end, note('b'));
  });
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "a");
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "aab");
}

TEST_F(EventLoopWatch, after_an_exception_the_remaining_ready_watches_fire_next_time) {
  std::array<Pipe, 3> pipes;
  for (const Pipe& pipe : pipes) {
    pipe.fill();
    watch(pipe.read_end, [this, &pipe] {
      pipe.drain();
      fired_ += 'f';
      if (fired_.size() == 1) throw std::runtime_error("callback");
    });
  }
  EXPECT_THROW(loop_.run_once(kNow), std::runtime_error);
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "fff");
  EXPECT_FALSE(is_readable(loop_.descriptor()));
}

TEST_F(EventLoopWatch, every_ready_descriptor_fires_once_in_a_run) {
  std::vector<Pipe> pipes(100);
  for (const Pipe& pipe : pipes) {
    pipe.fill();
    watch(pipe.read_end, note('f'));
  }
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_.size(), pipes.size());
}

TEST_F(EventLoopWatch, a_callback_may_run_the_loop_and_sees_the_other_ready_descriptors) {
  std::array<Pipe, 2> pipes;
  int depth = 0;
  for (Pipe& pipe : pipes) {
    pipe.fill();
    watch(pipe.read_end, [&] {
      pipe.drain();
      fired_ += static_cast<char>('0' + ++depth);
      while (fired_.size() < 2)
        loop_.run_once(std::nullopt);
      --depth;
    });
  }
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "12");
}

TEST_F(EventLoopWatch, a_descriptor_closed_without_unwatch_is_forgotten) {
  Pipe pipe;
  watch(pipe.read_end, note('r'));
  pipe.fill();
  pipe.close_read();
  EXPECT_FALSE(loop_.run_once(Duration(1)));
  EXPECT_EQ(fired_, "");
}

TEST_F(EventLoopWatch, a_closed_descriptor_that_lives_on_elsewhere_neither_fires_nor_spins) {
  Pipe pipe;
  watch(pipe.read_end, note('r'));
  const int copy = ::dup(pipe.read_end);  // as a child process would hold it
  pipe.fill();
  pipe.close_read();
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_FALSE(is_readable(loop_.descriptor()));
  EXPECT_EQ(fired_, "");
  ::close(copy);
}

TEST_F(EventLoopWatch, the_watch_of_a_closed_descriptor_does_not_fire_for_the_numbers_next_file) {
  Pipe first;
  Pipe second;
  const int number = first.read_end;
  const int copy = ::dup(number);
  const auto stale = watch(number, note('x'));
  first.fill();
  ASSERT_EQ(::dup2(second.read_end, number), number);
  second.fill();
  const auto fresh = watch(number, note('f'));
  EXPECT_NE(stale, fresh);
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "f");
  loop_.unwatch(stale);
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "ff");
  loop_.unwatch(fresh);
  EXPECT_FALSE(is_readable(loop_.descriptor()));
  ::close(copy);
}

TEST_F(EventLoopWatch, a_callback_may_close_another_ready_descriptor_and_reuse_its_number) {
  std::array<Pipe, 2> pipes;
  Pipe stranger;
  stranger.fill();
  for (std::size_t i = 0; i < pipes.size(); ++i) {
    pipes[i].fill();
    for (int twice = 0; twice < 2; ++twice) {
      watch(pipes[i].read_end, [&, i] {
        fired_ += 'f';
        for (const std::size_t victim : {1 - i, i}) {
          ASSERT_EQ(::dup2(stranger.read_end, pipes[victim].read_end), pipes[victim].read_end);
        }
      });
    }
  }
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "f");
}

TEST_F(EventLoopWatch, what_a_callback_owns_may_use_the_loop_when_the_loop_is_destroyed) {
  Pipe pipe;
  struct Owner {
    EventLoop& loop;
    EventLoop::WatchId other;
    ~Owner() { loop.unwatch(other); }
  };
  {
    EventLoop loop;
    const auto other = loop.watch(pipe.read_end, Interest::kRead, [] {});
    ASSERT_TRUE(other);
    std::shared_ptr<Owner> owner(new Owner{loop, *other});
    ASSERT_TRUE(loop.watch(pipe.read_end, Interest::kRead, [owner] {}));
    loop.add_timer(Clock::now(), [owner] {});
  }
}

TEST_F(EventLoopWatch, one_loop_can_watch_another) {
  EventLoop inner;
  Pipe pipe;
  ASSERT_TRUE(inner.watch(pipe.read_end, Interest::kRead, [&] {
    pipe.drain();
    fired_ += 'i';
  }));
  watch(inner.descriptor(), [&] { inner.run_once(kNow); });
  EXPECT_FALSE(loop_.run_once(kNow));
  pipe.fill();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "i");
  EXPECT_FALSE(loop_.run_once(kNow));
}

}  // namespace
}  // namespace dtls::net
