// Sources, and watches whose readiness is a source's.
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "dtls/event_loop.hpp"
#include "loop_support.hpp"
#include "net/loop_core.hpp"

namespace dtls::net {
namespace {

class EventLoopSource : public ::testing::Test {
 protected:
  EventLoopSource() {
    source_.when_readable = [this] { pipe_.drain(); };
  }
  ~EventLoopSource() override { core_.detach(source_); }

  EventLoop loop_;
  LoopCore& core_ = loop_.core();
  Pipe pipe_;
  FakeSource source_;
  std::string fired_;
};

TEST_F(EventLoopSource, a_source_reads_in_a_background_wait) {
  core_.attach(source_, pipe_.read_end);
  EXPECT_FALSE(loop_.run_once(kNow, EventLoop::Scope::kBackground));
  pipe_.fill();
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  EXPECT_TRUE(loop_.run_once(kNow, EventLoop::Scope::kBackground));
  EXPECT_EQ(source_.reads, 1);
  EXPECT_FALSE(is_readable(loop_.descriptor()));
}

TEST_F(EventLoopSource, a_hang_up_is_readable) {
  core_.attach(source_, pipe_.read_end);
  pipe_.close_write();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(source_.reads, 1);
}

TEST_F(EventLoopSource, a_detached_source_is_left_alone) {
  core_.attach(source_, pipe_.read_end);
  core_.watch_source(source_, Interest::kRead, [this] { fired_ += 'r'; });
  source_.readable = true;
  core_.readiness_changed(source_);
  pipe_.fill();
  core_.detach(source_);
  core_.detach(source_);
  EXPECT_FALSE(is_readable(loop_.descriptor()));
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_EQ(source_.reads, 0);
  EXPECT_EQ(fired_, "");
}

TEST_F(EventLoopSource, the_descriptor_of_a_source_is_watched_by_the_sources_own_readiness) {
  core_.attach(source_, pipe_.read_end);
  ASSERT_TRUE(loop_.watch(pipe_.read_end, Interest::kRead, [this] { fired_ += 'r'; }));
  pipe_.fill();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "");
  source_.when_readable = [this] {
    pipe_.drain();
    source_.readable = true;
    core_.readiness_changed(source_);
  };
  pipe_.fill();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "r");
}

TEST_F(EventLoopSource, a_source_watch_is_level_triggered_and_shows_outside) {
  core_.attach(source_, -1);
  core_.watch_source(source_, Interest::kRead, [this] { fired_ += 'r'; });
  EXPECT_FALSE(is_readable(loop_.descriptor()));
  source_.readable = true;
  core_.readiness_changed(source_);
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  EXPECT_TRUE(loop_.run_once(std::nullopt));
  EXPECT_TRUE(loop_.run_once(std::nullopt));
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  source_.readable = false;
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_FALSE(is_readable(loop_.descriptor()));
  EXPECT_EQ(fired_, "rr");
}

TEST_F(EventLoopSource, a_ready_source_does_not_make_a_background_wait_spin) {
  core_.watch_source(source_, Interest::kRead, [this] { fired_ += 'r'; });
  source_.readable = true;
  core_.readiness_changed(source_);
  EXPECT_FALSE(loop_.run_once(Duration(1), EventLoop::Scope::kBackground));
  EXPECT_EQ(fired_, "");
}

TEST_F(EventLoopSource, the_background_descriptor_shows_work_but_no_watch) {
  const int background = loop_.descriptor(EventLoop::Scope::kBackground);
  core_.watch_source(source_, Interest::kRead, [] {});
  source_.readable = true;
  core_.readiness_changed(source_);
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  EXPECT_FALSE(is_readable(background));
  loop_.post([] {});
  EXPECT_TRUE(is_readable(background));
  EXPECT_TRUE(loop_.run_once(kNow, EventLoop::Scope::kBackground));
  EXPECT_FALSE(is_readable(background));
}

TEST_F(EventLoopSource, a_watch_on_a_source_that_is_ready_already_fires) {
  source_.writable = true;
  core_.watch_source(source_, Interest::kWrite, [this] { fired_ += 'w'; });
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "w");
}

TEST_F(EventLoopSource, a_removed_source_watch_no_longer_shows_outside) {
  source_.readable = true;
  const auto id = core_.watch_source(source_, Interest::kRead, [] {});
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  loop_.unwatch(id);
  EXPECT_FALSE(is_readable(loop_.descriptor()));
  EXPECT_FALSE(loop_.run_once(kNow));
}

TEST_F(EventLoopSource, what_an_earlier_watch_consumed_does_not_fire_a_later_one) {
  source_.readable = true;
  for (const char name : {'a', 'b'}) {
    core_.watch_source(source_, Interest::kRead, [this, name] {
      source_.readable = false;
      fired_ += name;
    });
  }
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "a");
}

TEST_F(EventLoopSource, a_source_may_detach_and_destroy_itself_and_others_while_reading) {
  std::array<std::unique_ptr<FakeSource>, 2> sources;
  std::array<Pipe, 2> pipes;
  int reads = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    sources[i] = std::make_unique<FakeSource>();
    core_.attach(*sources[i], pipes[i].read_end);
    pipes[i].fill();
    sources[i]->when_readable = [&] {
      ++reads;
      auto mine = std::move(sources);  // the callback itself is destroyed at the end of this
      for (std::size_t each = 0; each < mine.size(); ++each) {
        core_.detach(*mine[each]);
        pipes[each].close_read();
      }
      // A number just closed is another source's now: it must not get the old one's event.
      Pipe reused;
      FakeSource other;
      core_.attach(other, reused.read_end);
      core_.detach(other);
    };
  }
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(reads, 1);
  EXPECT_FALSE(loop_.run_once(kNow));
}

