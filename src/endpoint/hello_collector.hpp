// HelloCollector: room for the few ClientHellos that have to be put together before anything can be
// said to them, although their senders have proven nothing.
//
// Most fragmented hellos need none: a hello of DTLS 1.2 is answered when its first fragment has
// come, and so is any whose cookie is in there (CookieGate). What is left is the first hello of a
// client of DTLS 1.3, whose hash the HelloRetryRequest stands for, and a second one whose cookie
// comes late.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dtls/address.hpp"
#include "dtls/time.hpp"
#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"

namespace dtls::endpoint {

// HelloCollector allocates once, with the first fragment that needs it, and nothing per peer: 64
// hellos of at most 4 KiB. A hello with a share of ML-KEM has about 1.7 KiB, one with two of them
// or a long ticket 3. Whose hello has been here longest makes room for the next one, so that a
// flood of first fragments can push out what has not come whole in the time that 64 of them take,
// and can do nothing else.
class HelloCollector {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMaxHello = 4096;
  // A client that gets no answer repeats its hello after 1, 2 and 4 s (RFC 9147 §5.8.2): until then
  // what it lacks may come. Then another client may have its port.
  static constexpr Duration kLife{10'000};

  class Hello {
   public:
    [[nodiscard]] bool complete() const {
      return count_ == 1 && parts_[0].begin == 0 && parts_[0].end == length_;
    }
    // asked is what its sender has sent for it, in bytes of datagrams.
    [[nodiscard]] std::size_t asked() const { return asked_; }
    void count_datagram(std::size_t size) { asked_ += size; }

   private:
    friend class HelloCollector;
    struct Part {
      std::uint16_t begin = 0;
      std::uint16_t end = 0;
    };
    // Fragments that come in order make one part, one that is overtaken two.
    static constexpr std::size_t kMostParts = 8;

    bool add(Part part);

    Address peer_;
    TimePoint since_;
    std::size_t asked_ = 0;
    std::uint16_t message_seq_ = 0;
    std::uint16_t length_ = 0;  // 0: nobody's
    std::uint8_t count_ = 0;
    std::array<Part, kMostParts> parts_{};  // in order, apart from each other
  };

  // add takes a fragment of a ClientHello that is not whole. Only the first one, at offset 0,
  // begins a hello, which forgets what contradicts it. Gives the hello that it belongs to; null: to
  // none.
  Hello* add(const Address& peer, const wire::HandshakeFragment& fragment, TimePoint now);
  // is_collecting: some of a hello of that peer is here.
  [[nodiscard]] bool is_collecting(const Address& peer, TimePoint now) const;

  // take gives a complete hello as one datagram of one record, as its sender could have sent it,
  // and forgets it. Valid until the next add.
  std::span<std::byte> take(Hello& hello, std::uint64_t record_sequence);

 private:
  static constexpr std::size_t kHeaders = wire::kRecordHeaderSize + wire::kHandshakeHeaderSize;

  struct Table {
    std::array<Hello, kMost> hellos;
    std::array<std::array<std::byte, kHeaders + kMaxHello>, kMost> datagrams;
  };

  Hello* find(const Address& peer, std::uint16_t message_seq);
  Hello& room_for(const Address& peer, std::uint16_t message_seq);
  bool contradicts(const Hello& hello, const wire::HandshakeFragment& fragment);
  std::span<std::byte> body_of(const Hello& hello);

  std::unique_ptr<Table> table_;
};

}  // namespace dtls::endpoint
