// HelloCollector: room for the few ClientHellos that have to be put together before anything can be
// said to them, although their senders have proven nothing.
//
// Most fragmented hellos need none: a hello of DTLS 1.2 is answered when its first fragment has
// come, and so is any whose cookie is in there (CookieGate). What is left is the first hello of a
// client of DTLS 1.3, whose hash the HelloRetryRequest stands for, a second one whose cookie comes
// late, and any fragment that overtakes the first one of its hello.
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
// hellos of at most 4 KiB, 269 KiB together. A hello with a share of ML-KEM has about 1.7 KiB, one
// with two of them or a long ticket 3. Any fragment begins a hello, so anybody can fill the table
// without a proven address; the oldest hello makes room for the newest. A flood of fragments can
// therefore push out only a hello that has not come whole in the time that 64 of the flood take,
// and can do nothing else: no memory grows, and nothing is answered before a hello is whole.
class HelloCollector {
 public:
  static constexpr std::size_t kMost = 64;
  static constexpr std::size_t kMaxHello = 4096;
  // A client that gets no answer repeats its hello after 1, 2 and 4 s (RFC 9147 §5.8.2): until then
  // a fragment that was lost may come, and the fragments of two transmissions are joined. Later
  // another client may have the port.
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
    std::uint16_t length_ = 0;  // 0: the place is free
    std::uint8_t count_ = 0;
    std::array<Part, kMostParts> parts_{};  // in order, apart from each other
  };

  // add takes a fragment of a ClientHello that is not whole, whichever of its fragments it is. A
  // hello forgets its fragments when one contradicts them. Gives the hello that it belongs to;
  // null: the fragment was dropped.
  Hello* add(const Address& peer, const wire::HandshakeFragment& fragment, TimePoint now);
  // find gives the hello of which some fragments wait and to which one with that header belongs;
  // null: there is none.
  Hello* find(const Address& peer, const wire::HandshakeHeader& header, TimePoint now);
  static void forget(Hello& hello) { hello.length_ = 0; }

  // take gives what there is of a hello as one datagram of one record, with a fragment for each of
  // its parts: where it is complete, as its sender could have sent it whole. Forgets the hello.
  // Valid until the next take.
  std::span<std::byte> take(Hello& hello, std::uint64_t record_sequence);

 private:
  using Body = std::array<std::byte, kMaxHello>;
  static constexpr std::size_t kMostTaken =
      wire::kRecordHeaderSize + Hello::kMostParts * wire::kHandshakeHeaderSize + kMaxHello;

  struct Table {
    std::array<Hello, kMost> hellos;
    std::array<Body, kMost> bodies;
    std::array<std::byte, kMostTaken> taken;
  };

  Hello& room_for_one();
  bool contradicts(const Hello& hello, const wire::HandshakeFragment& fragment);
  std::span<std::byte> body_of(const Hello& hello);

  std::unique_ptr<Table> table_;
};

}  // namespace dtls::endpoint
