#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <type_traits>
#include <vector>

#include "crypto/random.hpp"
#include "crypto/wipe.hpp"

namespace dtls::crypto {
namespace {

constexpr auto kIsZero = [](std::byte byte) { return byte == std::byte{0}; };

TEST(Random, fills_every_part_of_the_buffer_with_something_new) {
  std::array<std::byte, 64> first{};
  std::array<std::byte, 64> second{};
  ASSERT_TRUE(fill_random(first));
  ASSERT_TRUE(fill_random(second));
  EXPECT_NE(first, second);
  EXPECT_FALSE(std::all_of(first.begin() + 32, first.end(), kIsZero));
}

TEST(Random, fills_a_buffer_larger_than_one_request) {
  std::vector<std::byte> large((1U << 20U) + 64);
  ASSERT_TRUE(fill_random(large));
  EXPECT_FALSE(std::all_of(large.end() - 64, large.end(), kIsZero));
  EXPECT_TRUE(fill_random({}));
}

TEST(Wipe, leaves_zeros) {
  std::array<std::byte, 16> bytes{};
  bytes.fill(std::byte{0xaa});
  wipe(bytes);
  EXPECT_TRUE(std::ranges::all_of(bytes, kIsZero));
}

TEST(EqualInConstantTime, compares_size_and_content) {
  const std::array<std::byte, 2> left{std::byte{1}, std::byte{2}};
  const std::array<std::byte, 2> same{std::byte{1}, std::byte{2}};
  const std::array<std::byte, 2> other{std::byte{1}, std::byte{3}};
  EXPECT_TRUE(equal_in_constant_time(left, same));
  EXPECT_FALSE(equal_in_constant_time(left, other));
  EXPECT_FALSE(equal_in_constant_time(left, std::span(same).first(1)));
  EXPECT_TRUE(equal_in_constant_time({}, {}));
}

TEST(SecretBytes, what_was_moved_from_holds_zeros) {
  std::array<std::byte, 4> source{};
  source.fill(std::byte{7});
  SecretBytes<4> first{std::span<const std::byte, 4>(source)};
  SecretBytes<4> second(std::move(first));
  EXPECT_TRUE(std::ranges::all_of(first.view(), kIsZero));  // NOLINT(*-use-after-move,*.Move)
  EXPECT_TRUE(std::ranges::equal(second.view(), source));
  first = std::move(second);
  EXPECT_TRUE(std::ranges::all_of(second.view(), kIsZero));  // NOLINT(*-use-after-move,*.Move)
  EXPECT_TRUE(std::ranges::equal(first.view(), source));
}

TEST(SecretBytes, cannot_be_copied) {
  EXPECT_FALSE(std::is_copy_constructible_v<SecretBytes<4>>);
  EXPECT_FALSE(std::is_copy_assignable_v<SecretBytes<4>>);
}

}  // namespace
}  // namespace dtls::crypto
