#include "record/outbound.hpp"

#include <algorithm>
#include <utility>

namespace dtls::record {

void Outbound::install(std::uint64_t epoch, Protection protection) {
  const std::uint64_t blocks = blocks_of(protection);
  epochs_.install({.number = epoch,
                   .next_sequence = 0,
                   .blocks_left = blocks,
                   .max_plaintext = max_plaintext_,
                   .protection = std::move(protection)});
}

// What one key may protect in all.
std::uint64_t Outbound::blocks_of(const Protection& protection) const {
  const std::uint64_t most = protection.limits().sealed;
  const std::uint64_t records =
      most_records_ == 0 ? most : std::min<std::uint64_t>(most, most_records_);
  return records * Protection::kBlocksOfFullRecord;
}

void Outbound::set_max_plaintext(std::size_t size, std::uint64_t from_epoch) {
  max_plaintext_ = static_cast<std::uint16_t>(std::min(size, wire::kMaxPlaintext));
  for (Epoch& slot : epochs_) {
    if (slot.number >= from_epoch) slot.max_plaintext = max_plaintext_;
  }
}

std::size_t Outbound::max_plaintext(std::uint64_t epoch) const {
  const Epoch* slot = epoch == 0 ? nullptr : epochs_.find(epoch);
  return slot == nullptr ? wire::kMaxPlaintext : slot->max_plaintext;
}

void Outbound::continue_from(std::uint64_t epoch, std::uint64_t sequence) {
  if (epoch == 0) plain_sequence_ = sequence;
  Epoch* const slot = epochs_.find(epoch);
  if (slot == nullptr) return;
  slot->next_sequence = sequence;
  const std::uint64_t blocks = blocks_of(slot->protection);
  slot->blocks_left = blocks - std::min(blocks, sequence * Protection::kBlocksOfFullRecord);
}

void Outbound::retire(std::uint64_t epoch) {
  if (epoch == 0) has_plain_ = false;
  epochs_.retire(epoch);
}

void Outbound::retire_below(std::uint64_t epoch) {
  if (epoch > 0) has_plain_ = false;
  epochs_.retire_below(epoch);
}

bool Outbound::has(std::uint64_t epoch) const {
  return epoch == 0 ? has_plain_ : epochs_.find(epoch) != nullptr;
}

std::size_t Outbound::overhead(std::uint64_t epoch) const {
  if (epoch == 0) return has_plain_ ? wire::kRecordHeaderSize : 0;
  const Epoch* slot = epochs_.find(epoch);
  return slot != nullptr ? slot->protection.overhead() : 0;
}

std::size_t Outbound::prefix(std::uint64_t epoch) const {
  if (epoch == 0) return has_plain_ ? wire::kRecordHeaderSize : 0;
  const Epoch* slot = epochs_.find(epoch);
  return slot != nullptr ? slot->protection.prefix() : 0;
}

std::size_t Outbound::seal(std::uint64_t epoch, wire::ContentType type, wire::Bytes content,
                           std::span<std::byte> out) {
  if (epoch == 0) {
    if (!has_plain_ || plain_sequence_ > kMaxSequence) return 0;
    const RecordNumber number{.epoch = 0, .sequence = plain_sequence_};
    const std::size_t size = Protection().seal(number, wire::kDtls12, type, content, out);
    if (size > 0) {
      ++plain_sequence_;
      last_ = number;
    }
    return size;
  }
  Epoch* const slot = epochs_.find(epoch);
  if (slot == nullptr || slot->next_sequence > kMaxSequence) return 0;
  const std::uint64_t blocks = slot->protection.blocks(content.size());
  if (slot->blocks_left < blocks) return 0;
  const RecordNumber number{.epoch = epoch, .sequence = slot->next_sequence};
  const std::size_t size = slot->protection.seal(number, wire::kDtls12, type, content, out);
  if (size > 0) {
    ++slot->next_sequence;
    slot->blocks_left -= blocks;
    last_ = number;
  }
  return size;
}

bool Outbound::needs_rekey() const {
  const Epoch* slot = epochs_.find(newest());
  if (slot == nullptr) return false;
  // An eighth is left for the KeyUpdate and for what is sent until it is ACKed, or for the alert.
  // No key bears more records than there are numbers.
  return slot->blocks_left < blocks_of(slot->protection) / 8;
}

}  // namespace dtls::record