TEST_F(EventLoopSource, a_source_watch_may_detach_its_source) {
  source_.readable = true;
  core_.attach(source_, pipe_.read_end);
  for (int twice = 0; twice < 2; ++twice) {
    core_.watch_source(source_, Interest::kRead, [this] {
      fired_ += 'r';
      core_.detach(source_);
    });
  }
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "r");
}

TEST_F(EventLoopSource, another_sources_watch_fires_after_one_that_throws) {
  FakeSource other;
  source_.readable = other.readable = true;
  for (FakeSource* each : {&source_, &other}) {
    core_.watch_source(*each, Interest::kRead, [this, each] {
      each->readable = false;
      fired_ += 'r';
      if (fired_.size() == 1) throw std::runtime_error("callback");
    });
  }
  EXPECT_THROW(loop_.run_once(kNow), std::runtime_error);
  EXPECT_TRUE(is_readable(loop_.descriptor()));
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "rr");
  core_.detach(other);
}

TEST_F(EventLoopSource, the_others_read_after_one_source_threw) {
  Pipe pipe;
  FakeSource other;
  core_.attach(source_, pipe_.read_end);
  core_.attach(other, pipe.read_end);
  pipe_.fill();
  pipe.fill();
  int reads = 0;
  source_.when_readable = [&] {
    pipe_.drain();
    if (++reads == 1) throw std::runtime_error("source");
  };
  other.when_readable = [&] {
    pipe.drain();
    if (++reads == 1) throw std::runtime_error("source");
  };
  EXPECT_THROW(loop_.run_once(kNow), std::runtime_error);
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(reads, 2);
  core_.detach(other);
}

TEST_F(EventLoopSource, a_descriptor_may_come_later_and_change) {
  Pipe second;
  core_.attach(source_, -1);
  core_.attach(source_, pipe_.read_end);
  core_.attach(source_, second.read_end);
  pipe_.fill();
  EXPECT_FALSE(loop_.run_once(kNow));
  second.fill();
  source_.when_readable = [&] { second.drain(); };
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(source_.reads, 1);
}

TEST_F(EventLoopSource, a_number_reused_by_another_source_is_that_sources) {
  FakeSource other;
  Pipe second;
  core_.attach(source_, pipe_.read_end);
  ASSERT_EQ(::dup2(second.read_end, pipe_.read_end), pipe_.read_end);  // closed under it
  core_.attach(other, pipe_.read_end);
  core_.detach(source_);
  other.when_readable = [&] { second.drain(); };
  second.fill();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(other.reads, 1);
  EXPECT_EQ(source_.reads, 0);
  core_.detach(other);
}

TEST_F(EventLoopSource, a_watch_on_a_reused_number_is_not_the_former_sources) {
  Pipe second;
  core_.attach(source_, pipe_.read_end);
  ASSERT_EQ(::dup2(second.read_end, pipe_.read_end), pipe_.read_end);
  ASSERT_TRUE(loop_.watch(pipe_.read_end, Interest::kRead, [this] { fired_ += 'p'; }));
  second.fill();
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "p");
  EXPECT_EQ(source_.reads, 0);
}

TEST_F(EventLoopSource, a_watch_may_detach_and_attach_its_source_inside_a_nested_round) {
  source_.readable = true;
  for (const char name : {'a', 'b'}) {
    core_.watch_source(source_, Interest::kRead, [this, name] {
      fired_ += name;
      if (fired_.size() > 2) return;
      if (fired_.size() == 1) {
        loop_.run_once(kNow);  // the other one detaches, while this one's round goes on
        fired_ += ')';
      } else {
        core_.detach(source_);
        core_.watch_source(source_, Interest::kRead, [this] { fired_ += 'n'; });
      }
    });
  }
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_.substr(0, 2), "aa");
  EXPECT_EQ(fired_.find('b'), std::string::npos);
  source_.readable = false;
}

// As in a forked child, which must not touch the loop.
TEST_F(EventLoopSource, a_source_destroyed_without_a_detach_is_left_alone) {
  auto gone = std::make_unique<FakeSource>();
  core_.attach(*gone, pipe_.read_end);
  for (const Interest interest : {Interest::kRead, Interest::kWrite})
    core_.watch_source(*gone, interest, [this] { fired_ += 'x'; });
  gone->readable = true;
  core_.readiness_changed(*gone);
  gone.reset();
  pipe_.fill();
  EXPECT_FALSE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "");
}

TEST_F(EventLoopSource, a_source_may_outlive_its_loop) {
  FakeSource source;
  {
    EventLoop loop;
    loop.core().attach(source, pipe_.read_end);
    loop.core().watch_source(source, Interest::kRead, [] {});
  }
  core_.attach(source, pipe_.read_end);
  pipe_.fill();
  source.when_readable = [this] { pipe_.drain(); };
  EXPECT_TRUE(loop_.run_once(kNow));
  core_.detach(source);
}

TEST_F(EventLoopSource, sources_come_before_timers_and_timers_before_watches) {
  Pipe plain;
  core_.attach(source_, pipe_.read_end);
  source_.when_readable = [this] {
    pipe_.drain();
    fired_ += 's';
  };
  pipe_.fill();
  plain.fill();
  ASSERT_TRUE(loop_.watch(plain.read_end, Interest::kRead, [this] { fired_ += 'w'; }));
  loop_.add_timer(Clock::now(), [this] { fired_ += 't'; });
  EXPECT_TRUE(loop_.run_once(kNow));
  EXPECT_EQ(fired_, "stw");
}

}  // namespace
}  // namespace dtls::net
