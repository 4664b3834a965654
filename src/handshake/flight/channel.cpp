#include "handshake/flight/channel.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "handshake/flight/channel_work.hpp"
#include "record/record_number.hpp"
#include "wire/ack.hpp"

namespace dtls::handshake {
namespace {

constexpr Clock::duration kLongestTimeout =
    std::chrono::minutes(1);  // RFC 9147 §5.8.2, RFC 6347 §4.2.4.1
// Timers that run out this soon have run out: event loops wake up a little early.
constexpr Duration kTimerSlack{15};
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
constexpr std::size_t kMaxMessages = 0x10000;

bool is_due(const std::optional<TimePoint>& when, TimePoint now) {
  return when && *when <= now + kTimerSlack;
}

}  // namespace

Channel::Channel(bool is_server, const ChannelSettings& settings)
    : settings_(settings), is_server_(is_server) {
  outbound_.bound_keys(settings.records_per_key);
}
Channel::~Channel() = default;
Channel::Channel(Channel&& other) noexcept = default;
Channel& Channel::operator=(Channel&& other) noexcept = default;

Channel::Work& Channel::work() {
  if (work_) return *work_;
  work_ = std::make_unique<Work>(settings_.first_timeout);
  work_->outbox.pack_fragments(settings_.packs_fragments);
  return *work_;
}

void Channel::set_version(wire::Version version) {
  version_ = version;
  // RFC 9147 §4: records of DTLS 1.3 without keys say 1.2.
  inbound_.expect_version(speaks_dtls13() ? wire::kDtls12 : version);
}

void Channel::continue_from(std::uint64_t record_sequence, std::uint16_t next_message_in,
                            std::uint16_t next_message_out) {
  outbound_.continue_from(0, record_sequence);
  next_in_ = next_message_in;
  judged_in_ = next_message_in;
  next_out_ = next_message_out;
}

void Channel::restart_messages(bool keeps_last_flight) {
  awaits_restart_ = false;
  restarted_in_ = static_cast<std::uint16_t>(inbound_.newest());
  next_in_ = 0;
  next_out_ = 0;
  judged_in_.reset();
  if (!work_) return;
  work_->outbox.forget(Then::kAwaitAnswer);
  work_->unreadable_flights = 0;
  work_->counts_unreadable = true;
  if (!keeps_last_flight) work_->outbox.forget(Then::kLast);
  work_->reassembly.clear();
  work_->held.clear();
  work_->reset_timer(settings_.first_timeout);
}

void Channel::install_read(std::uint64_t epoch, record::Protection protection) {
  inbound_.install(epoch, std::move(protection));
  if (!work_) return;
  // RFC 9147 §6.1: what is new comes under the newest keys. DTLS 1.2 reads ahead of them.
  if (speaks_dtls13()) work_->reassembly.drop_below(epoch);
  work_->held.release();
}

void Channel::install_write(std::uint64_t epoch, record::Protection protection) {
  outbound_.install(epoch, std::move(protection));
}

void Channel::set_record_size_limits(std::uint64_t epoch, std::size_t in, std::size_t out) {
  inbound_.set_max_plaintext(in, epoch);
  outbound_.set_max_plaintext(out, epoch);
}

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
    work.acks.clear();
    work.ack_at.reset();
    work.ack_due = false;
  }
  work.outbox.release(then);
  work.reset_timer(settings_.first_timeout);
  work.sent_at = now;
  work.sent_again = false;
  work.sent_empty_ack = false;
  work.may_hurry_unasked = true;
  if (then != Then::kLast) work.retransmit_at = now + work.timeout;
  linger_until_ = now + kLinger;
}

void Channel::drop_output() {
  if (!work_) return;
  work_->outbox.clear();
  work_->acks.clear();
  work_->ack_due = false;
  work_->ack_at.reset();
  work_->reset_timer(settings_.first_timeout);
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
  work_->reset_timer(settings_.first_timeout);
  if (work_->outbox.awaits(Then::kAwaitAck)) work_->retransmit_at = now_ + work_->timeout;
}

