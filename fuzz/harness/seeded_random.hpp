// Randomness that is the same in every run: what the fuzzers' copies of the library are linked with
// in place of src/crypto/random.cpp. The library itself never is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dtls::fuzz {

class RandomStream {
 public:
  explicit RandomStream(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::byte> out);

 private:
  std::uint64_t state_;
};

// use_random has all that is drawn from now on, by libcrypto too, come from `stream`, which must
// stay until another takes its place.
void use_random(RandomStream& stream);

// UseRandom does so for a scope.
class UseRandom {
 public:
  explicit UseRandom(RandomStream& stream);
  ~UseRandom();
  UseRandom(const UseRandom&) = delete;
  UseRandom& operator=(const UseRandom&) = delete;

 private:
  RandomStream* before_;
};

// has_null_cipher: records are in the clear and every proof is accepted (null_cipher.cpp).
bool has_null_cipher();

}  // namespace dtls::fuzz
