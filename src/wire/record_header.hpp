// DTLSPlaintext and DTLSCiphertext of DTLS 1.2 (RFC 6347 §4.1): thirteen bytes, then the fragment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wire/reader.hpp"
#include "wire/version.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {

// RFC 5246 §6.2.1, and where a line says so.
enum class ContentType : std::uint8_t {
  kChangeCipherSpec = 20,
  kAlert = 21,
  kHandshake = 22,
  kApplicationData = 23,
  kHeartbeat = 24,  // RFC 6520 §3; only named, not spoken here
  kTls12Cid = 25,   // RFC 9146 §4
  kAck = 26,        // RFC 9147 §7
};

inline constexpr std::size_t kRecordHeaderSize = 13;
inline constexpr std::size_t kMaxPlaintext = 1U << 14U;              // RFC 5246 §6.2.1
inline constexpr std::size_t kMaxCiphertext = kMaxPlaintext + 2048;  // RFC 5246 §6.2.3

struct RecordHeader {
  ContentType type{};  // as received: may be a value that ContentType does not name
  Version version = 0;
  std::uint16_t epoch = 0;
  std::uint64_t sequence = 0;  // 48 bits
  std::uint16_t length = 0;    // of the fragment that follows
};

struct Record {
  RecordHeader header;
  Bytes fragment;
};

// read_record takes the next record off the reader. nullopt, and a reader of no more use,
// when the header is cut short, its version is not DTLS, or the fragment is longer than
// what is left or than any record may be. The content type and epoch are not judged.
std::optional<Record> read_record(Reader& reader);

// write_record_header appends the thirteen bytes; the caller appends `length` more.
void write_record_header(Writer& writer, const RecordHeader& header);

}  // namespace dtls::wire
