// Outbox: outgoing messages until the peer has them, cut to fragments, each in a record of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "handshake/flight/byte_set.hpp"
#include "record/outbound.hpp"
#include "wire/handshake_header.hpp"
#include "wire/reader.hpp"

namespace dtls::handshake {

// Then says what becomes of a flight after it was sent.
enum class Then : std::uint8_t {
  kAwaitAnswer,  // sent again until the peer answers (or, in DTLS 1.3, all of it is ACKed)
  kLast,         // DTLS 1.2: sent again only when the peer repeats its own last flight
  kAwaitAck,     // DTLS 1.3: sent again until ACKed; several such flights may be under way
};

// Outbox holds one flight, or several that await ACKs. Messages are added, released together, and
// then written from the first byte that is not acknowledged to the last; rewind begins again.
class Outbox {
 public:
  // Acknowledgements of older records are not recognized. A flight of 64 records is a certificate
  // chain of 64 KiB; where one is longer, some of it is sent twice.
  static constexpr std::size_t kRemembered = 64;

  // pack_fragments: see ChannelSettings::packs_fragments.
  void pack_fragments(bool packs) { packs_ = packs; }
  wire::Bytes add_message(wire::HandshakeType type, std::uint16_t seq, wire::Bytes body,
                          std::uint64_t epoch);
  void add_change_cipher_spec(std::uint64_t epoch);
  // release gives everything added since to write_record.
  void release(Then then);

  // forget drops the messages that wait for `then`, drop_acked those that are acknowledged.
  void forget(Then then);
  void drop_acked();
  void clear();

  [[nodiscard]] bool empty() const { return messages_.empty(); }
  // awaits is true when a released message waits for `then`.
  [[nodiscard]] bool awaits(Then then) const;
  [[nodiscard]] bool is_acked(std::uint16_t seq) const;
  // last_epoch is that of the message added last; 0 when there is none.
  [[nodiscard]] std::uint64_t last_epoch() const;

  [[nodiscard]] bool is_sending() const { return cursor_ < released_; }
  void rewind();

  // write_record writes the next record and gives its size; 0 when nothing is left or not enough
  // room. With `remember` ACKs for it will be recognized.
  std::size_t write_record(record::Outbound& records, std::span<std::byte> out, bool remember);
  // acknowledge marks what the record carried; false when it is not remembered or changes nothing.
  bool acknowledge(record::RecordNumber number);

 private:
  struct Message {
    std::vector<std::byte> raw;  // header and body; empty: ChangeCipherSpec
    ByteSet acked;               // of the body; of one byte for the header of an empty one
    std::uint64_t epoch = 0;
    std::uint16_t seq = 0;
    Then then = Then::kAwaitAnswer;

    [[nodiscard]] bool is_change_cipher_spec() const { return raw.empty(); }
    [[nodiscard]] std::size_t body_size() const { return raw.size() - wire::kHandshakeHeaderSize; }
    [[nodiscard]] bool is_done() const { return !is_change_cipher_spec() && acked.complete(); }
  };
  // What a record carried: from a byte of one message to one of the same or a later message.
  // Between them nothing was missing that had not been acknowledged before.
  struct Sent {
    record::RecordNumber number;
    std::size_t begin = 0;
    std::size_t end = 0;
    std::uint16_t first = 0;
    std::uint16_t last = 0;
  };

  template <typename Drops>
  void drop(Drops drops);
  std::size_t write_change_cipher_spec(record::Outbound& records, std::span<std::byte> out);
  std::size_t gather(std::uint64_t epoch, std::span<std::byte> content, Sent& sent, bool packs);
  std::size_t gather_message(const Message& message, std::span<std::byte> content, Sent& sent,
                             bool packs);
  void skip_done();
  void use_epoch_at_hand(Message& message, const record::Outbound& records);

  std::vector<Message> messages_;
  std::deque<Sent> sent_;
  std::size_t released_ = 0;
  std::size_t cursor_ = 0;  // message to be written next, and where in its body
  std::size_t offset_ = 0;
  bool packs_ = false;
};

}  // namespace dtls::handshake
