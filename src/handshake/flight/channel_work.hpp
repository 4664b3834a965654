// Channel::Work: what a Channel holds only while there is a handshake, or what is left of one.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "dtls/time.hpp"
#include "handshake/flight/ack_list.hpp"
#include "handshake/flight/channel.hpp"
#include "handshake/flight/held_records.hpp"
#include "handshake/flight/outbox.hpp"
#include "handshake/flight/reassembly.hpp"
#include "wire/alert.hpp"

namespace dtls::handshake {

// An ACK waits for this part of the retransmission timer (RFC 9147 §7.1); the round trip is at most
// that, else the timer were too short.
inline constexpr int kAckFraction = 4;
// How long what may be repeated is kept after the last of it (RFC 6347 §4.2.4: twice the longest
// life of a segment).
inline constexpr Duration kLinger = std::chrono::minutes(4);

struct Channel::Work {
  static constexpr std::size_t kMostAlerts = 4;  // a warning or two, then a fatal one or the end

  explicit Work(Clock::duration first_timeout) : timeout(first_timeout) {}

  Outbox outbox;
  Reassembly reassembly;
  HeldRecords held;
  std::unique_ptr<IncomingMessage> given;  // the message that next() gave last
  bool given_answers = false;              // our flight, unless it is put back
  AckList acks;
  std::array<wire::Alert, kMostAlerts> alerts{};
  std::size_t alert_count = 0;

  Clock::duration timeout;       // of the retransmission timer, when it is started next or runs
  unsigned timeouts = 0;         // how often it ran out in a row
  TimePoint sent_at{};           // when the flight was sent last
  std::size_t largest_sent = 0;  // datagram of the flight, in bytes
  std::optional<TimePoint> retransmit_at;
  std::optional<TimePoint> hurry_at;  // sooner, because an ACK told of a loss
  std::optional<TimePoint> ack_at;
  bool ack_due = false;
  bool may_hurry_unasked = true;  // once in a timeout an ACK of nothing has us send again
  bool sent_again = false;        // the flight, or part of it
  bool sent_empty_ack = false;    // since our flight was sent last

  unsigned unreadable_flights = 0;
  bool counts_unreadable = true;  // the flight under way has not been counted
  TimePoint unreadable_at{};      // when one was counted last

  [[nodiscard]] bool has_output() const {
    return ack_due || outbox.is_sending() || alert_count > 0;
  }
  void reset_timer(Clock::duration first_timeout) {
    timeout = first_timeout;
    timeouts = 0;
    largest_sent = 0;
    retransmit_at.reset();
    hurry_at.reset();
  }
};

}  // namespace dtls::handshake
