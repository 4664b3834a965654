#include "endpoint/cookie_gate.hpp"

#include <algorithm>
#include <cerrno>

#include "crypto/wipe.hpp"
#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::endpoint {

struct CookieGate::Hello {
  wire::HelloPosition position;
  wire::ClientHello message;
  wire::Bytes body;
};

namespace {

// The shortest ClientHello: no session id, no cookie, one cipher suite, one compression
// method, no extensions.
constexpr std::size_t kShortestHello = wire::kRecordHeaderSize + wire::kHandshakeHeaderSize + 2 +
                                       wire::kRandomSize + 1 + 1 + (2 + 2) + (1 + 1);
// A client answers a few challenges in a row at most; then it begins anew, with message_seq 0.
constexpr std::uint16_t kMaxHellos = 8;
static_assert(CookieGate::kReplySize <= kShortestHello,
              "a reply must never be longer than the datagram that asked for it");

// A ClientHello is alone in its flight; a client that sends more with it sends records.
bool holds_whole_records(wire::Reader& reader) {
  while (!reader.empty()) {
    if (!wire::read_record(reader)) {
      return false;
    }
  }
  return true;
}

std::byte period_mark(std::int64_t period) {
  return static_cast<std::byte>(static_cast<std::uint64_t>(period) & 0xffU);
}

// Fixed length, so that nothing of it can pass for a part of the hello.
std::array<std::byte, 23> encode(const Address& address) {
  std::array<std::byte, 23> bytes{};
  wire::Writer writer(bytes);
  writer.u8(static_cast<std::uint8_t>(address.family));
  writer.bytes(std::as_bytes(std::span(address.ip)));
  writer.u16(address.port);
  writer.u16(static_cast<std::uint16_t>(address.scope >> 16U));
  writer.u16(static_cast<std::uint16_t>(address.scope & 0xffffU));
  return bytes;
}

}  // namespace

Result<CookieGate> CookieGate::create(std::shared_ptr<const CookieSecrets> secrets,
                                      std::shared_ptr<const handshake::Settings> settings) {
  if (!secrets) {
    return Error{.kind = ErrorKind::kMisuse,
                 .sys_errno = EINVAL,
                 .message = "A cookie gate needs secrets: pass CookieSecrets::generate().",
                 .alert = {}};
  }
  CookieGate gate(std::move(secrets), std::move(settings));
  // Whether HMAC works here shows now, and not as silence towards every client.
  if (auto keyed = gate.keyed_for(0); !keyed) {
    return std::move(keyed).error();
  }
  return {std::move(gate)};
}

// Nothing here asks for the content of a hello that costs a hash: noise is turned away first.
std::optional<CookieGate::Hello> CookieGate::read_hello(std::span<const std::byte> datagram) {
  if (datagram.size() < kShortestHello) {
    return std::nullopt;
  }
  wire::Reader records(datagram);
  const auto record = wire::read_record(records);
  if (!record || record->header.type != wire::ContentType::kHandshake ||
      record->header.epoch != 0 || record->header.length > wire::kMaxPlaintext) {
    return std::nullopt;
  }
  wire::Reader messages(record->fragment);
  const auto fragment = wire::read_handshake(messages);
  // To put fragments together would be to remember something of a peer that proved nothing.
  if (!fragment || fragment->header.type != wire::HandshakeType::kClientHello ||
      fragment->header.message_seq > kMaxHellos || !fragment->header.is_whole() ||
      !messages.finished()) {
    return std::nullopt;
  }
  const auto message = wire::parse_client_hello(fragment->body);
  if (!message || !wire::at_least_dtls12(message->legacy_version)) {
    return std::nullopt;
  }
  if (!holds_whole_records(records)) {
    return std::nullopt;
  }
  return Hello{.position = {.record_sequence = record->header.sequence,
                            .message_seq = fragment->header.message_seq},
               .message = *message,
               .body = fragment->body};
}

