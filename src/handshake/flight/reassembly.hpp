// Reassembly: fragments in any order become messages in order (RFC 6347 §4.2.3, RFC 9147 §5.5).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "handshake/flight/byte_set.hpp"
#include "wire/handshake_header.hpp"
#include "wire/reader.hpp"

namespace dtls::handshake {

// A message of which at least one fragment has come.
struct IncomingMessage {
  wire::HandshakeHeader header;  // as if it were one fragment
  std::uint64_t epoch = 0;
  std::vector<std::byte> raw;  // header and body, as far as a fragment has come
  ByteSet received;
  bool is_followed = false;  // a record of it also had something of a later message
  std::size_t judged = 0;    // bytes at the front of the body that no other fragment may change

  [[nodiscard]] bool complete() const { return received.complete(); }
  // fill adds a part of the body; false, and nothing of it kept, where it contradicts what is
  // there.
  bool fill(std::size_t offset, wire::Bytes part);
  // contradicts tells whether a part has other bytes than what came before, up to `end`.
  [[nodiscard]] bool contradicts(std::size_t offset, wire::Bytes part, std::size_t end) const;
  // forget drops all of the body but what was judged.
  void forget();
};

// Reassembly holds the messages from the next one expected on, which its owner counts.
class Reassembly {
 public:
  // The longest flight has 7 messages (ServerHello to ServerHelloDone with everything optional);
  // the next flight begins only after our answer.
  static constexpr std::uint32_t kWindow = 7;
  // Bytes of messages that may wait for an earlier one. What does not fit is dropped, as if lost,
  // and comes again; so a peer can make us hold max_message and this, no more.
  static constexpr std::size_t kMaxAhead = std::size_t{16} * 1024;
  // A fragment may end this far beyond twice what has come of its message, so that what is held
  // grows with what has arrived, not with what a fragment claims. A lost fragment's gap is smaller.
  static constexpr std::size_t kMaxGap = std::size_t{16} * 1024;

  enum class Added : std::uint8_t {
    kInOrder,
    kWithGap,   // it is not the next piece of the next message
    kDropped,   // too far ahead, too much ahead: must not be acknowledged
    kReplaced,  // of epoch 0, and of another type, length or content than an earlier fragment of
                // the message, which it has replaced
    kMismatch,  // likewise, but of an epoch with keys, or against what was judged: nothing changed
  };

  // add takes a fragment whose message_seq is at least `next`. Without keys one of two fragments
  // that contradict each other is forged, and nothing tells which: the newer one is kept, because
  // the peer repeats the genuine one. With `is_judged` the first fragment of a message stays for
  // good: the endpoint has verified the cookie in it. max_ahead bounds the bytes of messages that
  // wait for an earlier one.
  Added add(std::uint32_t next, const wire::HandshakeFragment& fragment, std::uint64_t epoch,
            bool is_judged = false, std::size_t max_ahead = kMaxAhead);
  // mark_followed notes that fragments of a message with a higher number came behind in one record.
  void mark_followed(std::uint32_t seq);

  // take gives message `next` if it is complete, and forgets it.
  std::unique_ptr<IncomingMessage> take(std::uint32_t next);
  [[nodiscard]] bool has_complete(std::uint32_t next) const;
  [[nodiscard]] bool empty() const;
  [[nodiscard]] std::size_t held_bytes() const;
  void clear();
  // drop_below forgets what came in an epoch before `epoch`.
  void drop_below(std::uint64_t epoch);

 private:
  using Slot = std::unique_ptr<IncomingMessage>;
  [[nodiscard]] const Slot& slot(std::uint32_t seq) const { return slots_[seq % kWindow]; }
  Slot& slot(std::uint32_t seq) { return slots_[seq % kWindow]; }
  [[nodiscard]] std::size_t bytes_beyond(std::uint32_t next) const;

  std::array<Slot, kWindow> slots_;
};

}  // namespace dtls::handshake
