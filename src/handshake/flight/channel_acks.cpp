// Channel's ACKs of DTLS 1.3 (RFC 9147 §7): those that we send and those that come.
#include <algorithm>
#include <array>

#include "handshake/flight/channel.hpp"
#include "handshake/flight/channel_work.hpp"
#include "record/record_number.hpp"
#include "wire/ack.hpp"

namespace dtls::handshake {

using wire::AlertDescription;

void Channel::send_ack() {
  if (!work_ || !speaks_dtls13()) return;
  work_->acks.send_now();
}

std::size_t Channel::write_ack(std::span<std::byte> out) {
  if (!work_->acks.start_taking()) return 0;
  std::array<std::byte, wire::ack_size(AckList::kMost)> content;
  const std::uint64_t epoch = outbound_.newest();  // RFC 9147 §7: the highest there is
  const std::size_t overhead = outbound_.overhead(epoch);
  if (out.size() <= overhead) return 0;
  const std::size_t size = work_->acks.take(
      std::span(content).first(
          std::min({content.size(), out.size() - overhead, outbound_.max_plaintext(epoch)})),
      !settings_.single_acks);
  if (size == 0) return 0;
  return outbound_.seal(epoch, wire::ContentType::kAck, std::span(content).first(size), out);
}

void Channel::acknowledge_later(record::RecordNumber number, bool has_gap) {
  // A client without keys cannot read an ACK under keys, so this is not for it but anybody's.
  if (is_server_ && number.epoch == 0 && inbound_.newest() > 0) return;
  work_->acks.add(number);
  if (!speaks_dtls13() || work_->acks.is_due()) return;
  // RFC 9147 §7.1: a quarter of the timer, in which the rest may come or the answer be ready. After
  // the handshake nobody waits for the ACK.
  work_->acks.send_later(now_ + work_->timer.timeout() / kAckFraction);
  if (has_gap && number.epoch < record::kApplicationEpoch) {
    work_->acks.send_sooner(now_ + kReordering);
  }
}

// A client that gets what it cannot read yet has lost the ServerHello: an empty ACK has it sent
// again soon (RFC 9147 §7.1).
void Channel::note_missed_epoch() {
  if (is_server_ || !work_ || inbound_.newest() != 0 || work_->acks.sent_empty() ||
      version_ == wire::kDtls12 || !work_->outbox.awaits(Then::kAwaitAnswer)) {
    return;
  }
  work_->acks.send_sooner(now_ + kReordering);
}

std::optional<Input> Channel::take_ack(const record::OpenedRecord& record) {
  if (!speaks_dtls13()) return std::nullopt;
  const auto numbers = wire::parse_ack(record.content);
  const std::uint64_t epoch = record.number.epoch;
  if (!numbers) return object(epoch, AlertDescription::kDecodeError, "a malformed ACK");
  const bool is_empty = numbers->empty();
  // Without keys anybody could say that a hello has come, and stop its repetition. Such an ACK only
  // tells that something was lost.
  const bool is_believed = epoch > 0 || (is_server_ && settings_.strict_plaintext);
  bool is_news = false;
  for (const record::RecordNumber number : *numbers) {
    // RFC 9147 §7: during the handshake an ACK does not come in an older epoch than the record.
    if ((epoch < record::kApplicationEpoch && number.epoch > epoch) ||
        number.epoch > record::kMaxSequence || number.sequence > record::kMaxSequence) {
      return object(epoch, AlertDescription::kIllegalParameter,
                    "an ACK of an invalid record number");
    }
    if (work_ && is_believed) is_news |= work_->outbox.acknowledge(number);
  }
  if (!work_ || (!is_news && !is_empty && is_believed)) return std::nullopt;
  work_->outbox.drop_acked();
  stop_timer_if_done();
  // RFC 9147 §7.2: what is left was lost. Without news, only once in a while: anybody can send it.
  if (!work_->timer.is_running() || work_->outbox.is_sending()) return std::nullopt;
  if (is_news || work_->timer.may_hurry_unasked()) work_->timer.hurry(now_ + kReordering);
  return std::nullopt;
}

}  // namespace dtls::handshake
