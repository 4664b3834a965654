// Acks: which records of the peer are to be acknowledged, and when (RFC 9147 §7).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "dtls/time.hpp"
#include "handshake/flight/ack_list.hpp"
#include "handshake/flight/retransmission.hpp"

namespace dtls::handshake {

class Acks {
 public:
  void add(record::RecordNumber number) { list_.add(number); }
  // forget drops what was to be acknowledged; cancel drops only that it is to be sent.
  void forget() { list_.clear(); }
  void cancel() {
    at_.reset();
    is_due_ = false;
  }

  // send_later sets the timer unless it runs, send_sooner sets it back to `when`, send_now has the
  // next datagram carry an ACK if there is anything to acknowledge.
  void send_later(TimePoint when) {
    if (!at_) at_ = when;
  }
  void send_sooner(TimePoint when) { make_sooner(at_, when); }
  void send_now() {
    at_.reset();
    is_due_ = !list_.empty();
  }
  void run_out(TimePoint now) {
    if (!dtls::handshake::is_due(at_, now)) return;
    at_.reset();
    is_due_ = true;
  }
  void scale(Clock::duration change) {
    if (at_) *at_ += change;
  }

  [[nodiscard]] bool is_due() const { return is_due_; }
  [[nodiscard]] bool is_idle() const { return !at_ && !is_due_; }
  [[nodiscard]] const std::optional<TimePoint>& deadline() const { return at_; }

  // take writes the content of the ACK that is due, and gives its size; with `all`, a further one
  // is due where this one has not named all.
  std::size_t take(std::span<std::byte> out, bool all) {
    const std::size_t size = list_.write(out);
    if (size == 0) return 0;
    is_due_ = all && list_.has_more();
    sent_empty_ |= list_.empty();
    return size;
  }
  // start_taking is for an ACK that is written now: it is due no longer, whatever becomes of it.
  bool start_taking() { return std::exchange(is_due_, false); }

  // sent_empty: an ACK of nothing was sent since the flight went out last.
  [[nodiscard]] bool sent_empty() const { return sent_empty_; }
  void note_flight() { sent_empty_ = false; }

 private:
  AckList list_;
  std::optional<TimePoint> at_;
  bool is_due_ = false;
  bool sent_empty_ = false;
};

}  // namespace dtls::handshake
