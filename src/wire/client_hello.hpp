// ClientHello (RFC 6347 §4.2.1, RFC 5246 §7.4.1.2), read where it lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wire/extension_list.hpp"
#include "wire/numbers.hpp"
#include "wire/reader.hpp"
#include "wire/version.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {

inline constexpr std::size_t kRandomSize = 32;
inline constexpr std::size_t kMaxCookie = 255;  // RFC 6347 §4.2.1

// ClientHello is a view: every span points into the bytes that were parsed and is valid as
// long as they are.
struct ClientHello {
  Version legacy_version = 0;  // client_version; DTLS 1.3 leaves it at 1.2 (RFC 9147 §5.3)
  Bytes random;                // 32 bytes
  Bytes session_id;            // 0 to 32 bytes
  Bytes cookie;                // 0 to 255 bytes
  Bytes cipher_suites;         // two bytes each, at least one
  Bytes compression_methods;   // one byte each, at least one
  Bytes extensions;            // whole extensions, without the length in front; may be empty

  // The encoding before the cookie (version to session_id) and after it (cipher suites and
  // compression methods, each with its length): what a client must repeat unchanged when
  // it answers a HelloVerifyRequest (RFC 6347 §4.2.1).
  Bytes before_cookie;
  Bytes after_cookie;

  [[nodiscard]] bool offers_cipher_suite(std::uint16_t suite) const;
  [[nodiscard]] bool offers_cipher_suite(CipherSuite suite) const {
    return offers_cipher_suite(static_cast<std::uint16_t>(suite));
  }
  [[nodiscard]] NumberList<CipherSuite> suites() const {
    return NumberList<CipherSuite>(cipher_suites);
  }
  // find_extension gives the content of the first extension of that type; nullopt if absent.
  [[nodiscard]] std::optional<Bytes> find_extension(std::uint16_t type) const;
  [[nodiscard]] ExtensionList extension_list() const { return ExtensionList(extensions); }
};

// parse_client_hello reads the body of an unfragmented ClientHello, without its handshake
// header. nullopt when it does not follow the syntax to its last byte: a vector outside its
// bounds, an extension that is cut short, anything left over. What the values mean (a known
// version, the null compression, an extension that appears twice) is not judged.
std::optional<ClientHello> parse_client_hello(Bytes body);

// parse_client_hello_start reads what has come of a ClientHello: the beginning of its body, which
// holds at least what stands before the extensions. `extensions` are those that have come whole.
// What is missing may be malformed.
std::optional<ClientHello> parse_client_hello_start(Bytes start);

// What a client's hello says before its extensions.
struct ClientHelloHead {
  Bytes random;      // 32 bytes
  Bytes session_id;  // 0 to 32 bytes
  Bytes cookie;      // 0 to 255 bytes; of a HelloVerifyRequest, so empty in DTLS 1.3
  std::span<const CipherSuite> cipher_suites;
};

// begin_client_hello appends a body, with DTLS 1.2 as its legacy_version and no compression, up to
// its extensions, which the caller appends; Writer::end_optional_vector ends it.
[[nodiscard]] Writer::VectorMark begin_client_hello(Writer& writer, const ClientHelloHead& head);

// HelloMark tells one ClientHello from another of the same peer: the last eight bytes of its
// random. A client that repeats its hello repeats it, one that has started anew does not.
using HelloMark = std::uint64_t;

// peek_hello looks whether a datagram begins with a ClientHello in epoch 0 and, if so, gives its
// mark. Only that is looked at: whether the rest makes sense is for others to say.
std::optional<HelloMark> peek_hello(Bytes datagram);
// peek_hello_rest looks whether it begins with a fragment of a ClientHello that is not the first.
bool peek_hello_rest(Bytes datagram);

}  // namespace dtls::wire
