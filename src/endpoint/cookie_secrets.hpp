// CookieSecrets: the rotating secrets under which cookies are made, as a value to share.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "crypto/wipe.hpp"
#include "dtls/error.hpp"
#include "dtls/time.hpp"

namespace dtls::endpoint {

// CookieSecrets gives each period of time a secret, derived from one master key. Nothing in
// it ever changes, so any number of gates in any threads may share one without a lock and
// accept each other's cookies; so do processes that were given the same master key.
class CookieSecrets {
 public:
  static constexpr std::size_t kKeySize = 32;
  using Key = crypto::SecretBytes<kKeySize>;

  // How long one secret makes cookies; they are accepted for one period more.
  static constexpr Duration kDefaultPeriod = std::chrono::seconds(60);
  // A client needs time for one round trip, and a retransmission after 1 s (RFC 6347 §4.2.4.1).
  static constexpr Duration kShortestPeriod = std::chrono::seconds(5);
  // A cookie is worth as much as the address it names: not for ever.
  static constexpr Duration kLongestPeriod = std::chrono::hours(24);

  // generate takes a fresh random master key: cookies are good in this process only.
  // Fails with kMisuse (EINVAL) for a period out of bounds, kSystem without randomness.
  static Result<std::shared_ptr<const CookieSecrets>> generate(Duration period = kDefaultPeriod);

  // from_master_key makes secrets on which everybody with the same key agrees.
  //   period: the same for all of them
  //   origin: the instant from which periods are counted. Processes of one machine have one
  //     steady clock and may leave it; machines that share a key pass the time at which
  //     their clocks would have shown a common date, such as `now` minus the Unix time.
  //     They may be apart by up to one period.
  // Fails with kMisuse (EINVAL) for a period out of bounds.
  static Result<std::shared_ptr<const CookieSecrets>> from_master_key(
      std::span<const std::byte, kKeySize> master_key, Duration period = kDefaultPeriod,
      TimePoint origin = {});

  // period_at gives the number of the period in which `now` falls; negative before origin.
  [[nodiscard]] std::int64_t period_at(TimePoint now) const;

  // secret_of derives the secret of one period: a few microseconds, so keep it.
  // Fails with kSystem where OpenSSL cannot compute HMAC-SHA256.
  [[nodiscard]] Result<Key> secret_of(std::int64_t period) const;

 private:
  CookieSecrets(Key master_key, Duration period, TimePoint origin)
      : master_key_(std::move(master_key)), period_(period), origin_(origin) {}

  Key master_key_;
  Duration period_;
  TimePoint origin_;
};

}  // namespace dtls::endpoint
