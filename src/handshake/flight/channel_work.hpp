// Channel::Work: what a Channel holds only while there is a handshake, or what is left of one.
#pragma once

#include <chrono>
#include <memory>

#include "dtls/time.hpp"
#include "handshake/flight/acks.hpp"
#include "handshake/flight/alert_queue.hpp"
#include "handshake/flight/channel.hpp"
#include "handshake/flight/held_records.hpp"
#include "handshake/flight/outbox.hpp"
#include "handshake/flight/reassembly.hpp"
#include "handshake/flight/retransmission.hpp"
#include "handshake/flight/unreadable_flights.hpp"

namespace dtls::handshake {

// How long what may be repeated is kept after the last of it (RFC 6347 §4.2.4: twice the longest
// life of a segment).
inline constexpr Duration kLinger = std::chrono::minutes(4);
// A gap that lasts longer is a loss and not a reordering; and ACKs that come together are judged
// together.
inline constexpr Duration kReordering{20};

struct Channel::Work {
  explicit Work(Clock::duration first_timeout) : timer(first_timeout) {}

  // Out.
  Outbox outbox;
  Retransmission timer;
  AlertQueue alerts;
  // In.
  Reassembly reassembly;
  HeldRecords held;
  Acks acks;
  UnreadableFlights unreadable;
  std::unique_ptr<IncomingMessage> given;  // the message that next() gave last
  bool given_answers = false;              // our flight, unless it is put back

  [[nodiscard]] bool has_output() const {
    return acks.is_due() || outbox.is_sending() || !alerts.empty();
  }
};

}  // namespace dtls::handshake
