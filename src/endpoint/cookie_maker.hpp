// CookieMaker: the cookies that the gate hands out, and knows again without having kept them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "crypto/hmac.hpp"
#include "dtls/address.hpp"
#include "dtls/error.hpp"
#include "dtls/time.hpp"
#include "endpoint/cookie_secrets.hpp"
#include "handshake/hello/retry.hpp"
#include "wire/client_hello.hpp"

namespace dtls::endpoint {

// CookieMaker serves one thread at a time. `now`: of the same clock in every call; may go back a
// little. `peer`: source of the hello; part of the cookie.
class CookieMaker {
 public:
  // 32 bytes are all that some clients hold: the limit was that low before DTLS 1.2.
  static constexpr std::size_t kCookieSize = 32;
  static constexpr std::size_t kMaxRetryCookie =
      handshake::kCookieMark + handshake::kMaxRetryTerms + handshake::kRetryMacSize;

  using Cookie = std::array<std::byte, kCookieSize>;

  // create fails with kMisuse (EINVAL) for null, kSystem where OpenSSL has no HMAC-SHA256.
  static Result<CookieMaker> create(std::shared_ptr<const CookieSecrets> secrets);

  // For a HelloVerifyRequest. nullopt where libcrypto fails.
  std::optional<Cookie> make(const Address& peer, const wire::ClientHello& hello, TimePoint now);
  bool accepts(const Address& peer, const wire::ClientHello& hello, TimePoint now);

  // For a HelloRetryRequest: make_retry writes the cookie, which holds the terms, to `out`, of at
  // least kMaxRetryCookie bytes, and gives its size; 0 where libcrypto fails.
  std::size_t make_retry(const Address& peer, const wire::ClientHello& hello,
                         const handshake::RetryTerms& terms, TimePoint now,
                         std::span<std::byte> out);
  bool accepts_retry(const Address& peer, const wire::ClientHello& hello, wire::Bytes cookie,
                     TimePoint now);

 private:
  using RetryMac = std::array<std::byte, handshake::kRetryMacSize>;

  // A keyed context for one period; none before the slot's first use.
  struct Slot {
    std::int64_t period = 0;
    std::optional<crypto::HmacSha256> hmac;
  };
  // The current period and its neighbours fall into different slots, also around zero.
  static constexpr std::size_t kSlots = 4;

  explicit CookieMaker(std::shared_ptr<const CookieSecrets> secrets)
      : secrets_(std::move(secrets)) {}

  Result<crypto::HmacSha256*> keyed_for(std::int64_t period);
  std::optional<Cookie> make_for(const Address& peer, const wire::ClientHello& hello,
                                 std::int64_t period);
  std::optional<RetryMac> retry_mac(const Address& peer, const wire::ClientHello& hello,
                                    wire::Bytes terms, std::int64_t period);

  std::shared_ptr<const CookieSecrets> secrets_;
  std::array<Slot, kSlots> slots_{};
};

}  // namespace dtls::endpoint
