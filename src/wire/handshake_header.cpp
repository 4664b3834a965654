#include "wire/handshake_header.hpp"

namespace dtls::wire {

std::optional<HandshakeFragment> read_handshake(Reader& reader) {
  HandshakeFragment fragment;
  HandshakeHeader& header = fragment.header;
  header.type = static_cast<HandshakeType>(reader.u8());
  header.length = reader.u24();
  header.message_seq = reader.u16();
  header.fragment_offset = reader.u24();
  header.fragment_length = reader.u24();
  fragment.body = reader.take(header.fragment_length);
  // Both are below 2^24: the sum does not wrap.
  if (!reader.ok() || header.fragment_offset + header.fragment_length > header.length) {
    return std::nullopt;
  }
  return fragment;
}

void write_handshake_header(Writer& writer, const HandshakeHeader& header) {
  writer.u8(static_cast<std::uint8_t>(header.type));
  writer.u24(header.length);
  writer.u16(header.message_seq);
  writer.u24(header.fragment_offset);
  writer.u24(header.fragment_length);
}

}  // namespace dtls::wire
