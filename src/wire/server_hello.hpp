// ServerHello of both versions, and HelloRetryRequest, which looks like one (RFC 5246 §7.4.1.3,
// RFC 8446 §4.1.3 and §4.1.4, RFC 9147 §5.4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wire/client_hello.hpp"
#include "wire/extension_list.hpp"
#include "wire/numbers.hpp"
#include "wire/version.hpp"

namespace dtls::wire {

// The random that makes a ServerHello a HelloRetryRequest: SHA-256 of "HelloRetryRequest".
inline constexpr std::array<std::uint8_t, kRandomSize> kHelloRetryRequestRandom{
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

// With what the random ends of a server that knows DTLS 1.3 and was asked for something older:
// "DOWNGRD" and which (RFC 8446 §4.1.3).
inline constexpr std::size_t kDowngradeMarkSize = 8;
inline constexpr std::array<std::uint8_t, kDowngradeMarkSize> kDowngradedToDtls12{
    0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x01};
inline constexpr std::array<std::uint8_t, kDowngradeMarkSize> kDowngradedToDtls10{
    0x44, 0x4f, 0x57, 0x4e, 0x47, 0x52, 0x44, 0x00};

// ServerHello is a view: valid as long as the bytes that were parsed.
struct ServerHello {
  Version legacy_version = kDtls12;
  Bytes random;      // 32 bytes
  Bytes session_id;  // 0 to 32 bytes
  CipherSuite cipher_suite{};
  std::uint8_t compression_method = 0;
  ExtensionList extensions;

  [[nodiscard]] bool is_hello_retry_request() const;
  // has_downgrade_mark asks for any of the two.
  [[nodiscard]] bool has_downgrade_mark() const;
};

// parse_server_hello reads a body. A DTLS 1.2 server may leave the extensions away altogether.
std::optional<ServerHello> parse_server_hello(Bytes body);

// begin_server_hello appends all but the extensions, which the caller appends;
// Writer::end_optional_vector ends it. `hello.extensions` is not looked at.
[[nodiscard]] Writer::VectorMark begin_server_hello(Writer& writer, const ServerHello& hello);

}  // namespace dtls::wire
