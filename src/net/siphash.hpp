// SipHash-1-3: a keyed hash for tables whose keys the network chooses.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace dtls::net {

struct SipKey {
  std::uint64_t k0;
  std::uint64_t k1;
};

// siphash13 of whole 64-bit words (J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input
// PRF", with one compression and three finalization rounds).
inline std::uint64_t siphash13(SipKey key, std::span<const std::uint64_t> words) {
  std::uint64_t v0 = key.k0 ^ 0x736f6d6570736575U;
  std::uint64_t v1 = key.k1 ^ 0x646f72616e646f6dU;
  std::uint64_t v2 = key.k0 ^ 0x6c7967656e657261U;
  std::uint64_t v3 = key.k1 ^ 0x7465646279746573U;
  const auto round = [&] {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  };
  const auto absorb = [&](std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  };
  for (const std::uint64_t word : words)
    absorb(word);
  absorb(static_cast<std::uint64_t>(words.size() * 8) << 56);
  v2 ^= 0xff;
  for (int i = 0; i < 3; ++i)
    round();
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace dtls::net
