// The header of a handshake message fragment (RFC 6347 §4.2.2): twelve bytes, then the fragment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wire/reader.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {

// RFC 6347 §4.3.2 and RFC 9147 §5.2, in the order in which handshakes send them, and where a line
// says so.
enum class HandshakeType : std::uint8_t {
  kHelloRequest = 0,
  kClientHello = 1,
  kHelloVerifyRequest = 3,
  kServerHello = 2,
  kEncryptedExtensions = 8,
  kCertificate = 11,
  kCertificateStatus = 22,  // RFC 6066 §8
  kServerKeyExchange = 12,
  kCertificateRequest = 13,
  kServerHelloDone = 14,
  kCertificateVerify = 15,
  kClientKeyExchange = 16,
  kNewSessionTicket = 4,  // RFC 5077 §3.3
  kEndOfEarlyData = 5,    // DTLS 1.3 has none (RFC 9147 §5.6)
  kFinished = 20,
  kKeyUpdate = 24,
  kRequestConnectionId = 9,
  kNewConnectionId = 10,
  kMessageHash = 254,  // stands for a first ClientHello in the transcript (RFC 8446 §4.4.1)
};

inline constexpr std::size_t kHandshakeHeaderSize = 12;

struct HandshakeHeader {
  HandshakeType type{};      // as received: may be a value that HandshakeType does not name
  std::uint32_t length = 0;  // of the whole message, 24 bits
  std::uint16_t message_seq = 0;
  std::uint32_t fragment_offset = 0;
  std::uint32_t fragment_length = 0;

  [[nodiscard]] bool is_whole() const { return fragment_offset == 0 && fragment_length == length; }
};

struct HandshakeFragment {
  HandshakeHeader header;
  Bytes body;
};

// read_handshake takes the next fragment off the reader: a record may hold several.
// nullopt when it is cut short or reaches beyond the end of its own message.
std::optional<HandshakeFragment> read_handshake(Reader& reader);

// write_handshake_header appends the twelve bytes; the caller appends `fragment_length` more.
void write_handshake_header(Writer& writer, const HandshakeHeader& header);

}  // namespace dtls::wire
