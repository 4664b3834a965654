#include "process/forks.hpp"

#include <pthread.h>

namespace dtls::process {

bool watches_forks() {
  static const bool kWatches = pthread_atfork(nullptr, nullptr, [] { ++Birthplace::count_; }) == 0;
  return kWatches;
}

unsigned forks() {
  watches_forks();
  return Birthplace::count_.load(std::memory_order_relaxed);
}

}  // namespace dtls::process
