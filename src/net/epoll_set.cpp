#include "net/epoll_set.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

namespace dtls::net {
namespace {

// Rounded up: a wait that ends early would have to be repeated at once.
int to_milliseconds(std::optional<Clock::duration> timeout) {
  if (!timeout) return -1;
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
  constexpr std::int64_t kLongest = std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp<std::int64_t>(rounded, 0, kLongest));
}

}  // namespace

EpollSet::EpollSet() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_.get() < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot open an epoll descriptor");
  }
}

int EpollSet::control(int operation, RegistrationKey key, std::uint32_t events) {
  if (!birthplace_.is_here()) return operation == EPOLL_CTL_DEL ? 0 : EBADF;
  epoll_event event{};
  event.events = events;
  event.data.u64 = key.pack();
  return ::epoll_ctl(epoll_.get(), operation, key.fd, &event) == 0 ? 0 : errno;
}

int EpollSet::add(RegistrationKey key, std::uint32_t events) {
  return control(EPOLL_CTL_ADD, key, events);
}

int EpollSet::modify(RegistrationKey key, std::uint32_t events) {
  return control(EPOLL_CTL_MOD, key, events);
}

int EpollSet::remove(int fd) {
  return control(EPOLL_CTL_DEL, {fd, 0}, 0);
}

std::size_t EpollSet::wait(std::span<epoll_event> events, std::optional<Clock::duration> timeout) {
  if (!birthplace_.is_here()) {
    throw std::system_error(EBADF, std::generic_category(),
                            "this event loop belongs to the process that forked; a child process "
                            "must make its own");
  }
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 to_milliseconds(timeout));
  if (count >= 0) return static_cast<std::size_t>(count);
  if (errno == EINTR) return 0;
  throw std::system_error(errno, std::generic_category(), "cannot wait on an epoll descriptor");
}

}  // namespace dtls::net