CookieGate::Answer CookieGate::inspect(const Address& peer, std::span<const std::byte> datagram,
                                       TimePoint now, std::span<std::byte> reply) {
  const auto hello = read_hello(datagram);
  if (!hello) {
    return {};
  }
  const std::int64_t current = secrets_->period_at(now);
  if (settings_ != nullptr && hello->message.cookie.empty()) {
    if (const auto terms = handshake::choose_retry_terms(*settings_, hello->message, hello->body)) {
      return inspect_13(peer, *hello, *terms, datagram.size(), current, reply);
    }
  }
  if (accepts(peer, hello->message, current)) {
    return {.verdict = Verdict::kProven, .reply_size = 0, .position = hello->position};
  }
  // RFC 6347 §4.2.1: a wrong cookie is treated like none. A client whose cookie has expired
  // meanwhile goes on; to ignore it would stop it for good.
  if (reply.size() < kReplySize) {
    return {};
  }
  const auto cookie = make_cookie(peer, hello->message, current);
  if (!cookie) {
    return {};
  }
  const std::size_t size = wire::write_hello_verify_request(reply, hello->position, *cookie);
  return {.verdict = Verdict::kChallenge, .reply_size = size, .position = {}};
}

CookieGate::Answer CookieGate::inspect_13(const Address& peer, const Hello& hello,
                                          const handshake::RetryTerms& terms, std::size_t asked,
                                          std::int64_t current, std::span<std::byte> reply) {
  const auto content = hello.message.extension_list().find(wire::ExtensionType::kCookie);
  if (content) {
    const auto cookie = wire::parse_cookie(*content);
    // A client takes one HelloRetryRequest only (RFC 8446 §4.1.4): who comes with a wrong cookie
    // has to begin anew.
    if (!cookie || !accepts_retry(peer, hello.message, *cookie, current)) return {};
    return {.verdict = Verdict::kProven, .reply_size = 0, .position = hello.position};
  }
  const std::size_t size = challenge_13(peer, hello.message, terms, hello.position, current, reply);
  if (size == 0 || size > asked) return {};
  return {.verdict = Verdict::kChallenge, .reply_size = size, .position = {}};
}

// keyed_for gives the context of a period, and makes it once a period, not once a datagram.
Result<crypto::HmacSha256*> CookieGate::keyed_for(std::int64_t period) {
  Slot& slot = slots_[static_cast<std::uint64_t>(period) % kSlots];
  if (!slot.hmac || slot.period != period) {
    const auto secret = secrets_->secret_of(period);
    if (!secret) {
      return secret.error();
    }
    auto hmac = crypto::HmacSha256::create(secret->view());
    if (!hmac) {
      return std::move(hmac).error();
    }
    slot = Slot{.period = period, .hmac = *std::move(hmac)};
  }
  return &*slot.hmac;
}

// A cookie is the low byte of its period, which says what secret to try, and the MAC cut to
// 31 bytes (RFC 2104 §5) over the address and what the client MUST repeat: version, random,
// cipher suites, compression methods (RFC 6347 §4.2.1). Extensions are left out: that list does
// not name them, and some change for good reasons when a cookie makes the hello longer: padding
// (RFC 7685), the binders of pre_shared_key (RFC 8446 §4.2.11.2). The session id is named and left
// out all the same: with a ticket mbedTLS 2.28 makes up another one for each hello, and would be
// challenged for ever. It proves nothing of the address.
std::optional<CookieGate::Cookie> CookieGate::make_cookie(const Address& peer,
                                                          const wire::ClientHello& hello,
                                                          std::int64_t period) {
  const auto hmac = keyed_for(period);
  if (!hmac) {
    return std::nullopt;
  }
  const auto version_and_random = hello.before_cookie.first(2 + wire::kRandomSize);
  const auto mac = (*hmac)->digest({encode(peer), version_and_random, hello.after_cookie});
  if (!mac) {
    return std::nullopt;
  }
  Cookie cookie;
  cookie.front() = period_mark(period);
  std::copy_n(mac->begin(), kCookieSize - 1, cookie.begin() + 1);
  return cookie;
}

