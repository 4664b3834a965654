// One epoll descriptor: registers descriptors under a key, waits for them.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "dtls/time.hpp"
#include "net/descriptor.hpp"
#include "process/forks.hpp"

namespace dtls::net {

// RegistrationKey tells one registration from every other, also from an earlier one of the same
// descriptor number: events carry it, so an event of the past finds nobody.
struct RegistrationKey {
  int fd = -1;
  std::uint32_t generation = 0;

  [[nodiscard]] std::uint64_t pack() const {
    return (std::uint64_t{generation} << 32) | static_cast<std::uint32_t>(fd);
  }
  static RegistrationKey unpack(std::uint64_t packed) {
    return {static_cast<int>(packed & 0xffffffffU), static_cast<std::uint32_t>(packed >> 32)};
  }
  friend bool operator==(const RegistrationKey&, const RegistrationKey&) = default;
};

// A forked child shares the set with its parent, and must not change it: there, add and modify fail
// with EBADF, remove does nothing, and wait throws.
// EpollSet's add, modify and remove return 0 or an errno: what a failure means is the caller's to
// say. The constructor throws std::system_error when the process is out of descriptors.
class EpollSet {
 public:
  EpollSet();

  int add(RegistrationKey key, std::uint32_t events);
  // modify also tells whether key.fd still is the file that was added: EBADF or ENOENT if not.
  int modify(RegistrationKey key, std::uint32_t events);
  int remove(int fd);

  // wait fills `events` and returns how many; nullopt waits for ever. A signal ends it with 0.
  // Throws std::system_error if the set itself is broken.
  std::size_t wait(std::span<epoll_event> events, std::optional<Clock::duration> timeout);

  [[nodiscard]] int descriptor() const { return epoll_.get(); }

 private:
  int control(int operation, RegistrationKey key, std::uint32_t events);

  Descriptor epoll_;
  process::Birthplace birthplace_;
};

}  // namespace dtls::net
