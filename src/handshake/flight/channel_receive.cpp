// Channel's way in, first part: from datagrams to opened records, and to whom they go.
#include <utility>

#include "handshake/flight/channel.hpp"
#include "handshake/flight/channel_work.hpp"
#include "record/record_number.hpp"

namespace dtls::handshake {

using wire::AlertDescription;

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

std::size_t Channel::held_bytes() const {
  return work_ ? work_->reassembly.held_bytes() + work_->held.held_bytes() : 0;
}

void Channel::note_unreadable() {
  if (version_ == wire::kDtls12 && work_) work_->unreadable.note(now_);
}

unsigned Channel::unreadable_flights() const {
  return work_ ? work_->unreadable.count() : 0;
}

}  // namespace dtls::handshake
