#include "endpoint/cookie_gate.hpp"

#include <algorithm>
#include <cerrno>

#include "crypto/wipe.hpp"
#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"

namespace dtls::endpoint {
namespace {

// The shortest ClientHello: no session id, no cookie, one cipher suite, one compression
// method, no extensions.
constexpr std::size_t kShortestHello = wire::kRecordHeaderSize + wire::kHandshakeHeaderSize + 2 +
                                       wire::kRandomSize + 1 + 1 + (2 + 2) + (1 + 1);
static_assert(CookieGate::kReplySize <= kShortestHello,
              "a reply must never be longer than the datagram that asked for it");

struct Hello {
  wire::HelloPosition position;
  wire::ClientHello message;
};

// A ClientHello is alone in its flight; a client that sends more with it sends records.
bool holds_whole_records(wire::Reader& reader) {
  while (!reader.empty()) {
    if (!wire::read_record(reader)) {
      return false;
    }
  }
  return true;
}

// Nothing here asks for the content of a hello that costs a hash: noise is turned away first.
std::optional<Hello> read_hello(std::span<const std::byte> datagram) {
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
      !fragment->header.is_whole() || !messages.finished()) {
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
               .message = *message};
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

Result<CookieGate> CookieGate::create(std::shared_ptr<const CookieSecrets> secrets) {
  if (!secrets) {
    return Error{.kind = ErrorKind::kMisuse,
                 .sys_errno = EINVAL,
                 .message = "A cookie gate needs secrets: pass CookieSecrets::generate().",
                 .alert = {}};
  }
  CookieGate gate(std::move(secrets));
  // Whether HMAC works here shows now, and not as silence towards every client.
  if (auto keyed = gate.keyed_for(0); !keyed) {
    return std::move(keyed).error();
  }
  return {std::move(gate)};
}

CookieGate::Answer CookieGate::inspect(const Address& peer, std::span<const std::byte> datagram,
                                       TimePoint now, std::span<std::byte> reply) {
  const auto hello = read_hello(datagram);
  if (!hello) {
    return {};
  }
  const std::int64_t current = secrets_->period_at(now);
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
// session id, cipher suites, compression methods (RFC 6347 §4.2.1). Extensions are left out:
// that list does not name them, and some change for good reasons when a cookie makes the
// hello longer: padding (RFC 7685), the binders of pre_shared_key (RFC 8446 §4.2.11.2).
std::optional<CookieGate::Cookie> CookieGate::make_cookie(const Address& peer,
                                                          const wire::ClientHello& hello,
                                                          std::int64_t period) {
  const auto hmac = keyed_for(period);
  if (!hmac) {
    return std::nullopt;
  }
  const auto mac = (*hmac)->digest({encode(peer), hello.before_cookie, hello.after_cookie});
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

}  // namespace dtls::endpoint
