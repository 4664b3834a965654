// Channel's way in, second part: from handshake records to messages, in order.
#include <algorithm>
#include <utility>

#include "handshake/flight/channel.hpp"
#include "handshake/flight/channel_work.hpp"
#include "record/record_number.hpp"

namespace dtls::handshake {

using wire::AlertDescription;

std::optional<Input> Channel::take_handshake(const record::OpenedRecord& record) {
  wire::Reader reader(record.content);
  if (reader.empty()) return std::nullopt;
  work();
  FragmentsOfRecord fragments;
  while (!reader.empty()) {
    const auto fragment = wire::read_handshake(reader);
    if (!fragment) {
      if (speaks_dtls13() && record.number.epoch < inbound_.newest()) return std::nullopt;
      return object(record.number.epoch, AlertDescription::kDecodeError,
                    "a malformed handshake fragment");
    }
    // RFC 5246 §7.4.1.1: ignored while a handshake runs; without keys no other server sends one.
    if (!is_server_ && record.number.epoch == 0 &&
        fragment->header.type == wire::HandshakeType::kHelloRequest) {
      fragments.any_dropped = true;
      continue;
    }
    if (is_from_before(fragment->header, record.number.epoch)) {
      if (fragment->header.type == wire::HandshakeType::kFinished) repeat_last_flight();
      continue;
    }
    if (begins_anew(fragment->header, record.number.epoch)) restart_messages();
    if (follows_lost_request(fragment->header)) next_in_ = fragment->header.message_seq;
    if (fragment->header.message_seq < next_in_) {
      note_repetition(fragment->header);
    } else if (auto fatal = take_fragment(*fragment, record.number.epoch, fragments)) {
      return fatal;
    }
  }
  linger_until_ = now_ + kLinger;
  if (!fragments.any_dropped && version_ != wire::kDtls12) {
    acknowledge_later(record.number, fragments.any_gap);
  }
  return std::nullopt;
}

std::optional<Input> Channel::take_fragment(const wire::HandshakeFragment& fragment,
                                            std::uint64_t epoch, FragmentsOfRecord& record) {
  const wire::HandshakeHeader& header = fragment.header;
  if (speaks_dtls13() && epoch < inbound_.newest()) {
    // RFC 9147 §6.1: what is new comes under the newest keys. Without keys anybody can send it.
    record.any_dropped = true;
    if (epoch == 0) return std::nullopt;
    return Fatal{.alert = AlertDescription::kUnexpectedMessage,
                 .what = "a handshake message under old keys"};
  }
  const std::uint32_t max_message = this->max_message();
  if (header.length > max_message) {
    record.any_dropped = true;
    return object(epoch, AlertDescription::kIllegalParameter,
                  "a handshake message that is too long");
  }
  const bool is_judged = header.message_seq == judged_in_;
  const std::size_t max_ahead = is_settled_server() ? max_message : Reassembly::kMaxAhead;
  const auto added = work_->reassembly.add(next_in_, fragment, epoch, is_judged, max_ahead);
  switch (added) {
    case Reassembly::Added::kMismatch:
    case Reassembly::Added::kReplaced:
      // What was replaced has to come again, so it must not be acknowledged.
      if (added == Reassembly::Added::kReplaced) work_->acks.forget();
      record.any_dropped = true;
      if (auto fatal = object(epoch, AlertDescription::kIllegalParameter,
                              "fragments that contradict each other")) {
        return fatal;
      }
      if (added == Reassembly::Added::kMismatch) return std::nullopt;
      break;
    case Reassembly::Added::kDropped:
      record.any_dropped = true;
      return std::nullopt;
    case Reassembly::Added::kWithGap:
      record.any_gap = true;
      break;
    case Reassembly::Added::kInOrder:
      break;
  }
  // RFC 9147 §7.1: any part of the answer acknowledges our flight. Without keys anybody could say
  // so: there the whole message does.
  const bool is_answer = epoch > 0 || (is_server_ && settings_.strict_plaintext);
  if (speaks_dtls13() && is_answer) note_answer();
  if (record.highest && header.message_seq > *record.highest) {
    work_->reassembly.mark_followed(*record.highest);
  }
  record.highest = std::max(record.highest.value_or(0), header.message_seq);
  return std::nullopt;
}

std::uint32_t Channel::max_message() const {
  if (!is_settled_server()) return settings_.max_message;
  return std::min(settings_.max_message,
                  speaks_dtls13() ? settings_.max_settled_13 : settings_.max_settled_12);
}

// RFC 6347 §4.2.2: the messages of a further handshake count from 0 again. Older keys would tell of
// a repetition from an earlier handshake.
bool Channel::begins_anew(const wire::HandshakeHeader& header, std::uint64_t epoch) const {
  return awaits_restart_ && header.message_seq == 0 && epoch != 0 && epoch == inbound_.newest() &&
         header.type ==
             (is_server_ ? wire::HandshakeType::kClientHello : wire::HandshakeType::kHelloRequest);
}

// A client that begins a handshake while a HelloRequest to it was lost gets a ServerHello that
// counts from there (RFC 6347 §4.2.2).
bool Channel::follows_lost_request(const wire::HandshakeHeader& header) const {
  return restarted_in_ != 0 && !is_server_ && next_in_ == 0 && header.message_seq == 1 &&
         header.type == wire::HandshakeType::kServerHello;
}

// Whether it is of the handshake before the one that restart_messages began, whose Finished is the
// only message that comes under the same keys as those of the new one.
bool Channel::is_from_before(const wire::HandshakeHeader& header, std::uint64_t epoch) const {
  return restarted_in_ != 0 &&
         (epoch < restarted_in_ ||
          (epoch == restarted_in_ && header.type == wire::HandshakeType::kFinished));
}

std::optional<Input> Channel::take_complete() {
  if (!work_) return std::nullopt;
  work_->given = work_->reassembly.take(next_in_);
  if (!work_->given) return std::nullopt;
  ++next_in_;
  const IncomingMessage& message = *work_->given;
  // All that came before is known now, and in epoch 0 anybody could interfere, or have done so
  // ahead of time.
  if (message.epoch > 0) {
    inbound_.retire(0);
    work_->reassembly.drop_below(message.epoch);
  }
  work_->given_answers = speaks_dtls13() && message.epoch == 0;
  const wire::Bytes raw = message.raw;
  return HandshakeMessage{.type = message.header.type,
                          .seq = message.header.message_seq,
                          .epoch = message.epoch,
                          .raw = raw,
                          .body = raw.subspan(wire::kHandshakeHeaderSize),
                          .last_in_record = !message.is_followed};
}

void Channel::put_back() {
  if (!work_ || next_in_ == 0) return;
  --next_in_;
  work_->given_answers = false;
  work_->acks.forget();
  inbound_.note_stray();
}

bool Channel::has_buffered() const {
  return work_ && !work_->reassembly.empty();
}

}  // namespace dtls::handshake
