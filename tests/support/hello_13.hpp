// Hello13: a ClientHello of DTLS 1.3 written by hand, to be wrong or odd in ways that our client
// never is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wire/numbers.hpp"
#include "wire/version.hpp"

namespace dtls::test {

struct Hello13 {
  using Bytes = std::vector<std::byte>;

  std::vector<wire::Version> versions{wire::kDtls13};
  std::vector<wire::CipherSuite> suites{wire::CipherSuite::kAes128GcmSha256};
  std::vector<wire::NamedGroup> groups{wire::NamedGroup::kX25519};
  // Group and size of each key; of bytes that are a key in X25519 only.
  std::vector<std::pair<wire::NamedGroup, std::size_t>> shares{{wire::NamedGroup::kX25519, 32}};
  std::string name;
  std::size_t padding = 0;  // bytes in an extension of it (RFC 7685); 0: no extension
  Bytes cookie;             // of a HelloRetryRequest
  bool cookie_is_last = false;
  std::byte random{0x5a};

  // body is the message without its handshake header.
  [[nodiscard]] Bytes body() const;
};

// cut gives the datagrams of one record and one fragment each that a message of `body` is sent in,
// of at most `fragment` bytes of it.
std::vector<std::vector<std::byte>> cut(std::span<const std::byte> body, std::size_t fragment,
                                        std::uint64_t first_record = 0,
                                        std::uint16_t message_seq = 0);

// cookie_of_retry gives the cookie in the HelloRetryRequest that a datagram holds; empty: none.
std::vector<std::byte> cookie_of_retry(std::span<const std::byte> datagram);

}  // namespace dtls::test
