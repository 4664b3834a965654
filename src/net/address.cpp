#include "dtls/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <random>

#include "net/siphash.hpp"
#include "net/sockaddr.hpp"

namespace dtls {
namespace {

Error unusable(std::string message) {
  return {ErrorKind::kMisuse, EINVAL, std::move(message), std::nullopt};
}

// A scope is an interface's name or its number; 0 when it is neither.
std::uint32_t parse_scope(const std::string& text) {
  if (const unsigned index = ::if_nametoindex(text.c_str())) return index;
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  return failure == std::errc() && stop == end ? number : 0;
}

net::SipKey random_key() {
  std::random_device device;
  const auto word = [&] { return (std::uint64_t{device()} << 32) | device(); };
  return {word(), word()};
}

}  // namespace

Result<Address> Address::parse(std::string_view literal, std::uint16_t port) {
  const std::size_t percent = literal.find('%');
  const std::string ip_text(literal.substr(0, percent));
  const bool whole = literal.find('\0') == std::string_view::npos;  // inet_pton would stop there

  in_addr ipv4{};
  if (whole && percent == std::string_view::npos &&
      ::inet_pton(AF_INET, ip_text.c_str(), &ipv4) == 1) {
    return net::ipv4_address(ipv4, port);
  }
  in6_addr ipv6{};
  if (!whole || ::inet_pton(AF_INET6, ip_text.c_str(), &ipv6) != 1) {
    return unusable("\"" + std::string(literal) +
                    "\" is not an IP address; write one such as 192.0.2.1 or 2001:db8::1");
  }
  if (percent == std::string_view::npos) return net::ipv6_address(ipv6, port, 0);

  const std::string scope_text(literal.substr(percent + 1));
  const std::uint32_t scope = parse_scope(scope_text);
  if (scope == 0) {
    return unusable("there is no network interface \"" + scope_text + "\" for the address " +
                    std::string(literal) + "; write its name or its number after the %");
  }
  const Address address = net::ipv6_address(ipv6, port, scope);
  if (!net::needs_scope(address)) {
    return unusable("the address " + ip_text +
                    " is not link-local and so has no interface; leave out the %" + scope_text);
  }
  return address;
}

std::string Address::host() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  ::inet_ntop(family == Family::kIpv4 ? AF_INET : AF_INET6, ip.data(), buffer.data(),
              static_cast<socklen_t>(buffer.size()));
  std::string result = buffer.data();
  if (scope != 0) {
    std::array<char, IF_NAMESIZE> name{};
    const bool named = ::if_indextoname(scope, name.data()) != nullptr;
    result += '%';
    result += named ? std::string(name.data()) : std::to_string(scope);
  }
  return result;
}

std::string Address::text() const {
  const std::string port_text = std::to_string(port);
  return family == Family::kIpv4 ? host() + ":" + port_text : "[" + host() + "]:" + port_text;
}

bool Address::is_ipv4_mapped() const {
  constexpr std::array<std::uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return family == Family::kIpv6 && std::equal(kPrefix.begin(), kPrefix.end(), ip.begin());
}

bool Address::is_wildcard() const {
  const auto used = family == Family::kIpv4 ? 4 : 16;
  return std::all_of(ip.begin(), ip.begin() + used, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace dtls

// Keyed: who owns an IPv6 network can choose addresses, but not ones that collide.
std::size_t std::hash<dtls::Address>::operator()(const dtls::Address& address) const noexcept {
  static const dtls::net::SipKey kKey = dtls::random_key();
  std::array<std::uint64_t, 3> words{};
  std::memcpy(words.data(), address.ip.data(), address.ip.size());
  words[2] = (std::uint64_t{address.scope} << 32) | (std::uint64_t{address.port} << 8) |
             static_cast<std::uint64_t>(address.family);
  return dtls::net::siphash13(kKey, words);
}
