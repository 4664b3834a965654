// A UDP address: IPv4, or IPv6 with scope, and a port.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dtls/error.hpp"

namespace dtls {

// Address is a plain value: comparable, hashable, no descriptor behind it. Any thread.
struct Address {
  enum class Family : std::uint8_t { kIpv4, kIpv6 };

  Family family = Family::kIpv4;
  std::array<std::uint8_t, 16> ip{};  // network order; IPv4 uses the first four bytes
  std::uint16_t port = 0;             // host order
  std::uint32_t scope = 0;            // interface index of a link-local IPv6 address, else 0

  // parse reads an IP literal ("192.0.2.1", "2001:db8::1", "fe80::1%eth0"; no host names).
  // Fails with EINVAL.
  static Result<Address> parse(std::string_view literal, std::uint16_t port);

  // host gives the IP literal, with "%scope" where one is set.
  [[nodiscard]] std::string host() const;
  // text gives "192.0.2.1:5684" or "[2001:db8::1]:5684".
  [[nodiscard]] std::string text() const;
  // is_ipv4_mapped is true for ::ffff:0:0/96, IPv4 on a socket for both (RFC 4291 §2.5.5.2).
  [[nodiscard]] bool is_ipv4_mapped() const;
  // is_wildcard is true for 0.0.0.0 and ::.
  [[nodiscard]] bool is_wildcard() const;

  friend bool operator==(const Address&, const Address&) = default;
};

}  // namespace dtls

template <>
struct std::hash<dtls::Address> {
  std::size_t operator()(const dtls::Address& address) const noexcept;
};