void Channel::stop_timer_if_done() {
  const Outbox& outbox = work_->outbox;
  if (outbox.awaits(Then::kAwaitAnswer) || outbox.awaits(Then::kAwaitAck)) return;
  keep_datagram_size();
  work_->reset_timer(settings_.first_timeout);
}

// Where small datagrams came through and larger ones seemingly did not, small ones stay.
void Channel::keep_datagram_size() {
  const std::size_t size = datagram_size();
  if (work_->largest_sent > size) settings_.mtu = static_cast<std::uint16_t>(size);
}

bool Channel::all_acked() const {
  return !work_ ||
         !(work_->outbox.awaits(Then::kAwaitAnswer) || work_->outbox.awaits(Then::kAwaitAck));
}

bool Channel::is_acked(std::uint16_t message_seq) const {
  return !work_ || work_->outbox.is_acked(message_seq);
}

unsigned Channel::timeouts() const {
  return work_ ? work_->timeouts : 0;
}

unsigned Channel::unreadable_flights() const {
  return work_ ? work_->unreadable_flights : 0;
}

void Channel::send_alert(wire::Alert alert) {
  Work& work = this->work();
  if (work.alert_count < work.alerts.size()) work.alerts[work.alert_count++] = alert;
}

void Channel::send_ack() {
  if (!work_ || !speaks_dtls13()) return;
  work_->ack_at.reset();
  work_->ack_due = !work_->acks.empty();
}

std::size_t Channel::datagram_size() const {
  const std::size_t mtu = std::max<std::size_t>(settings_.mtu, kSmallestMtu);
  const std::size_t smallest = std::min<std::size_t>(settings_.smallest_datagram, mtu);
  const unsigned timeouts = this->timeouts();
  if (timeouts >= kTimeoutsToShrinkMore) {
    const std::size_t steps = std::min(timeouts, kMostRepetitions) - kTimeoutsToShrinkMore;
    return std::clamp(kMuchShrunkDatagram - kShrinkStep * steps, smallest, mtu);
  }
  if (timeouts >= kTimeoutsToShrink) return std::clamp(kShrunkDatagram, smallest, mtu);
  return mtu;
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
  work_->largest_sent = std::max(work_->largest_sent, used);
  if (!work_->outbox.is_sending()) used += write_alerts(out.subspan(used));
  return used;
}

bool Channel::has_output() const {
  return work_ && work_->has_output();
}

std::size_t Channel::write_ack(std::span<std::byte> out) {
  if (!work_->ack_due) return 0;
  work_->ack_due = false;
  std::array<std::byte, wire::ack_size(AckList::kMost)> content;
  const std::uint64_t epoch = outbound_.newest();  // RFC 9147 §7: the highest there is
  const std::size_t overhead = outbound_.overhead(epoch);
  if (out.size() <= overhead) return 0;
  const std::size_t size = work_->acks.write(std::span(content).first(
      std::min({content.size(), out.size() - overhead, outbound_.max_plaintext(epoch)})));
  if (size == 0) return 0;
  work_->ack_due = !settings_.single_acks && work_->acks.has_more();
  work_->sent_empty_ack |= work_->acks.empty();
  return outbound_.seal(epoch, wire::ContentType::kAck, std::span(content).first(size), out);
}

std::size_t Channel::write_alerts(std::span<std::byte> out) {
  std::size_t used = 0;
  while (work_->alert_count > 0) {
    std::array<std::byte, wire::kAlertSize> content;
    wire::Writer writer(content);
    wire::write_alert(writer, work_->alerts.front());
    const std::size_t size =
        outbound_.seal(outbound_.newest(), wire::ContentType::kAlert, content, out.subspan(used));
    if (size == 0) break;
    used += size;
    std::move(work_->alerts.begin() + 1, work_->alerts.end(), work_->alerts.begin());
    --work_->alert_count;
  }
  return used;
}

std::optional<TimePoint> Channel::deadline() const {
  std::optional<TimePoint> first;
  if (!work_) return first;
  for (const auto& each : {work_->retransmit_at, work_->hurry_at, work_->ack_at}) {
    if (each && (!first || *each < *first)) first = each;
  }
  return first;
}

