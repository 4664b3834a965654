#include "net/siphash.hpp"

#include <gtest/gtest.h>

#include <array>

namespace dtls::net {
namespace {

// Key 00 01 … 0f, input 00 01 02 …: the reference's vectors for one and three rounds. CPython,
// which hashes bytes with SipHash-1-3, has the same results for key zero.
TEST(SipHash, equals_the_reference) {
  constexpr SipKey kKey{0x0706050403020100U, 0x0f0e0d0c0b0a0908U};
  const std::array<std::uint64_t, 3> words{0x0706050403020100U, 0x0f0e0d0c0b0a0908U,
                                           0x1716151413121110U};
  const std::span<const std::uint64_t> input(words);
  EXPECT_EQ(siphash13(kKey, input.first(0)), 0xabac0158050fc4dcU);
  EXPECT_EQ(siphash13(kKey, input.first(1)), 0x369095118d299a8eU);
  EXPECT_EQ(siphash13(kKey, input.first(2)), 0xcc4fdd1a7d908b66U);
  EXPECT_EQ(siphash13(kKey, input), 0xf464aeb267349c8cU);
  EXPECT_EQ(siphash13({0, 0}, input), 0x31185a47af932f3aU);
}

}  // namespace
}  // namespace dtls::net
