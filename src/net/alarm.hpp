// Two descriptors that become readable on our own account: a time reached, a flag raised. A forked
// child shares them with its parent, so there nothing has an effect.
#pragma once

#include <optional>

#include "dtls/time.hpp"
#include "net/descriptor.hpp"
#include "process/forks.hpp"

namespace dtls::net {

// Alarm is a timerfd that is readable from the time of the earliest timer on. It may ring early
// (once), never late: moving it to a later time would cost a system call for each datagram that
// puts off a retransmission.
class Alarm {
 public:
  Alarm();  // throws std::system_error when the process is out of descriptors

  // set_for arms it for `earliest`; nullopt: there is no timer.
  void set_for(std::optional<TimePoint> earliest);
  // rang must be called when it was seen readable or its timer was run: the next set_for resets it.
  void rang() { stale_ = true; }

  [[nodiscard]] int descriptor() const { return timer_.get(); }

 private:
  Descriptor timer_;
  std::optional<TimePoint> armed_;
  bool stale_ = false;
  process::Birthplace birthplace_;
};

// Flag is an eventfd that is readable while it is raised. raise may be called from any thread and
// from a signal handler.
class Flag {
 public:
  Flag();  // throws std::system_error when the process is out of descriptors

  void raise();
  void lower();

  [[nodiscard]] int descriptor() const { return event_.get(); }

 private:
  Descriptor event_;
  process::Birthplace birthplace_;
};

}  // namespace dtls::net