bool CookieGate::accepts(const Address& peer, const wire::ClientHello& hello,
                         std::int64_t current) {
  if (hello.cookie.size() != kCookieSize) {
    return false;
  }
  // The next period too: whoever shares our secrets may be a little ahead of us.
  for (const std::int64_t period : {current, current - 1, current + 1}) {
    if (hello.cookie.front() != period_mark(period)) {
      continue;
    }
    const auto expected = make_cookie(peer, hello, period);
    return expected && crypto::equal_in_constant_time(*expected, hello.cookie);
  }
  return false;
}

// Version, random, session id, cipher suites and compression methods are those of the first hello
// (RFC 8446 §4.1.2); the rest of it is bound by its hash, which is one of the terms.
std::optional<CookieGate::RetryMac> CookieGate::make_retry_mac(const Address& peer,
                                                               const wire::ClientHello& hello,
                                                               wire::Bytes terms,
                                                               std::int64_t period) {
  const auto hmac = keyed_for(period);
  if (!hmac) return std::nullopt;
  // Nothing of this can pass for a cookie of DTLS 1.2: that is not computed over terms.
  static constexpr std::array kThirteen{std::byte{0x13}};
  const auto mac =
      (*hmac)->digest({encode(peer), hello.before_cookie, hello.after_cookie, terms, kThirteen});
  if (!mac) return std::nullopt;
  RetryMac cut;
  std::copy_n(mac->begin(), cut.size(), cut.begin());
  return cut;
}

bool CookieGate::accepts_retry(const Address& peer, const wire::ClientHello& hello,
                               wire::Bytes cookie, std::int64_t current) {
  if (cookie.size() < handshake::kCookieMark + handshake::kRetryMacSize) return false;
  const auto terms = cookie.subspan(handshake::kCookieMark)
                         .first(cookie.size() - handshake::kCookieMark - handshake::kRetryMacSize);
  for (const std::int64_t period : {current, current - 1, current + 1}) {
    if (cookie.front() != period_mark(period)) continue;
    const auto expected = make_retry_mac(peer, hello, terms, period);
    return expected &&
           crypto::equal_in_constant_time(*expected, cookie.last(handshake::kRetryMacSize));
  }
  return false;
}

std::size_t CookieGate::challenge_13(const Address& peer, const wire::ClientHello& hello,
                                     const handshake::RetryTerms& terms,
                                     wire::HelloPosition position, std::int64_t period,
                                     std::span<std::byte> reply) {
  std::array<std::byte,
             handshake::kCookieMark + handshake::kMaxRetryTerms + handshake::kRetryMacSize>
      cookie{};
  cookie[0] = period_mark(period);
  const std::size_t size =
      handshake::write_retry_terms(std::span(cookie).subspan(handshake::kCookieMark), terms);
  const auto written = std::span(cookie).subspan(handshake::kCookieMark, size);
  const auto mac = make_retry_mac(peer, hello, written, period);
  if (!mac || reply.size() < wire::kRecordHeaderSize) return 0;
  std::ranges::copy(*mac, written.end());
  const auto whole =
      std::span(cookie).first(handshake::kCookieMark + size + handshake::kRetryMacSize);
  const std::size_t length = handshake::write_hello_retry_request(
      reply.subspan(wire::kRecordHeaderSize), position.message_seq, terms, whole);
  if (length == 0) return 0;
  wire::Writer header(reply);
  // The number is repeated, so that a server that keeps no state never uses one twice.
  wire::write_record_header(header, {wire::ContentType::kHandshake, wire::kDtls12, 0,
                                     position.record_sequence, static_cast<std::uint16_t>(length)});
  return wire::kRecordHeaderSize + length;
}

}  // namespace dtls::endpoint
