// HelloRetryRequest without memory (RFC 8446 §4.1.4, §4.2.2; RFC 9147 §5.1): all that the server
// has to know when the second ClientHello comes travels in the cookie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "crypto/hash.hpp"
#include "handshake/settings.hpp"
#include "wire/client_hello.hpp"
#include "wire/handshake_header.hpp"

namespace dtls::handshake {

// RetryTerms are what the request says, and the hash that stands for the first ClientHello in the
// transcript.
struct RetryTerms {
  wire::CipherSuite suite{};
  // That the client should send a key for; 0: it has sent a good one, or its PSK does without.
  std::uint16_t group = 0;
  crypto::Digest hello_hash;
};

inline constexpr std::size_t kMaxRetryTerms = 4 + crypto::kMaxDigestSize;

// may_speak_13 looks at the settings and the cipher suites of a hello alone: where it says no,
// choose_retry_terms gives nothing.
bool may_speak_13(const Settings& settings, const wire::ClientHello& hello);

// choose_retry_terms gives nothing where DTLS 1.3 will not be spoken, by our settings or the
// client's hello. `body` is that hello without its handshake header.
std::optional<RetryTerms> choose_retry_terms(const Settings& settings,
                                             const wire::ClientHello& hello, Bytes body,
                                             TimePoint now);

// write_retry_terms gives their size, at most kMaxRetryTerms. read_retry_terms takes them off the
// front of a cookie that has `after` more bytes; whether they are genuine is for others to say.
std::size_t write_retry_terms(std::span<std::byte> out, const RetryTerms& terms);
std::optional<RetryTerms> read_retry_terms(Bytes cookie, std::size_t after);

// write_hello_retry_request writes the message with its handshake header, and gives its size; 0
// where it does not fit. The same terms and cookie always give the same bytes: the transcript of
// the handshake that goes on from here needs them.
std::size_t write_hello_retry_request(std::span<std::byte> out, std::uint16_t message_seq,
                                      const RetryTerms& terms, Bytes cookie);

// A client answers a few challenges in a row at most, each with the next message_seq; then it
// begins anew, with 0.
inline constexpr std::uint16_t kMaxHelloSeq = 8;

// A cookie is one byte that belongs to whoever makes it, the terms, and its MAC.
inline constexpr std::size_t kCookieMark = 1;
inline constexpr std::size_t kRetryMacSize = 16;

}  // namespace dtls::handshake
