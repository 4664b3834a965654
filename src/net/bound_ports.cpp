#include "net/bound_ports.hpp"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace dtls::net {
namespace {

// The kernel's name of an unconnected UDP socket's state (TCP_CLOSE).
constexpr std::string_view kUnconnected = "07";

struct Bound {
  Address local;
  bool connected = false;
  std::uint64_t inode = 0;
};

template <typename Number>
bool parse(std::string_view text, Number& into, int base) {
  const auto [stop, failure] = std::from_chars(text.data(), text.data() + text.size(), into, base);
  return failure == std::errc() && stop == text.data() + text.size();
}

// An address stands as 32-bit words, each printed as this machine reads it from memory.
std::optional<Address> parse_address(std::string_view text) {
  constexpr std::size_t kDigits = 8;  // of a word
  const std::size_t colon = text.find(':');
  if (colon != kDigits && colon != 4 * kDigits) return {};
  Address address;
  address.family = colon == kDigits ? Address::Family::kIpv4 : Address::Family::kIpv6;
  for (std::size_t at = 0; at < colon; at += kDigits) {
    std::uint32_t word = 0;
    if (!parse(text.substr(at, kDigits), word, 16)) return {};
    std::memcpy(address.ip.data() + at / 2, &word, sizeof word);
  }
  if (!parse(text.substr(colon + 1), address.port, 16)) return {};
  return address;
}

// A line: slot, local, peer, state, queues, timer, retransmissions, uid, timeout, inode, ...
std::optional<Bound> parse_line(const std::string& line) {
  std::istringstream fields(line);
  std::string slot;
  std::string local;
  std::string state;
  std::string inode;
  std::string skipped;
  fields >> slot >> local >> skipped >> state;
  for (int i = 0; i < 5; ++i)
    fields >> skipped;
  fields >> inode;
  const auto address = parse_address(local);
  Bound bound;
  if (!address || !parse(inode, bound.inode, 10)) return {};
  bound.local = *address;
  bound.connected = state != kUnconnected;
  return bound;
}

// An IPv4-mapped address is IPv4's.
Address plain(const Address& address) {
  if (!address.is_ipv4_mapped()) return address;
  Address ipv4;
  ipv4.port = address.port;
  std::copy(address.ip.begin() + 12, address.ip.end(), ipv4.ip.begin());
  return ipv4;
}

// An IPv6 wildcard socket of another program is not held against IPv4: whether it takes IPv4 as
// well is not in the table, and bind(2) asks for that.
bool overlap(const Address& local, bool ipv6_only, const Address& other) {
  if (local.port != other.port) return false;
  if (local.family == other.family) {
    return local.is_wildcard() || other.is_wildcard() || local.ip == other.ip;
  }
  return local.family == Address::Family::kIpv6 && local.is_wildcard() && !ipv6_only;
}

}  // namespace

std::optional<bool> is_served(const Address& local, bool ipv6_only, std::uint64_t except) {
  bool has_told = false;
  for (const char* table : {"/proc/self/net/udp", "/proc/self/net/udp6"}) {
    std::ifstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      has_told = true;
      const auto bound = parse_line(line);
      if (bound && !bound->connected && bound->inode != except &&
          overlap(plain(local), ipv6_only, plain(bound->local))) {
        return true;
      }
    }
  }
  return has_told ? std::optional(false) : std::nullopt;
}

}  // namespace dtls::net
