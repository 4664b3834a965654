// Counters: one page that a program of `./dev bench net` shares with the script that runs it. The
// script reads it at any time, so that counting costs the measured program no system call.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace dtls::bench {

// The order is known to bench/harness/processes.py.
struct Counters {
  std::atomic<std::uint64_t> port;         // of a contender, once it is bound
  std::atomic<std::uint64_t> ready;        // of the load: every association is established
  std::atomic<std::uint64_t> received;     // messages, or answers to unverified hellos
  std::atomic<std::uint64_t> sent;         // messages
  std::atomic<std::uint64_t> established;  // associations, since the start
  std::atomic<std::uint64_t> done;         // of the load: it has sent all that it was to send
  std::atomic<std::uint64_t> failed;       // handshakes that did not do what was asked of them
};

// count adds without a locked instruction: each counter has one writer.
inline void count(std::atomic<std::uint64_t>& counter, std::uint64_t more = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

// map_counters maps the file, which the script has made; it exits with a message on failure.
Counters& map_counters(const std::string& path);

}  // namespace dtls::bench