std::optional<TimePoint> Channel::linger_deadline() const {
  if (linger_until_ == TimePoint::max() || !all_acked()) return std::nullopt;
  return linger_until_;
}

void Channel::handle_timeout(TimePoint now) {
  now_ = now;
  end_linger(now);
  if (!work_) return;
  if (is_due(work_->ack_at, now)) {
    work_->ack_at.reset();
    work_->ack_due = true;
  }
  const bool has_run_out = is_due(work_->retransmit_at, now);
  if (!has_run_out && !is_due(work_->hurry_at, now)) return;
  work_->hurry_at.reset();
  if (has_run_out && ++work_->timeouts > kMostRepetitions) {
    work_->retransmit_at.reset();
    work_->ack_at.reset();  // who has given up has no word left, also where both were due
    work_->ack_due = false;
    return;
  }
  work_->sent_at = now;
  work_->sent_again = true;
  work_->sent_empty_ack = false;
  work_->outbox.rewind();
  if (!has_run_out) return;
  work_->may_hurry_unasked = true;
  work_->timeout = std::min(2 * work_->timeout, kLongestTimeout);
  work_->retransmit_at = now + work_->timeout;
}

void Channel::set_mtu(std::size_t mtu) {
  settings_.mtu = static_cast<std::uint16_t>(std::min<std::size_t>(mtu, 0xffff));
}

void Channel::set_first_timeout(Duration timeout) {
  settings_.first_timeout = timeout;
  unlearnt_timeout_ = Duration(0);
  if (!work_) return;
  const Clock::duration before = work_->timeout;
  Clock::duration scaled = timeout;
  for (unsigned i = 0; i < work_->timeouts && scaled < kLongestTimeout; ++i)
    scaled *= 2;
  work_->timeout = std::min(scaled, kLongestTimeout);
  const Clock::duration change = work_->timeout - before;
  if (work_->retransmit_at) *work_->retransmit_at += change;
  if (work_->ack_at) *work_->ack_at += change / kAckFraction;
}

// Twice the round trip: RFC 9147 §5.8.2 says one and a half where it is known, but the flight that
// is waited for next takes the peer's signature besides.
void Channel::learn_round_trip() {
  if (!work_ || work_->sent_again || !work_->outbox.awaits(Then::kAwaitAnswer)) return;
  const auto round_trip = std::chrono::ceil<Duration>(now_ - work_->sent_at);
  const Duration timeout = std::max(2 * round_trip, settings_.shortest_timeout);
  if (timeout >= settings_.first_timeout) return;
  const Duration before = settings_.first_timeout;
  set_first_timeout(timeout);
  unlearnt_timeout_ = before;
}

void Channel::forget_round_trip() {
  if (unlearnt_timeout_ > Duration(0)) set_first_timeout(unlearnt_timeout_);
}

std::size_t Channel::seal_application_data(wire::Bytes content, std::span<std::byte> out) {
  if (content.size() > outbound_.max_plaintext(outbound_.newest())) return 0;
  return outbound_.seal(outbound_.newest(), wire::ContentType::kApplicationData, content, out);
}

std::size_t Channel::application_overhead() const {
  return outbound_.overhead(outbound_.newest());
}

void Channel::end_linger(TimePoint now) {
  if (now < linger_until_) return;
  if (!all_acked()) {  // an answer may still come under older keys
    linger_until_ = now + kLinger;
    return;
  }
  inbound_.retire_below(inbound_.newest());
  // Records that nobody has authenticated, and the part of a message that does not go on, would
  // stay for ever otherwise. During the handshake the owner's patience is their end.
  const std::uint64_t last_of_handshake = speaks_dtls13() ? record::kApplicationEpoch : 1;
  const bool is_idle =
      !work_ || (inbound_.newest() >= last_of_handshake && !work_->outbox.is_sending() &&
                 !work_->ack_at && !work_->ack_due && work_->alert_count == 0);
  linger_until_ = is_idle ? TimePoint::max() : now + kLinger;
  if (is_idle) work_.reset();
}

}  // namespace dtls::handshake
