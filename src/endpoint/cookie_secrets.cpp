#include "endpoint/cookie_secrets.hpp"

#include <array>
#include <cerrno>
#include <string_view>

#include "crypto/hmac.hpp"
#include "crypto/random.hpp"
#include "wire/writer.hpp"

namespace dtls::endpoint {
namespace {

// Keeps these secrets apart from anything else that the same master key may be used for.
constexpr std::string_view kLabel = "dtls cookie secret";

}  // namespace

Result<std::shared_ptr<const CookieSecrets>> CookieSecrets::generate(Duration period) {
  Key master_key;
  if (auto filled = crypto::fill_random(master_key.writable()); !filled) {
    return std::move(filled).error();
  }
  return from_master_key(master_key.view(), period);
}

Result<std::shared_ptr<const CookieSecrets>> CookieSecrets::from_master_key(
    std::span<const std::byte, kKeySize> master_key, Duration period, TimePoint origin) {
  if (period < kShortestPeriod || period > kLongestPeriod) {
    return Error{.kind = ErrorKind::kMisuse,
                 .sys_errno = EINVAL,
                 .message =
                     "the rotation period of cookie secrets must be between 5 seconds and "
                     "24 hours",
                 .alert = {}};
  }
  return std::shared_ptr<const CookieSecrets>(new CookieSecrets(Key(master_key), period, origin));
}

std::int64_t CookieSecrets::period_at(TimePoint now) const {
  const auto period = std::chrono::duration_cast<Clock::duration>(period_).count();
  const auto since = (now - origin_).count();
  // Division rounds towards zero; periods before the origin are counted downwards.
  return since / period - (since % period < 0 ? 1 : 0);
}

Result<CookieSecrets::Key> CookieSecrets::secret_of(std::int64_t period) const {
  std::array<std::byte, 8> number;
  wire::Writer writer(number);
  writer.u16(static_cast<std::uint16_t>(static_cast<std::uint64_t>(period) >> 48U));
  writer.u48(static_cast<std::uint64_t>(period));

  auto hmac = crypto::HmacSha256::create(master_key_.view());
  if (!hmac) {
    return std::move(hmac).error();
  }
  auto secret = hmac->digest({std::as_bytes(std::span(kLabel)), number});
  if (!secret) {
    return std::move(secret).error();
  }
  Key key(std::span<const std::byte, kKeySize>{*secret});
  crypto::wipe(*secret);
  return {std::move(key)};
}

}  // namespace dtls::endpoint
