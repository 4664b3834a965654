#include "unit/wire/hello_bytes.hpp"

#include <algorithm>
#include <charconv>

#include "wire/client_hello.hpp"
#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"

namespace dtls::test {

Datagram from_hex(std::string_view hex) {
  Datagram bytes;
  for (; hex.size() >= 2; hex.remove_prefix(2)) {
    std::uint8_t value = 0;
    std::from_chars(hex.data(), hex.data() + 2, value, 16);
    bytes.push_back(std::byte{value});
  }
  return bytes;
}

Datagram frame_hello(std::span<const std::byte> body, std::uint64_t record_sequence,
                     std::uint16_t message_seq) {
  const auto body_size = static_cast<std::uint32_t>(body.size());
  Datagram datagram(wire::kRecordHeaderSize + wire::kHandshakeHeaderSize + body.size());
  wire::Writer writer(datagram);
  wire::write_record_header(
      writer, {.type = wire::ContentType::kHandshake,
               .version = wire::kDtls10,
               .epoch = 0,
               .sequence = record_sequence,
               .length = static_cast<std::uint16_t>(wire::kHandshakeHeaderSize + body_size)});
  wire::write_handshake_header(writer, {.type = wire::HandshakeType::kClientHello,
                                        .length = body_size,
                                        .message_seq = message_seq,
                                        .fragment_offset = 0,
                                        .fragment_length = body_size});
  writer.bytes(body);
  return datagram;
}

Datagram shortest_hello() {
  Datagram body = from_hex("fefd");
  body.resize(body.size() + wire::kRandomSize, std::byte{0x5a});
  const Datagram rest = from_hex(
      "00"
      "00"
      "0002c02b"
      "0100");
  body.insert(body.end(), rest.begin(), rest.end());
  return frame_hello(body);
}

bool is_whole_hello(std::span<const std::byte> datagram) {
  wire::Reader records(datagram);
  const auto record = wire::read_record(records);
  wire::Reader messages(record ? record->fragment : wire::Bytes());
  const auto message = wire::read_handshake(messages);
  return message && message->header.type == wire::HandshakeType::kClientHello &&
         message->header.is_whole();
}

Datagram with_cookie(std::span<const std::byte> datagram, std::span<const std::byte> cookie) {
  wire::Reader records(datagram);
  const auto record = wire::read_record(records).value();
  wire::Reader messages(record.fragment);
  const auto message = wire::read_handshake(messages).value();
  const auto hello = wire::parse_client_hello(message.body).value();

  Datagram body(hello.before_cookie.begin(), hello.before_cookie.end());
  body.push_back(static_cast<std::byte>(cookie.size()));
  body.insert(body.end(), cookie.begin(), cookie.end());
  const auto rest = message.body.subspan(hello.before_cookie.size() + 1 + hello.cookie.size());
  body.insert(body.end(), rest.begin(), rest.end());
  return frame_hello(body, record.header.sequence + 1,
                     static_cast<std::uint16_t>(message.header.message_seq + 1));
}

}  // namespace dtls::test
