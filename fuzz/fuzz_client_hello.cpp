// The parsers of what a stranger sends first: record, handshake message, ClientHello. Input:
// a datagram.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "wire/alert.hpp"
#include "wire/client_hello.hpp"
#include "wire/handshake_header.hpp"
#include "wire/hello_verify_request.hpp"
#include "wire/record_header.hpp"

namespace {

using dtls::wire::Bytes;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

void require_inside(Bytes part, Bytes whole) {
  require(part.empty() || (part.data() >= whole.data() &&
                           part.data() + part.size() <= whole.data() + whole.size()));
}

// The parts of a hello, put together again, are the hello.
void check_client_hello(Bytes body) {
  const auto hello = dtls::wire::parse_client_hello(body);
  if (!hello) {
    return;
  }
  for (const Bytes part : {hello->random, hello->session_id, hello->cookie, hello->cipher_suites,
                           hello->compression_methods, hello->extensions}) {
    require_inside(part, body);
  }
  require(hello->before_cookie.size() == 2 + 32 + 1 + hello->session_id.size());
  require(hello->after_cookie.size() ==
          2 + hello->cipher_suites.size() + 1 + hello->compression_methods.size());
  const std::size_t rest = body.size() - hello->before_cookie.size() - 1 - hello->cookie.size() -
                           hello->after_cookie.size();
  require(rest == 0 ? hello->extensions.empty() : rest == 2 + hello->extensions.size());
  for (unsigned type = 0; type < 64; ++type) {
    if (const auto content = hello->find_extension(static_cast<std::uint16_t>(type))) {
      require_inside(*content, hello->extensions);
    }
  }
  static_cast<void>(hello->offers_cipher_suite(0xc02b));
}

void check_handshake(Bytes fragment) {
  dtls::wire::Reader messages(fragment);
  while (const auto message = dtls::wire::read_handshake(messages)) {
    require_inside(message->body, fragment);
    require(message->header.fragment_offset + message->header.fragment_length <=
            message->header.length);
    check_client_hello(message->body);
    if (const auto cookie = dtls::wire::parse_hello_verify_request(message->body)) {
      require_inside(*cookie, fragment);
    }
  }
}

}  // namespace

// libFuzzer knows it by this name. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes datagram = std::as_bytes(std::span(data, size));
  dtls::wire::Reader records(datagram);
  while (const auto record = dtls::wire::read_record(records)) {
    require_inside(record->fragment, datagram);
    check_handshake(record->fragment);
    static_cast<void>(dtls::wire::parse_alert(record->fragment));
  }
  // Without the headers, whose lengths a mutation seldom gets right.
  check_client_hello(datagram);
  return 0;
}
