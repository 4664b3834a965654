// Outbound: seals records, each with the keys and the next sequence number of its epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "record/epochs.hpp"
#include "record/protection.hpp"
#include "record/record_number.hpp"
#include "wire/record_header.hpp"
#include "wire/version.hpp"

namespace dtls::record {

// Outbound holds the write side: epoch 0 and up to two epochs with keys.
class Outbound {
 public:
  // bound_keys has every key to come protect at most so many records of full size; 0, default: as
  // many as its algorithm allows.
  void bound_keys(std::uint32_t records) { most_records_ = records; }
  // install adds the keys of an epoch; where there is no room the oldest goes.
  void install(std::uint64_t epoch, Protection protection);
  void retire(std::uint64_t epoch);
  void retire_below(std::uint64_t epoch);
  [[nodiscard]] std::uint64_t newest() const { return epochs_.newest(); }
  [[nodiscard]] bool has(std::uint64_t epoch) const;

  // continue_from sets the next sequence number of an epoch: for who goes on where another stopped,
  // as a server does that has answered a first hello without state (RFC 6347 §4.2.1). The numbers
  // before count as records of full size.
  void continue_from(std::uint64_t epoch, std::uint64_t sequence);

  // overhead is what a record of the epoch has beyond its content, prefix what stands before it;
  // both 0 for an epoch that is not installed.
  [[nodiscard]] std::size_t overhead(std::uint64_t epoch) const;
  [[nodiscard]] std::size_t prefix(std::uint64_t epoch) const;

  // set_max_plaintext bounds the content of records that are protected by the keys of `from_epoch`
  // or later ones, installed already or not (RFC 8449 §4); at most 2^14, default. It is for callers
  // to ask max_plaintext for it.
  void set_max_plaintext(std::size_t size, std::uint64_t from_epoch);
  [[nodiscard]] std::size_t max_plaintext(std::uint64_t epoch) const;

  // seal writes one record and gives its size. 0, and no number used, when the epoch is not
  // installed, its numbers or its key are used up, `out` is too small, or libcrypto fails.
  // `content` may lie in `out`, prefix(epoch) bytes from its front.
  std::size_t seal(std::uint64_t epoch, wire::ContentType type, wire::Bytes content,
                   std::span<std::byte> out);
  // last is the number of the record sealed last.
  [[nodiscard]] RecordNumber last() const { return last_; }

  // needs_rekey is true when the newest epoch's key has done most of what it may (RFC 9147 §4.5.3):
  // time for a KeyUpdate, or, in DTLS 1.2, for the end.
  [[nodiscard]] bool needs_rekey() const;

  // leave_thread: see crypto::CipherKey.
  void leave_thread() const noexcept {
    for (const Epoch& epoch : epochs_)
      epoch.protection.leave_thread();
  }

 private:
  struct Epoch {
    std::uint64_t number = 0;
    std::uint64_t next_sequence = 0;
    std::uint64_t blocks_left = 0;  // that the key may still protect
    std::uint16_t max_plaintext = wire::kMaxPlaintext;
    Protection protection;
  };

  [[nodiscard]] std::uint64_t blocks_of(const Protection& protection) const;

  Epochs<Epoch> epochs_;
  std::uint64_t plain_sequence_ = 0;
  RecordNumber last_;
  std::uint16_t max_plaintext_ = wire::kMaxPlaintext;  // of keys to come
  std::uint32_t most_records_ = 0;
  bool has_plain_ = true;
};

}  // namespace dtls::record
