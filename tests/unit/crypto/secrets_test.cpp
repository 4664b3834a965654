#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <set>
#include <type_traits>
#include <vector>

#include "crypto/cipher_key.hpp"
#include "crypto/random.hpp"
#include "crypto/secret.hpp"
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

TEST(Random, small_draws_never_repeat) {
  std::set<std::array<std::byte, 16>> drawn;
  for (int i = 0; i < 1000; ++i) {
    std::array<std::byte, 16> bytes{};
    ASSERT_TRUE(fill_random(bytes));
    EXPECT_TRUE(drawn.insert(bytes).second);
  }
}

TEST(Random, a_forked_child_draws_other_bytes_than_its_parent) {
  using Drawn = std::array<std::byte, 32>;
  Drawn before{};
  ASSERT_TRUE(fill_random(before));
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    Drawn drawn{};
    const bool sent = fill_random(drawn) && write(ends[1], drawn.data(), drawn.size()) == 32;
    _exit(sent ? 0 : 1);
  }
  Drawn of_child{};
  Drawn of_parent{};
  ASSERT_TRUE(fill_random(of_parent));
  EXPECT_EQ(read(ends[0], of_child.data(), of_child.size()), 32);
  EXPECT_NE(of_child, of_parent);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  close(ends[0]);
  close(ends[1]);
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

// Whether the memory of an object still has a secret of 32 bytes.
bool has_secret(const void* object, std::size_t size, std::byte value) {
  const std::span memory(static_cast<const std::byte*>(object), size);
  std::array<std::byte, 32> secret;
  secret.fill(value);
  return !std::ranges::search(memory, secret).empty();
}

template <typename Owner, typename Make>
void expect_wiped(Make make) {
  constexpr std::byte kValue{0x5e};
  std::array<std::byte, 32> secret;
  secret.fill(kValue);
  alignas(Owner) std::array<std::byte, sizeof(Owner)> first{};
  alignas(Owner) std::array<std::byte, sizeof(Owner)> second{};
  auto* const from = make(first.data(), secret);
  ASSERT_TRUE(has_secret(first.data(), first.size(), kValue));
  auto* const to = new (second.data()) Owner(std::move(*from));
  EXPECT_FALSE(has_secret(first.data(), first.size(), kValue)) << "it moved";
  ASSERT_TRUE(has_secret(second.data(), second.size(), kValue));
  std::destroy_at(to);
  std::destroy_at(from);
  EXPECT_FALSE(has_secret(second.data(), second.size(), kValue)) << "it has gone";
}

TEST(Secret, is_wiped_where_it_moves_from_and_where_it_goes) {
  expect_wiped<Secret>([](void* at, Bytes secret) { return new (at) Secret(secret); });
  expect_wiped<CipherKey>(
      [](void* at, Bytes secret) { return new (at) CipherKey(secret, secret.size()); });
}

TEST(SecretBytes, cannot_be_copied) {
  EXPECT_FALSE(std::is_copy_constructible_v<SecretBytes<4>>);
  EXPECT_FALSE(std::is_copy_assignable_v<SecretBytes<4>>);
}

}  // namespace
}  // namespace dtls::crypto
