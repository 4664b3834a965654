#include "wire/server_hello.hpp"

#include <algorithm>
#include <span>

namespace dtls::wire {
namespace {

constexpr std::size_t kMaxSessionId = 32;

}  // namespace

bool ServerHello::is_hello_retry_request() const {
  return std::ranges::equal(random, std::as_bytes(std::span(kHelloRetryRequestRandom)));
}

bool ServerHello::has_downgrade_mark() const {
  if (random.size() < kDowngradeMarkSize) {
    return false;
  }
  const Bytes mark = random.last(kDowngradeMarkSize);
  return std::ranges::equal(mark, std::as_bytes(std::span(kDowngradedToDtls12))) ||
         std::ranges::equal(mark, std::as_bytes(std::span(kDowngradedToDtls10)));
}

std::optional<ServerHello> parse_server_hello(Bytes body) {
  ServerHello hello;
  Reader reader(body);
  hello.legacy_version = reader.u16();
  hello.random = reader.take(kRandomSize);
  hello.session_id = reader.vector8(0, kMaxSessionId);
  hello.cipher_suite = static_cast<CipherSuite>(reader.u16());
  hello.compression_method = reader.u8();
  // RFC 5246 §7.4.1.3: extensions are there if bytes follow the compression method.
  if (!reader.empty()) {
    hello.extensions = read_extension_list(reader);
  }
  return reader.finished() ? std::optional(hello) : std::nullopt;
}

Writer::VectorMark begin_server_hello(Writer& writer, const ServerHello& hello) {
  if (hello.random.size() != kRandomSize || hello.session_id.size() > kMaxSessionId) {
    writer.fail();
  }
  writer.u16(hello.legacy_version);
  writer.bytes(hello.random);
  writer.vector8(hello.session_id);
  writer.u16(static_cast<std::uint16_t>(hello.cipher_suite));
  writer.u8(hello.compression_method);
  return writer.begin_vector16();
}

}  // namespace dtls::wire
