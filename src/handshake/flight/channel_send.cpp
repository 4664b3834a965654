// Channel's way out: flights until the peer has them, alerts, datagrams.
#include <algorithm>
#include <array>

#include "handshake/flight/channel.hpp"
#include "handshake/flight/channel_work.hpp"
#include "record/record_number.hpp"

namespace dtls::handshake {
namespace {

constexpr std::size_t kMaxMessages = 0x10000;

}  // namespace

void Channel::begin_flight() {
  if (!work_) return;
  work_->given_answers = false;  // the flight that it has answered is forgotten here
  note_answer();
  // Right after restart_messages it is what that has kept.
  if (restarted_in_ == 0 || next_out_ > 0) work_->outbox.forget(Then::kLast);
  work_->outbox.drop_acked();
}

wire::Bytes Channel::add_message(wire::HandshakeType type, wire::Bytes body) {
  if (next_out_ >= kMaxMessages) return {};
  const auto seq = static_cast<std::uint16_t>(next_out_++);
  return work().outbox.add_message(type, seq, body, outbound_.newest());
}

void Channel::add_change_cipher_spec() {
  work().outbox.add_change_cipher_spec(outbound_.newest());
}

void Channel::end_flight(Then then, TimePoint now) {
  Work& work = this->work();
  if (work.outbox.last_epoch() < record::kApplicationEpoch && then != Then::kLast) {
    // A flight of the handshake says itself that the one before has come (RFC 9147 §7.1).
    work.acks.forget();
    work.acks.cancel();
  }
  work.outbox.release(then);
  work.timer.start(settings_.first_timeout, now, then != Then::kLast);
  work.acks.note_flight();
  linger_until_ = now + kLinger;
}

void Channel::drop_output() {
  if (!work_) return;
  work_->outbox.clear();
  work_->acks.forget();
  work_->acks.cancel();
  work_->timer.stop(settings_.first_timeout);
}

void Channel::flight_answered() {
  if (work_) note_answer();
}

void Channel::forget_unacked() {
  if (!work_) return;
  work_->outbox.forget(Then::kAwaitAck);
  stop_timer_if_done();
}

// The flight under way has arrived, as what the peer sent implies.
void Channel::note_answer() {
  if (!work_->outbox.awaits(Then::kAwaitAnswer)) return;
  keep_datagram_size();
  work_->outbox.forget(Then::kAwaitAnswer);
  work_->outbox.forget(Then::kLast);  // of before restart_messages
  if (work_->outbox.awaits(Then::kAwaitAck)) {
    work_->timer.restart(settings_.first_timeout, now_);
  } else {
    work_->timer.stop(settings_.first_timeout);
  }
}

void Channel::stop_timer_if_done() {
  const Outbox& outbox = work_->outbox;
  if (outbox.awaits(Then::kAwaitAnswer) || outbox.awaits(Then::kAwaitAck)) return;
  keep_datagram_size();
  work_->timer.stop(settings_.first_timeout);
}

// Where small datagrams came through and larger ones seemingly did not, small ones stay.
void Channel::keep_datagram_size() {
  const std::size_t size = datagram_size();
  if (work_->timer.largest_sent() > size) settings_.mtu = static_cast<std::uint16_t>(size);
}

bool Channel::all_acked() const {
  return !work_ ||
         !(work_->outbox.awaits(Then::kAwaitAnswer) || work_->outbox.awaits(Then::kAwaitAck));
}

bool Channel::is_acked(std::uint16_t message_seq) const {
  return !work_ || work_->outbox.is_acked(message_seq);
}

unsigned Channel::timeouts() const {
  return work_ ? work_->timer.timeouts() : 0;
}

void Channel::send_alert(wire::Alert alert) {
  work().alerts.add(alert);
}

std::size_t Channel::datagram_size() const {
  return work_->timer.datagram_size(settings_);
}

std::size_t Channel::poll_transmit(std::span<std::byte> out, TimePoint now) {
  if (!work_) return 0;
  now_ = now;
  if (!work_->has_output()) return 0;
  out = out.first(std::min(out.size(), datagram_size()));
  std::size_t used = write_ack(out);
  const bool remember = version_ == 0 || speaks_dtls13();
  while (const std::size_t size =
             work_->outbox.write_record(outbound_, out.subspan(used), remember)) {
    used += size;
  }
  work_->timer.note_sent(used);
  if (!work_->outbox.is_sending()) used += write_alerts(out.subspan(used));
  return used;
}

bool Channel::has_output() const {
  return work_ && work_->has_output();
}

std::size_t Channel::write_alerts(std::span<std::byte> out) {
  std::size_t used = 0;
  while (!work_->alerts.empty()) {
    std::array<std::byte, wire::kAlertSize> content;
    wire::Writer writer(content);
    wire::write_alert(writer, work_->alerts.front());
    const std::size_t size =
        outbound_.seal(outbound_.newest(), wire::ContentType::kAlert, content, out.subspan(used));
    if (size == 0) break;
    used += size;
    work_->alerts.pop();
  }
  return used;
}

// Only the peer can have asked for it (RFC 6347 §4.2.4). However many records of a datagram do, it
// is sent once.
void Channel::repeat_last_flight() {
  if (work_->outbox.awaits(Then::kLast)) work_->outbox.rewind();
}

// The peer repeats what we know. In DTLS 1.3 an ACK tells it so; in DTLS 1.2 it lacks our flight.
void Channel::note_repetition(const wire::HandshakeHeader& header) {
  work_->unreadable.note_repetition(now_);
  if (speaks_dtls13() || work_->outbox.is_sending()) return;
  if (work_->outbox.awaits(Then::kLast)) {
    // Once for each time the peer sends its last flight: at the first fragment of its last message,
    // which only the peer can have sent (RFC 6347 §4.2.4): after a handshake nothing is read
    // without keys.
    const bool is_last = header.message_seq + 1U == next_in_ && header.fragment_offset == 0;
    if (is_last) repeat_last_flight();
  } else if (work_->outbox.awaits(Then::kAwaitAnswer) && work_->timer.may_repeat(now_)) {
    work_->outbox.rewind();
  }
}

}  // namespace dtls::handshake
