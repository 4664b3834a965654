#include "process/forks.hpp"

#include <pthread.h>

namespace dtls::process {
namespace {

std::atomic<unsigned> count{0};

}  // namespace

bool watches_forks() {
  static const bool kWatches = pthread_atfork(nullptr, nullptr, [] { ++count; }) == 0;
  return kWatches;
}

unsigned forks() {
  watches_forks();
  return count.load(std::memory_order_relaxed);
}

}  // namespace dtls::process
