#include "record/inbound.hpp"

#include <algorithm>
#include <utility>

#include "wire/unified_header.hpp"

namespace dtls::record {
namespace {

// The number that ends in `low` and is closest to `expected` (RFC 9147 §4.2.2).
std::uint64_t reconstruct(std::uint64_t low, unsigned bits, std::uint64_t expected) {
  const std::uint64_t span = std::uint64_t{1} << bits;
  const std::uint64_t ahead = (low - expected) & (span - 1);
  const std::uint64_t number = expected + ahead;
  const bool is_behind = ahead > span / 2 && number >= span;
  return is_behind || number > kMaxSequence ? number - span : number;
}

// Whether the epoch of a record of DTLS 1.3 may follow: after the plaintext come those of the
// handshake and of application data (RFC 9147 §6.1), then one for each KeyUpdate.
bool comes_next(unsigned epoch_bits, std::uint64_t newest) {
  if (newest == 0) return epoch_bits >= 2;
  return epoch_bits == ((newest + 1) & 3U);
}

}  // namespace

void Inbound::install(std::uint64_t epoch, Protection protection) {
  epochs_.install({.number = epoch,
                   .forged = 0,
                   .max_plaintext = max_plaintext_,
                   .window = {},
                   .protection = std::move(protection)});
}

void Inbound::retire(std::uint64_t epoch) {
  if (epoch == 0) has_plain_ = false;
  epochs_.retire(epoch);
}

void Inbound::retire_below(std::uint64_t epoch) {
  if (epoch > 0) has_plain_ = false;
  epochs_.retire_below(epoch);
}

bool Inbound::has(std::uint64_t epoch) const {
  return epoch == 0 ? has_plain_ : epochs_.find(epoch) != nullptr;
}

void Inbound::set_max_plaintext(std::size_t size, std::uint64_t from_epoch) {
  max_plaintext_ = static_cast<std::uint16_t>(std::min(size, wire::kMaxPlaintext));
  for (Epoch& slot : epochs_) {
    if (slot.number >= from_epoch) slot.max_plaintext = max_plaintext_;
  }
}

bool Inbound::key_wears_out() const {
  const Epoch* const slot = epochs_.find(newest());
  return slot != nullptr && slot->forged >= slot->protection.limits().forged / 2;
}

bool Inbound::take_missed_epoch() {
  return std::exchange(missed_epoch_, false);
}

std::optional<InboundRecord> Inbound::next() {
  while (!rest_.empty()) {
    auto record = wire::has_unified_header(rest_[0]) ? next_unified() : next_plain_form();
    if (record) return record;
  }
  return std::nullopt;
}

std::optional<InboundRecord> Inbound::next_plain_form() {
  wire::Reader reader(rest_);
  const auto record = wire::read_record(reader);
  if (!record) {  // where the next one would begin is not known either
    ++discarded_.malformed;
    rest_ = {};
    return std::nullopt;
  }
  const auto whole = rest_.first(wire::kRecordHeaderSize + record->header.length);
  const auto fragment = whole.subspan(wire::kRecordHeaderSize);
  rest_ = rest_.subspan(whole.size());

  const wire::RecordHeader& header = record->header;
  if (header.epoch == 0) return open_plaintext(header, fragment);
  Epoch* epoch = epochs_.find(header.epoch);
  if (epoch == nullptr || epoch->protection.form() != Protection::Form::kTls12) {
    return without_keys(epoch == nullptr && header.epoch == newest() + 1, whole);
  }
  if (version_ != 0 && header.version != version_) {
    ++discarded_.malformed;
    return std::nullopt;
  }
  if (!epoch->window.accepts(header.sequence)) {
    ++discarded_.replayed;
    return std::nullopt;
  }
  return judge(*epoch, header.sequence,
               epoch->protection.open_tls12(header, fragment, epoch->max_plaintext));
}

std::optional<InboundRecord> Inbound::without_keys(bool is_early, std::span<std::byte> whole) {
  ++discarded_.unknown_epoch;
  if (!is_early) return std::nullopt;
  return EarlyRecord{whole};
}

std::optional<InboundRecord> Inbound::open_plaintext(const wire::RecordHeader& header,
                                                     std::span<std::byte> fragment) {
  if (!has_plain_) {
    ++discarded_.unknown_epoch;
    return std::nullopt;
  }
  if (fragment.size() > wire::kMaxPlaintext) {  // nobody's signature stands under this one
    ++discarded_.malformed;
    return std::nullopt;
  }
  // No replay window: without authentication anybody could move it (RFC 6347 §4.1.2.6).
  return OpenedRecord{.type = header.type,
                      .number = {.epoch = 0, .sequence = header.sequence},
                      .content = fragment};
}

std::optional<InboundRecord> Inbound::next_unified() {
  wire::Reader reader(rest_);
  const auto record = wire::read_unified_record(reader);
  if (!record) {  // where the next one would begin is not known either
    ++discarded_.malformed;
    rest_ = {};
    return std::nullopt;
  }
  const auto whole = rest_.first(record->header.size() + record->ciphertext.size());
  const auto header = whole.first(record->header.size());
  const auto sealed = whole.subspan(header.size());
  rest_ = rest_.subspan(whole.size());

  Epoch* epoch = nullptr;
  for (Epoch& slot : epochs_) {  // RFC 9147 §4.2.2: the newest that the two bits fit
    if ((slot.number & 3U) == record->epoch_bits &&
        slot.protection.form() == Protection::Form::kTls13 &&
        (epoch == nullptr || slot.number > epoch->number)) {
      epoch = &slot;
    }
  }
  if (epoch == nullptr) {
    missed_epoch_ = true;
    return without_keys(comes_next(record->epoch_bits, newest()), whole);
  }
  const auto number_bytes = header.subspan(record->sequence_at, record->sequence_size);
  if (!epoch->protection.unmask(number_bytes, sealed)) {
    ++discarded_.malformed;
    return std::nullopt;
  }
  std::uint64_t low = 0;
  for (const std::byte byte : number_bytes)
    low = low << 8U | std::to_integer<unsigned>(byte);
  const std::uint64_t sequence = reconstruct(low, 8U * record->sequence_size, epoch->window.next());
  if (!epoch->window.accepts(sequence)) {
    ++discarded_.replayed;
    return std::nullopt;
  }
  return judge(*epoch, sequence,
               epoch->protection.open_tls13(sequence, header, sealed, epoch->max_plaintext));
}

std::optional<InboundRecord> Inbound::judge(Epoch& epoch, std::uint64_t sequence,
                                            const Protection::Opened& opened) {
  if (opened.verdict == Protection::Verdict::kForged) {
    ++discarded_.forged;
    if (epoch.number == newest() && epoch.window.next() == 0) unreadable_ = true;
    if (++epoch.forged < epoch.protection.limits().forged) return std::nullopt;
    if (epoch.number == newest()) {
      key_is_worn_ = true;
    } else {
      retire(epoch.number);
    }
    return std::nullopt;
  }
  epoch.window.update(sequence);
  unreadable_ = false;
  if (opened.verdict == Protection::Verdict::kOverlong) {  // RFC 8446 §5.2, RFC 8449 §4
    return FatalRecord{.alert = wire::AlertDescription::kRecordOverflow,
                       .what = "a record is longer than allowed"};
  }
  if (opened.verdict == Protection::Verdict::kTypeless) {  // RFC 8446 §5.4
    return FatalRecord{.alert = wire::AlertDescription::kUnexpectedMessage,
                       .what = "a record holds nothing but padding"};
  }
  return OpenedRecord{.type = opened.type,
                      .number = {.epoch = epoch.number, .sequence = sequence},
                      .content = opened.content};
}

}  // namespace dtls::record
