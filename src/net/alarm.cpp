#include "net/alarm.hpp"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace dtls::net {

Alarm::Alarm() : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
  if (timer_.get() < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot open a timer descriptor");
  }
}

void Alarm::set_for(std::optional<TimePoint> earliest) {
  const bool rings_in_time = !earliest || (armed_ && *armed_ <= *earliest);
  if (!rings_in_time) set_anew(earliest);
}

void Alarm::set_anew(std::optional<TimePoint> earliest) {
  if (!birthplace_.is_here()) return;
  itimerspec setting{};  // all zero: off
  if (earliest) {
    // steady_clock is CLOCK_MONOTONIC; zero would switch the timer off, so the past is 1 ns.
    const auto since_boot =
        std::max(std::chrono::duration_cast<std::chrono::nanoseconds>(earliest->time_since_epoch()),
                 std::chrono::nanoseconds(1));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
    setting.it_value.tv_sec = static_cast<time_t>(seconds.count());
    setting.it_value.tv_nsec = static_cast<long>((since_boot - seconds).count());
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &setting, nullptr);
  armed_ = earliest;
}

Flag::Flag() : event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (event_.get() < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot open an event descriptor");
  }
}

void Flag::raise() {
  if (!birthplace_.is_here()) return;
  const int saved = errno;  // a signal handler must not change it
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
  errno = saved;
}

void Flag::lower() {
  if (!birthplace_.is_here()) return;
  std::uint64_t count = 0;
  [[maybe_unused]] const auto taken = ::read(event_.get(), &count, sizeof count);
}

}  // namespace dtls::net
