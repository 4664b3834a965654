#include "handshake/flight/retransmission.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "handshake/flight/channel.hpp"

namespace dtls::handshake {
namespace {

constexpr Clock::duration kLongestTimeout =
    std::chrono::minutes(1);  // RFC 9147 §5.8.2, RFC 6347 §4.2.4.1
// The first retransmission keeps the size, because most losses have nothing to do with it and a
// flight of more datagrams loses more of them. The second has what paths of 512 bytes carry, and
// thereby those of 576, which every IPv4 host takes (RFC 6347 §4.1.1.1); the third what those of
// 296 do, the MTU of slow serial lines. RFC 791's 68 is beyond reason. From then on each is a
// little smaller, so that fragments have other boundaries: a loss of every third datagram, say,
// never hits the same bytes for ever.
constexpr unsigned kTimeoutsToShrink = 2;
constexpr std::size_t kShrunkDatagram = 512 - 28;
constexpr unsigned kTimeoutsToShrinkMore = 3;
constexpr std::size_t kMuchShrunkDatagram = 296 - 28;
constexpr std::size_t kShrinkStep = 8;

}  // namespace

void Retransmission::start(Clock::duration first_timeout, TimePoint now, bool repeats) {
  stop(first_timeout);
  sent_at_ = now;
  was_repeated_ = false;
  may_hurry_unasked_ = true;
  if (repeats) retransmit_at_ = now + timeout_;
}

void Retransmission::stop(Clock::duration first_timeout) {
  timeout_ = first_timeout;
  timeouts_ = 0;
  largest_sent_ = 0;
  retransmit_at_.reset();
  hurry_at_.reset();
}

void Retransmission::restart(Clock::duration first_timeout, TimePoint now) {
  stop(first_timeout);
  retransmit_at_ = now + timeout_;
}

Retransmission::Due Retransmission::run_out(TimePoint now) {
  const bool has_run_out = is_due(retransmit_at_, now);
  if (!has_run_out && !is_due(hurry_at_, now)) return Due::kNothing;
  hurry_at_.reset();
  if (has_run_out && ++timeouts_ > Channel::kMostRepetitions) {
    retransmit_at_.reset();
    return Due::kGivenUp;
  }
  note_repeated(now);
  if (!has_run_out) return Due::kFlight;
  may_hurry_unasked_ = true;
  timeout_ = std::min(2 * timeout_, kLongestTimeout);
  retransmit_at_ = now + timeout_;
  return Due::kFlight;
}

Clock::duration Retransmission::scale(Duration first_timeout) {
  const Clock::duration before = timeout_;
  Clock::duration scaled = first_timeout;
  for (unsigned i = 0; i < timeouts_ && scaled < kLongestTimeout; ++i)
    scaled *= 2;
  timeout_ = std::min(scaled, kLongestTimeout);
  const Clock::duration change = timeout_ - before;
  if (retransmit_at_) *retransmit_at_ += change;
  return change;
}

bool Retransmission::may_repeat(TimePoint now) {
  if (now - sent_at_ < timeout_ / kAckFraction) return false;
  note_repeated(now);
  return true;
}

std::optional<TimePoint> Retransmission::deadline() const {
  if (!retransmit_at_ || !hurry_at_) return retransmit_at_ ? retransmit_at_ : hurry_at_;
  return std::min(*retransmit_at_, *hurry_at_);
}

std::size_t Retransmission::datagram_size(const ChannelSettings& settings) const {
  const std::size_t mtu = std::max<std::size_t>(settings.mtu, Channel::kSmallestMtu);
  const std::size_t smallest = std::min<std::size_t>(settings.smallest_datagram, mtu);
  if (timeouts_ >= kTimeoutsToShrinkMore) {
    const std::size_t steps =
        std::min(timeouts_, Channel::kMostRepetitions) - kTimeoutsToShrinkMore;
    return std::clamp(kMuchShrunkDatagram - kShrinkStep * steps, smallest, mtu);
  }
  if (timeouts_ >= kTimeoutsToShrink) return std::clamp(kShrunkDatagram, smallest, mtu);
  return mtu;
}

}  // namespace dtls::handshake
