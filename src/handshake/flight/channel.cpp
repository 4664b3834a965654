#include "handshake/flight/channel.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "handshake/flight/channel_work.hpp"
#include "record/record_number.hpp"

namespace dtls::handshake {

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
  work_->unreadable.clear();
  if (!keeps_last_flight) work_->outbox.forget(Then::kLast);
  work_->reassembly.clear();
  work_->held.clear();
  work_->timer.stop(settings_.first_timeout);
}

// ---- keys and epochs ----

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
                 work_->acks.is_idle() && work_->alerts.empty());
  linger_until_ = is_idle ? TimePoint::max() : now + kLinger;
  if (is_idle) work_.reset();
}

// ---- time ----

std::optional<TimePoint> Channel::deadline() const {
  std::optional<TimePoint> first;
  if (!work_) return first;
  for (const auto& each : {work_->timer.deadline(), work_->acks.deadline()}) {
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
  work_->acks.run_out(now);
  switch (work_->timer.run_out(now)) {
    case Retransmission::Due::kNothing:
      return;
    case Retransmission::Due::kGivenUp:
      work_->acks.cancel();  // who has given up has no word left, also where both were due
      return;
    case Retransmission::Due::kFlight:
      work_->acks.note_flight();
      work_->outbox.rewind();
  }
}

void Channel::set_mtu(std::size_t mtu) {
  settings_.mtu = static_cast<std::uint16_t>(std::min<std::size_t>(mtu, 0xffff));
}

void Channel::set_first_timeout(Duration timeout) {
  settings_.first_timeout = timeout;
  unlearnt_timeout_ = Duration(0);
  if (!work_) return;
  work_->acks.scale(work_->timer.scale(timeout) / kAckFraction);
}

// Twice the round trip: RFC 9147 §5.8.2 says one and a half where it is known, but the flight that
// is waited for next takes the peer's signature besides.
void Channel::learn_round_trip() {
  if (!work_ || work_->timer.was_repeated() || !work_->outbox.awaits(Then::kAwaitAnswer)) return;
  const auto round_trip = std::chrono::ceil<Duration>(now_ - work_->timer.sent_at());
  const Duration timeout = std::max(2 * round_trip, settings_.shortest_timeout);
  if (timeout >= settings_.first_timeout) return;
  const Duration before = settings_.first_timeout;
  set_first_timeout(timeout);
  unlearnt_timeout_ = before;
}

void Channel::forget_round_trip() {
  if (unlearnt_timeout_ > Duration(0)) set_first_timeout(unlearnt_timeout_);
}

}  // namespace dtls::handshake
