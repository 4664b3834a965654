#include "wire/hello_verify_request.hpp"

namespace dtls::wire {

std::size_t write_hello_verify_request(std::span<std::byte> out, HelloPosition answered,
                                       Bytes cookie) {
  if (cookie.size() > kMaxCookie) {
    return 0;
  }
  const std::size_t datagram_size = hello_verify_request_size(cookie.size());
  const std::size_t message_size = datagram_size - kRecordHeaderSize;
  const auto body_size = static_cast<std::uint32_t>(message_size - kHandshakeHeaderSize);

  Writer writer(out);
  // RFC 6347 §4.2.1: a server SHOULD name DTLS 1.0 here whatever it will negotiate; the
  // clause that asks for the ServerHello's version cannot be met before there is one. The
  // record says the same, like the records of a first ClientHello.
  write_record_header(writer, {.type = ContentType::kHandshake,
                               .version = kDtls10,
                               .epoch = 0,
                               .sequence = answered.record_sequence,
                               .length = static_cast<std::uint16_t>(message_size)});
  write_handshake_header(writer, {.type = HandshakeType::kHelloVerifyRequest,
                                  .length = body_size,
                                  .message_seq = answered.message_seq,
                                  .fragment_offset = 0,
                                  .fragment_length = body_size});
  writer.u16(kDtls10);
  writer.u8(static_cast<std::uint8_t>(cookie.size()));
  writer.bytes(cookie);
  return writer.written();
}

std::optional<Bytes> parse_hello_verify_request(Bytes body) {
  Reader reader(body);
  const Version server_version = reader.u16();
  const Bytes cookie = reader.vector8(0, kMaxCookie);
  if (!reader.finished() || !is_dtls(server_version)) {
    return std::nullopt;
  }
  return cookie;
}

}  // namespace dtls::wire
