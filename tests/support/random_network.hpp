// RandomNetwork: a Fate of datagrams (EnginePair::meet) that loses, doubles and delays by a seed,
// so that what failed once fails again.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "dtls/time.hpp"

namespace dtls::test {

class RandomNetwork {
 public:
  // Each mishap meets one datagram in ten.
  explicit RandomNetwork(std::uint64_t seed) : random_(seed) {}

  std::vector<Duration> operator()(int /*number*/) {
    if (happens()) return {};
    std::vector<Duration> copies{travel()};
    if (happens()) copies.push_back(travel());
    return copies;
  }

 private:
  static constexpr std::uint64_t kOneIn = 10;
  static constexpr std::uint64_t kLongest = 300;  // ms: past an ACK's wait, below the first timer

  // The generator's bits are the same everywhere, those of the distributions are not.
  bool happens() { return random_() % kOneIn == 0; }
  Duration travel() {
    if (!happens()) return Duration(0);
    return Duration(static_cast<Duration::rep>(1 + random_() % kLongest));
  }

  std::mt19937_64 random_;
};

}  // namespace dtls::test
