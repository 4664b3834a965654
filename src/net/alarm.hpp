// Two descriptors that become readable on our own account: a time reached, a flag raised. A forked
// child shares them with its parent, so there nothing has an effect.
#pragma once

#include <optional>

#include "dtls/time.hpp"
#include "net/descriptor.hpp"
#include "process/forks.hpp"

namespace dtls::net {

// Alarm is a timerfd that tells other loops of the earliest timer; a loop's own waits have
// timeouts. It may ring early (once), never late: moving it to a later time would cost a system
// call for each datagram that puts off a retransmission.
class Alarm {
 public:
  Alarm();  // throws std::system_error when the process is out of descriptors

  // set_for makes it ring at `earliest` at the latest; nullopt: there is no timer.
  void set_for(std::optional<TimePoint> earliest);
  // set_anew does so for an alarm that has rung, which is readable until then.
  void set_anew(std::optional<TimePoint> earliest);
  [[nodiscard]] bool rang_by(TimePoint now) const { return armed_ && *armed_ <= now; }

  [[nodiscard]] int descriptor() const { return timer_.get(); }

 private:
  Descriptor timer_;
  std::optional<TimePoint> armed_;
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
