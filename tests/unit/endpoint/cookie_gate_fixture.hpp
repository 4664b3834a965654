// A gate with a virtual clock, for the tests of cookies.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "endpoint/cookie_gate.hpp"
#include "unit/wire/hello_bytes.hpp"

namespace dtls::endpoint {

inline constexpr Duration kPeriod = CookieSecrets::kDefaultPeriod;

inline Address ipv4(std::uint8_t last, std::uint16_t port) {
  Address address{.family = Address::Family::kIpv4, .ip = {192, 0, 2, last}, .port = port};
  return address;
}

inline const Address kPeer = ipv4(1, 40000);

inline std::shared_ptr<const CookieSecrets> secrets_with(std::uint8_t key_byte,
                                                         Duration period = kPeriod,
                                                         TimePoint origin = {}) {
  std::array<std::byte, CookieSecrets::kKeySize> key{};
  key.fill(std::byte{key_byte});
  return *CookieSecrets::from_master_key(key, period, origin);
}

inline CookieGate gate_with(std::shared_ptr<const CookieSecrets> secrets) {
  return *CookieGate::create(std::move(secrets));
}

// A gate with a clock and an outbox, and a client that says its hello to it.
class CookieGateTest : public ::testing::Test {
 protected:
  using Datagram = test::Datagram;
  using Verdict = CookieGate::Verdict;

  CookieGate::Answer say(const Datagram& datagram, const Address& peer = kPeer) {
    reply_.fill(std::byte{0xdd});
    return gate_.inspect(peer, datagram, now_, reply_);
  }
  Verdict verdict(const Datagram& datagram, const Address& peer = kPeer) {
    return say(datagram, peer).verdict;
  }
  // The hello that follows a challenge to `datagram`.
  Datagram answered(const Datagram& datagram, const Address& peer = kPeer) {
    EXPECT_EQ(say(datagram, peer).verdict, Verdict::kChallenge);
    return test::with_cookie(datagram, cookie());
  }
  [[nodiscard]] std::span<const std::byte> cookie() const {
    return std::span(reply_).last(CookieGate::kCookieSize);
  }

  CookieGate gate_ = gate_with(secrets_with(1));
  std::array<std::byte, CookieGate::kReplySize> reply_{};
  TimePoint now_{std::chrono::hours(1000)};
  const Datagram hello_ = test::from_hex(test::kFirstHello);
};

}  // namespace dtls::endpoint
