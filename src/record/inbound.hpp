// Inbound: the records of a datagram, one after the other, each opened with the keys of its epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <variant>

#include "record/epochs.hpp"
#include "record/protection.hpp"
#include "record/record_number.hpp"
#include "record/replay_window.hpp"
#include "wire/numbers.hpp"
#include "wire/record_header.hpp"
#include "wire/version.hpp"

namespace dtls::record {

struct OpenedRecord {
  wire::ContentType type{};  // as received: may be a value that ContentType does not name
  RecordNumber number;
  std::span<std::byte> content;  // in the datagram, until the next begin
};

// A record that is authentic, but breaks the protocol: the association ends with `alert`.
struct FatalRecord {
  wire::AlertDescription alert{};
  const char* what = "";
};

// A record of an epoch that comes after the newest one: it has overtaken what its keys follow from.
struct EarlyRecord {
  std::span<std::byte> whole;  // with its header, as it came; in the datagram
};

using InboundRecord = std::variant<OpenedRecord, FatalRecord, EarlyRecord>;

// Inbound holds the read side: epoch 0 and up to two epochs with keys. Two are enough: the
// handshake's and the first of application data, later the current one and the one before it.
class Inbound {
 public:
  // Why records were discarded. Noise is counted and never answered (RFC 6347 §4.1.2.7).
  struct Discarded {
    std::uint32_t malformed = 0;  // no header, a wrong version, longer than any record may be
    std::uint32_t unknown_epoch = 0;
    std::uint32_t replayed = 0;
    std::uint32_t forged = 0;
    std::uint32_t stray = 0;  // authentic or without keys, but of no use: see note_stray
  };

  // install adds the keys of an epoch; where there is no room the oldest goes.
  void install(std::uint64_t epoch, Protection protection);
  // retire forgets an epoch (also epoch 0), retire_below all before `epoch`.
  void retire(std::uint64_t epoch);
  void retire_below(std::uint64_t epoch);
  // newest gives the highest epoch installed.
  [[nodiscard]] std::uint64_t newest() const { return epochs_.newest(); }
  [[nodiscard]] bool has(std::uint64_t epoch) const;

  // expect_version fixes what the header of a DTLS 1.2 record with keys must say; {254, x} before.
  void expect_version(wire::Version version) { version_ = version; }
  // set_max_plaintext bounds the content of records that are protected by the keys of `from_epoch`
  // or later ones, installed already or not (RFC 8449 §4); at most 2^14, default.
  void set_max_plaintext(std::size_t size, std::uint64_t from_epoch = 0);

  // begin takes a datagram, whose records next() gives one by one, decrypted in place. Keys that
  // are installed in between hold for the records that are still to come.
  void begin(std::span<std::byte> datagram) { rest_ = datagram; }
  // take_rest gives the records of the datagram that next() has not come to, which are then
  // dropped.
  std::span<std::byte> take_rest() { return std::exchange(rest_, {}); }
  std::optional<InboundRecord> next();
  [[nodiscard]] bool has_rest() const { return !rest_.empty(); }

  [[nodiscard]] const Discarded& discarded() const { return discarded_; }
  // note_stray counts a record that next() gave, but that is of a type or at a time that is
  // nobody's: only who knows the handshake can tell.
  void note_stray() { ++discarded_.stray; }
  // take_missed_epoch is true once after a record of DTLS 1.3's form came whose epoch has no keys.
  bool take_missed_epoch();
  // take_unreadable is true once after a record came under the newest keys that could not be
  // opened, unless another one under them could.
  bool take_unreadable() { return std::exchange(unreadable_, false); }
  // key_wears_out is true when the newest epoch has seen half of the forgeries that its key allows:
  // time to ask the peer for new ones. key_is_worn is true when it has seen them all: the
  // association must be closed. An older epoch is dropped then (RFC 9147 §4.5.3).
  [[nodiscard]] bool key_wears_out() const;
  [[nodiscard]] bool key_is_worn() const { return key_is_worn_; }

  // leave_thread: see crypto::CipherKey.
  void leave_thread() const noexcept {
    for (const Epoch& epoch : epochs_)
      epoch.protection.leave_thread();
  }

 private:
  struct Epoch {
    std::uint64_t number = 0;
    std::uint64_t forged = 0;
    std::uint16_t max_plaintext = wire::kMaxPlaintext;
    ReplayWindow window;
    Protection protection;
  };

  std::optional<InboundRecord> next_record();
  std::optional<InboundRecord> next_plain_form();
  std::optional<InboundRecord> next_unified();
  std::optional<InboundRecord> judge(Epoch& epoch, std::uint64_t sequence,
                                     const Protection::Opened& opened);
  std::optional<InboundRecord> open_plaintext(const wire::RecordHeader& header,
                                              std::span<std::byte> fragment);
  std::optional<InboundRecord> without_keys(bool is_early, std::span<std::byte> whole);

  std::span<std::byte> rest_;
  Epochs<Epoch> epochs_;
  Discarded discarded_;
  wire::Version version_ = 0;                          // 0: not told yet
  std::uint16_t max_plaintext_ = wire::kMaxPlaintext;  // of keys to come
  bool has_plain_ = true;
  bool missed_epoch_ = false;
  bool unreadable_ = false;
  bool key_is_worn_ = false;
};

}  // namespace dtls::record
