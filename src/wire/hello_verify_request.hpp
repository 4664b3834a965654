// HelloVerifyRequest (RFC 6347 §4.2.1): "say that again, with this cookie".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wire/client_hello.hpp"
#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"

namespace dtls::wire {

constexpr std::size_t hello_verify_request_size(std::size_t cookie_size) {
  return kRecordHeaderSize + kHandshakeHeaderSize + sizeof(Version) + 1 + cookie_size;
}

// What an answer repeats of the ClientHello that it answers.
struct HelloPosition {
  std::uint64_t record_sequence = 0;
  std::uint16_t message_seq = 0;
};

// write_hello_verify_request writes the whole datagram, one record, and gives its size;
// 0 when it does not fit into `out` or the cookie is longer than 255 bytes.
//   answered: position of the ClientHello. Its record sequence number is repeated, so that
//     a server that keeps no state never uses one number twice (RFC 6347 §4.2.1). So is its
//     message_seq: 0 for a first hello, as RFC 6347 §4.2.2 shows, and 1 for a second whose
//     cookie has expired. Clients count the messages of the server; a second request that
//     said 0 again would pass for a repetition of the first, and they would wait for ever.
std::size_t write_hello_verify_request(std::span<std::byte> out, HelloPosition answered,
                                       Bytes cookie);

// parse_hello_verify_request reads the body of an unfragmented message and gives the cookie.
// Its server_version says nothing about what will be negotiated (RFC 6347 §4.2.1).
std::optional<Bytes> parse_hello_verify_request(Bytes body);

}  // namespace dtls::wire
