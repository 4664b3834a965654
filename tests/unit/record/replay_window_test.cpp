#include "record/replay_window.hpp"

#include <gtest/gtest.h>

#include <set>

#include "record/record_number.hpp"

namespace dtls::record {
namespace {

TEST(ReplayWindow, accepts_each_number_once) {
  ReplayWindow window;
  for (const std::uint64_t number : {5U, 3U, 4U, 0U, 9U}) {
    EXPECT_TRUE(window.accepts(number));
    window.update(number);
    EXPECT_FALSE(window.accepts(number));
  }
  EXPECT_TRUE(window.accepts(1));
  EXPECT_TRUE(window.accepts(10));
  EXPECT_EQ(window.next(), 10U);
}

TEST(ReplayWindow, asking_changes_nothing) {
  ReplayWindow window;
  EXPECT_TRUE(window.accepts(kMaxSequence));
  EXPECT_TRUE(window.accepts(0));
  EXPECT_EQ(window.next(), 0U);
}

// RFC 6347 §4.1.2.6: numbers left of the window are too old to tell.
TEST(ReplayWindow, refuses_what_is_older_than_its_width) {
  ReplayWindow window;
  window.update(1000);
  EXPECT_TRUE(window.accepts(1000 - ReplayWindow::kWidth + 1));
  EXPECT_FALSE(window.accepts(1000 - ReplayWindow::kWidth));
}

TEST(ReplayWindow, agrees_with_a_set_over_any_order) {
  ReplayWindow window;
  std::set<std::uint64_t> seen;
  std::uint64_t highest = 0;
  std::uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const std::uint64_t jump = state >> 33U;
    const std::uint64_t number = highest + jump % 200 < 150 ? 0 : highest + jump % 200 - 150;
    const bool is_new =
        seen.count(number) == 0 && (number > highest || highest - number < ReplayWindow::kWidth);
    ASSERT_EQ(window.accepts(number), is_new) << number;
    if (!is_new) continue;
    window.update(number);
    seen.insert(number);
    highest = std::max(highest, number);
  }
}

TEST(ReplayWindow, takes_the_highest_number_there_is) {
  ReplayWindow window;
  window.update(kMaxSequence);
  EXPECT_FALSE(window.accepts(kMaxSequence));
  EXPECT_TRUE(window.accepts(kMaxSequence - 1));
}

}  // namespace
}  // namespace dtls::record
