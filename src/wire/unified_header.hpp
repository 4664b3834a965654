// The header of DTLSCiphertext in DTLS 1.3 (RFC 9147 §4):
//
//    0 1 2 3 4 5 6 7
//   +-+-+-+-+-+-+-+-+
//   |0|0|1|C|S|L|E E|   then connection id (C), sequence number of 8 or 16 bits (S), length (L)
//   +-+-+-+-+-+-+-+-+
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wire/reader.hpp"
#include "wire/record_header.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {

inline constexpr std::size_t kMaxCiphertext13 = kMaxPlaintext + 256;  // RFC 8446 §5.2
inline constexpr std::size_t kMaxConnectionId = 255;                  // RFC 9146 §3

// has_unified_header asks the first byte of a record: else it is DTLSPlaintext (RFC 9147 §4.1).
constexpr bool has_unified_header(std::byte first) {
  return (first & std::byte{0xe0}) == std::byte{0x20};
}

// UnifiedRecord is a view into the datagram.
struct UnifiedRecord {
  Bytes header;  // all of it, the additional data of the AEAD once the number is in the clear
  Bytes connection_id;             // empty: there is none
  std::uint8_t epoch_bits = 0;     // the low two of the epoch
  std::uint16_t sequence_at = 0;   // where in the header the sequence number is,
  std::uint8_t sequence_size = 0;  // in 1 or 2 bytes, encrypted (RFC 9147 §4.2.3)
  bool has_length = false;         // without, the record reaches to the datagram's end
  Bytes ciphertext;                // may be too short to be deprotected
};

// read_unified_record takes the next record off the reader. `id_size` is that of the connection
// ids that we have asked the peer for, 0 if none. nullopt, and a reader of no more use, when the
// header is no unified one, carries an id that we did not ask for, is cut short, or the ciphertext
// is longer than what is left or than any may be. A record without an id is read in any case.
std::optional<UnifiedRecord> read_unified_record(Reader& reader, std::size_t id_size = 0);

// What write_unified_header writes: the sequence number always in 16 bits.
struct UnifiedHeader {
  std::uint64_t epoch = 0;     // of which two bits are sent
  std::uint64_t sequence = 0;  // of which 16 bits are sent, yet to be encrypted
  std::optional<std::uint16_t> length;
};

inline constexpr std::size_t kUnifiedSequenceAt = 1;  // in what write_unified_header writes

constexpr std::size_t unified_header_size(bool with_length) {
  return with_length ? 5 : 3;
}

void write_unified_header(Writer& writer, const UnifiedHeader& header);

}  // namespace dtls::wire
