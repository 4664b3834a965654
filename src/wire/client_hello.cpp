#include "wire/client_hello.hpp"

#include <algorithm>

#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"

namespace dtls::wire {
namespace {

constexpr std::size_t kMaxSessionId = 32;
constexpr std::uint8_t kNullCompression = 0;

// What stands before the extensions.
ClientHello read_head(Bytes body, Reader& reader) {
  ClientHello hello;
  const auto position = [&] { return body.size() - reader.remaining(); };
  hello.legacy_version = reader.u16();
  hello.random = reader.take(kRandomSize);
  hello.session_id = reader.vector8(0, kMaxSessionId);
  const std::size_t cookie_begin = position();
  hello.cookie = reader.vector8(0, kMaxCookie);
  const std::size_t cookie_end = position();
  hello.cipher_suites = reader.vector16(2, 0xfffe);
  hello.compression_methods = reader.vector8(1, 0xff);
  if (!reader.ok()) return hello;
  hello.before_cookie = body.first(cookie_begin);
  hello.after_cookie = body.subspan(cookie_end, position() - cookie_end);
  return hello;
}

// The first fragment of a datagram, if it is of a ClientHello in epoch 0.
std::optional<HandshakeFragment> peek_fragment(Bytes datagram) {
  Reader records(datagram);
  const auto record = read_record(records);
  if (!record || record->header.type != ContentType::kHandshake || record->header.epoch != 0) {
    return std::nullopt;
  }
  Reader messages(record->fragment);
  const auto fragment = read_handshake(messages);
  if (!fragment || fragment->header.type != HandshakeType::kClientHello) {
    return std::nullopt;
  }
  return fragment;
}

}  // namespace

bool ClientHello::offers_cipher_suite(std::uint16_t suite) const {
  return suites().contains(static_cast<CipherSuite>(suite));
}

std::optional<Bytes> ClientHello::find_extension(std::uint16_t type) const {
  return extension_list().find(static_cast<ExtensionType>(type));
}

std::optional<ClientHello> parse_client_hello(Bytes body) {
  Reader reader(body);
  ClientHello hello = read_head(body, reader);
  // RFC 5246 §7.4.1.2: extensions are there if bytes follow the compression methods.
  if (!reader.empty()) {
    hello.extensions = reader.vector16(0, kMaxVector16);
  }
  if (!reader.finished() || hello.cipher_suites.size() % 2 != 0 ||
      !ExtensionList::parse(hello.extensions)) {
    return std::nullopt;
  }
  return hello;
}

std::optional<ClientHello> parse_client_hello_start(Bytes start) {
  Reader reader(start);
  ClientHello hello = read_head(start, reader);
  if (!reader.ok() || hello.cipher_suites.size() % 2 != 0) {
    return std::nullopt;
  }
  const std::size_t announced = reader.u16();
  if (!reader.ok()) return hello;
  // A walk over them ends where one is cut off.
  hello.extensions = reader.take(std::min(announced, reader.remaining()));
  return hello;
}

Writer::VectorMark begin_client_hello(Writer& writer, const ClientHelloHead& head) {
  if (head.random.size() != kRandomSize || head.session_id.size() > kMaxSessionId) {
    writer.fail();
  }
  writer.u16(kDtls12);
  writer.bytes(head.random);
  writer.vector8(head.session_id);
  writer.vector8(head.cookie);
  const auto suites = writer.begin_vector16();
  for (const CipherSuite suite : head.cipher_suites) {
    writer.u16(static_cast<std::uint16_t>(suite));
  }
  writer.end_vector(suites);
  writer.u8(1);
  writer.u8(kNullCompression);
  return writer.begin_vector16();
}

bool peek_hello_rest(Bytes datagram) {
  const auto fragment = peek_fragment(datagram);
  return fragment && fragment->header.fragment_offset != 0;
}

std::optional<HelloMark> peek_hello(Bytes datagram) {
  const auto fragment = peek_fragment(datagram);
  if (!fragment || fragment->header.fragment_offset != 0) {
    return std::nullopt;
  }
  constexpr std::size_t kMarkSize = sizeof(HelloMark);
  Reader body(fragment->body);
  body.u16();  // client_version
  body.take(kRandomSize - kMarkSize);
  HelloMark mark = 0;
  for (const std::byte byte : body.take(kMarkSize)) {
    mark = mark << 8U | std::to_integer<unsigned>(byte);
  }
  if (!body.ok()) {
    return std::nullopt;
  }
  return mark;
}

}  // namespace dtls::wire
