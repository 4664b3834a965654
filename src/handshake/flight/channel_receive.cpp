// Channel's way in: from opened records to messages, ACKs and what is to be sent for them.
#include <algorithm>
#include <utility>

#include "handshake/flight/channel.hpp"
#include "handshake/flight/channel_work.hpp"
#include "record/record_number.hpp"
#include "wire/ack.hpp"

namespace dtls::handshake {
namespace {

using wire::AlertDescription;

// A gap that lasts longer is a loss and not a reordering; and ACKs that come together are judged
// together.
constexpr Duration kReordering{20};

template <typename Time>
void make_sooner(std::optional<TimePoint>& timer, Time when) {
  timer = timer ? std::min<TimePoint>(*timer, when) : when;
}

}  // namespace

void Channel::receive(std::span<std::byte> datagram, TimePoint now) {
  now_ = now;
  end_linger(now);
  inbound_.begin(datagram);
}

void Channel::postpone(std::span<const std::byte> datagram) {
  if (work_ && !datagram.empty()) work_->held.hold(datagram);
}

void Channel::resume(TimePoint now) {
  receive({}, now);
  if (work_) work_->held.release();
}

std::optional<Input> Channel::next() {
  if (work_ && std::exchange(work_->given_answers, false)) note_answer();
  while (true) {
    if (auto message = take_complete()) return message;
    const auto record = inbound_.next();
    if (inbound_.take_unreadable()) note_unreadable();
    if (record) {
      if (auto input = dispatch(*record)) return input;
    } else if (const auto held = work_ ? work_->held.next() : std::span<std::byte>();
               !held.empty()) {
      inbound_.begin(held);
    } else {
      break;
    }
  }
  if (inbound_.take_missed_epoch()) note_missed_epoch();
  return std::nullopt;
}

std::optional<Input> Channel::dispatch(const record::InboundRecord& record) {
  if (const auto* fatal = std::get_if<record::FatalRecord>(&record)) {
    return Fatal{.alert = fatal->alert, .what = fatal->what};
  }
  if (const auto* early = std::get_if<record::EarlyRecord>(&record)) {
    // Only while there was a handshake lately: what is idle holds nothing for strangers.
    if (work_) {
      work_->held.hold(early->whole,
                       settled_ ? HeldRecords::kMostSettled : HeldRecords::kMostBytes);
    }
    return std::nullopt;
  }
  return dispatch(std::get<record::OpenedRecord>(record));
}

std::optional<Input> Channel::dispatch(const record::OpenedRecord& record) {
  if (is_stray(record)) {
    inbound_.note_stray();
    return std::nullopt;
  }
  switch (record.type) {
    case wire::ContentType::kApplicationData:
      if (record.number.epoch == 0 ||
          (speaks_dtls13() && record.number.epoch < record::kApplicationEpoch)) {
        return object(record.number.epoch, AlertDescription::kUnexpectedMessage,
                      "application data during the handshake");
      }
      return ApplicationData{.content = record.content, .epoch = record.number.epoch};
    case wire::ContentType::kHandshake:
      return take_handshake(record);
    case wire::ContentType::kAck:
      return take_ack(record);
    case wire::ContentType::kAlert:
      return take_alert(record);
    case wire::ContentType::kChangeCipherSpec:
      return take_change_cipher_spec(record);
    default:
      break;
  }
  // RFC 8446 §5 for a peer; from epoch 0 it is anybody's noise (RFC 9147 §4.1).
  if (record.number.epoch == 0) {
    inbound_.note_stray();
    return std::nullopt;
  }
  return Fatal{.alert = AlertDescription::kUnexpectedMessage,
               .what = "a record of a type that does not exist"};
}

// A record that breaks the protocol ends the association where only the peer can have sent it.
// Without keys anybody can, and it is dropped like one with a wrong tag (RFC 6347 §4.1.2.7).
std::optional<Input> Channel::object(std::uint64_t epoch, AlertDescription alert,
                                     const char* what) {
  if (epoch > 0 || settings_.strict_plaintext) return Fatal{.alert = alert, .what = what};
  inbound_.note_stray();
  return std::nullopt;
}

// Where DTLS 1.3 has keys, what comes without is a repetition, or of a client that has none yet:
// its alert, or its ACK that the ServerHello was lost. Anything else is a stranger's.
bool Channel::is_stray(const record::OpenedRecord& record) const {
  if (!speaks_dtls13() || record.number.epoch > 0 || inbound_.newest() == 0) return false;
  switch (record.type) {
    case wire::ContentType::kHandshake:
      return false;
    case wire::ContentType::kAlert:
    case wire::ContentType::kAck:
      return !is_server_;
    default:
      return true;
  }
}

std::optional<Input> Channel::take_alert(const record::OpenedRecord& record) {
  const auto alert = wire::parse_alert(record.content);
  if (alert) return AlertIn{.alert = *alert, .epoch = record.number.epoch};
  if (record.number.epoch == 0) return std::nullopt;
  if (record.content.size() == wire::kAlertSize) {
    return Fatal{.alert = AlertDescription::kIllegalParameter,
                 .what = "an alert of a level that does not exist"};
  }
  return Fatal{.alert = AlertDescription::kDecodeError, .what = "a malformed alert"};
}

std::optional<Input> Channel::take_change_cipher_spec(const record::OpenedRecord& record) {
  if (speaks_dtls13()) {  // RFC 9147 §5: never sent; RFC 8446 §5: fatal where it is protected
    if (record.number.epoch == 0) return std::nullopt;
    return Fatal{.alert = AlertDescription::kUnexpectedMessage,
                 .what = "a ChangeCipherSpec in DTLS 1.3"};
  }
  if (record.content.size() != 1 || record.content[0] != std::byte{1}) {
    return object(record.number.epoch, AlertDescription::kIllegalParameter,
                  "a malformed ChangeCipherSpec");
  }
  if (record.number.epoch < inbound_.newest()) return std::nullopt;  // a repetition
  return ChangeCipherSpec{};
}

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
      if (added == Reassembly::Added::kReplaced) work_->acks.clear();
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

std::size_t Channel::held_bytes() const {
  return work_ ? work_->reassembly.held_bytes() + work_->held.held_bytes() : 0;
}

void Channel::acknowledge_later(record::RecordNumber number, bool has_gap) {
  // A client without keys cannot read an ACK under keys, so this is not for it but anybody's.
  if (is_server_ && number.epoch == 0 && inbound_.newest() > 0) return;
  work_->acks.add(number);
  if (!speaks_dtls13() || work_->ack_due) return;
  // RFC 9147 §7.1: a quarter of the timer, in which the rest may come or the answer be ready. After
  // the handshake nobody waits for the ACK.
  if (!work_->ack_at) work_->ack_at = now_ + work_->timeout / kAckFraction;
  if (has_gap && number.epoch < record::kApplicationEpoch) {
    make_sooner(work_->ack_at, now_ + kReordering);
  }
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

// Only the peer can have asked for it (RFC 6347 §4.2.4). However many records of a datagram do, it
// is sent once.
void Channel::repeat_last_flight() {
  if (work_->outbox.awaits(Then::kLast)) work_->outbox.rewind();
}

// The peer repeats what we know. In DTLS 1.3 an ACK tells it so; in DTLS 1.2 it lacks our flight.
void Channel::note_repetition(const wire::HandshakeHeader& header) {
  if (now_ - work_->unreadable_at >= kUnreadableFlight) work_->counts_unreadable = true;
  if (speaks_dtls13() || work_->outbox.is_sending()) return;
  if (work_->outbox.awaits(Then::kLast)) {
    // Once for each time the peer sends its last flight: at the first fragment of its last message,
    // which only the peer can have sent (RFC 6347 §4.2.4): after a handshake nothing is read
    // without keys.
    const bool is_last = header.message_seq + 1U == next_in_ && header.fragment_offset == 0;
    if (is_last) repeat_last_flight();
  } else if (work_->outbox.awaits(Then::kAwaitAnswer) &&
             now_ - work_->sent_at >= work_->timeout / kAckFraction) {
    // Anybody can send this, and much may be under way: not more often than a round trip takes.
    work_->sent_at = now_;
    work_->sent_again = true;
    work_->outbox.rewind();
  }
}

void Channel::note_unreadable() {
  if (version_ != wire::kDtls12 || !work_ || !std::exchange(work_->counts_unreadable, false))
    return;
  ++work_->unreadable_flights;
  work_->unreadable_at = now_;
}

// A client that gets what it cannot read yet has lost the ServerHello: an empty ACK has it sent
// again soon (RFC 9147 §7.1).
void Channel::note_missed_epoch() {
  if (is_server_ || !work_ || inbound_.newest() != 0 || work_->sent_empty_ack ||
      version_ == wire::kDtls12 || !work_->outbox.awaits(Then::kAwaitAnswer)) {
    return;
  }
  make_sooner(work_->ack_at, now_ + kReordering);
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
  if (!work_->retransmit_at || work_->outbox.is_sending()) return std::nullopt;
  if (is_news || std::exchange(work_->may_hurry_unasked, false)) {
    make_sooner(work_->hurry_at, now_ + kReordering);
  }
  return std::nullopt;
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
  work_->acks.clear();
  inbound_.note_stray();
}

bool Channel::has_buffered() const {
  return work_ && !work_->reassembly.empty();
}

}  // namespace dtls::handshake
