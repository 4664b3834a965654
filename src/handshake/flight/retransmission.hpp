// Retransmission: the timer of the flight under way (RFC 6347 §4.2.4, RFC 9147 §5.8).
//
//   start ─► (timeout ─► the flight again, twice the time) ... ─► given up
//                 │ hurry: an ACK told of a loss
//   answered, or all acknowledged ─► stop
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "dtls/time.hpp"

namespace dtls::handshake {

struct ChannelSettings;

// An ACK waits for this part of the timer (RFC 9147 §7.1); the round trip is at most that, else the
// timer were too short.
inline constexpr int kAckFraction = 4;
// Timers that run out this soon have run out: event loops wake up a little early.
inline constexpr Duration kTimerSlack{15};

inline bool is_due(const std::optional<TimePoint>& when, TimePoint now) {
  return when && *when <= now + kTimerSlack;
}

template <typename Time>
void make_sooner(std::optional<TimePoint>& timer, Time when) {
  timer = timer ? std::min<TimePoint>(*timer, when) : when;
}

class Retransmission {
 public:
  // What has become due.
  enum class Due : std::uint8_t { kNothing, kFlight, kGivenUp };

  explicit Retransmission(Clock::duration first_timeout) : timeout_(first_timeout) {}

  // start is for a flight that is released now; with `repeats` it is sent again by the timer.
  void start(Clock::duration first_timeout, TimePoint now, bool repeats);
  // stop counts from the first timeout again. restart does so for what still awaits its ACK.
  void stop(Clock::duration first_timeout);
  void restart(Clock::duration first_timeout, TimePoint now);
  // run_out says what is due, and sets the timer for the next time: twice as long, up to 60 s.
  Due run_out(TimePoint now);
  // hurry has the flight sent again at `when`, if that is sooner.
  void hurry(TimePoint when) { make_sooner(hurry_at_, when); }
  // may_hurry_unasked: once in a timeout an ACK of nothing has us send again.
  bool may_hurry_unasked() { return std::exchange(may_hurry_unasked_, false); }
  // scale changes the first timeout while the timer runs, and gives by how much the timer that runs
  // is longer now.
  Clock::duration scale(Duration first_timeout);

  // The peer has repeated its flight: ours goes out again, too, but not more often than a round
  // trip takes, because anybody can send that and much may be under way.
  bool may_repeat(TimePoint now);

  [[nodiscard]] std::optional<TimePoint> deadline() const;
  [[nodiscard]] bool is_running() const { return retransmit_at_.has_value(); }
  [[nodiscard]] unsigned timeouts() const { return timeouts_; }
  [[nodiscard]] Clock::duration timeout() const { return timeout_; }
  [[nodiscard]] TimePoint sent_at() const { return sent_at_; }
  [[nodiscard]] bool was_repeated() const { return was_repeated_; }

  // datagram_size is what a datagram of the flight may have after the timeouts so far.
  [[nodiscard]] std::size_t datagram_size(const ChannelSettings& settings) const;
  // note_sent remembers the largest datagram of the flight.
  void note_sent(std::size_t datagram) { largest_sent_ = std::max(largest_sent_, datagram); }
  [[nodiscard]] std::size_t largest_sent() const { return largest_sent_; }

 private:
  void note_repeated(TimePoint now) {
    sent_at_ = now;
    was_repeated_ = true;
  }

  Clock::duration timeout_;       // of the timer, when it is started next or runs
  unsigned timeouts_ = 0;         // how often it ran out in a row
  TimePoint sent_at_{};           // when the flight was sent last
  std::size_t largest_sent_ = 0;  // in bytes
  std::optional<TimePoint> retransmit_at_;
  std::optional<TimePoint> hurry_at_;  // sooner, because an ACK told of a loss
  bool may_hurry_unasked_ = true;
  bool was_repeated_ = false;  // the flight, or part of it
};

}  // namespace dtls::handshake
