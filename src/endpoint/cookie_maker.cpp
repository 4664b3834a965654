#include "endpoint/cookie_maker.hpp"

#include <algorithm>
#include <cerrno>

#include "crypto/wipe.hpp"
#include "wire/writer.hpp"

namespace dtls::endpoint {
namespace {

std::byte period_mark(std::int64_t period) {
  return static_cast<std::byte>(static_cast<std::uint64_t>(period) & 0xffU);
}

// The next period too: whoever shares our secrets may be a little ahead of us.
std::array<std::int64_t, 3> accepted_at(std::int64_t current) {
  return {current, current - 1, current + 1};
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

Result<CookieMaker> CookieMaker::create(std::shared_ptr<const CookieSecrets> secrets) {
  if (!secrets) {
    return Error{.kind = ErrorKind::kMisuse,
                 .sys_errno = EINVAL,
                 .message = "the cookie gate has no secrets; pass CookieSecrets::generate()",
                 .alert = {}};
  }
  CookieMaker maker(std::move(secrets));
  // Whether HMAC works here shows now, and not as silence towards every client.
  if (auto keyed = maker.keyed_for(0); !keyed) {
    return std::move(keyed).error();
  }
  return {std::move(maker)};
}

// keyed_for gives the context of a period, and makes it once a period, not once a datagram.
Result<crypto::HmacSha256*> CookieMaker::keyed_for(std::int64_t period) {
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
std::optional<CookieMaker::Cookie> CookieMaker::make_for(const Address& peer,
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

std::optional<CookieMaker::Cookie> CookieMaker::make(const Address& peer,
                                                     const wire::ClientHello& hello,
                                                     TimePoint now) {
  return make_for(peer, hello, secrets_->period_at(now));
}

bool CookieMaker::accepts(const Address& peer, const wire::ClientHello& hello, TimePoint now) {
  if (hello.cookie.size() != kCookieSize) {
    return false;
  }
  for (const std::int64_t period : accepted_at(secrets_->period_at(now))) {
    if (hello.cookie.front() != period_mark(period)) {
      continue;
    }
    const auto expected = make_for(peer, hello, period);
    return expected && crypto::equal_in_constant_time(*expected, hello.cookie);
  }
  return false;
}

// Version, random, session id, cipher suites and compression methods are those of the first hello
// (RFC 8446 §4.1.2); the rest of it is bound by its hash, which is one of the terms.
std::optional<CookieMaker::RetryMac> CookieMaker::retry_mac(const Address& peer,
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

std::size_t CookieMaker::make_retry(const Address& peer, const wire::ClientHello& hello,
                                    const handshake::RetryTerms& terms, TimePoint now,
                                    std::span<std::byte> out) {
  const std::int64_t period = secrets_->period_at(now);
  out[0] = period_mark(period);
  const auto written =
      out.subspan(handshake::kCookieMark,
                  handshake::write_retry_terms(out.subspan(handshake::kCookieMark), terms));
  const auto mac = retry_mac(peer, hello, written, period);
  if (!mac) return 0;
  std::ranges::copy(*mac, written.end());
  return handshake::kCookieMark + written.size() + mac->size();
}

bool CookieMaker::accepts_retry(const Address& peer, const wire::ClientHello& hello,
                                wire::Bytes cookie, TimePoint now) {
  if (cookie.size() < handshake::kCookieMark + handshake::kRetryMacSize) return false;
  const auto terms = cookie.subspan(handshake::kCookieMark)
                         .first(cookie.size() - handshake::kCookieMark - handshake::kRetryMacSize);
  for (const std::int64_t period : accepted_at(secrets_->period_at(now))) {
    if (cookie.front() != period_mark(period)) continue;
    const auto expected = retry_mac(peer, hello, terms, period);
    return expected &&
           crypto::equal_in_constant_time(*expected, cookie.last(handshake::kRetryMacSize));
  }
  return false;
}

}  // namespace dtls::endpoint
