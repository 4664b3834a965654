#include "net/bound_ports.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
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

// take_field removes the first field from a line and returns it; empty at the line's end.
std::string_view take_field(std::string_view& line) {
  constexpr std::string_view kSpaces = " \n";
  line.remove_prefix(std::min(line.find_first_not_of(kSpaces), line.size()));
  const std::string_view field = line.substr(0, line.find_first_of(kSpaces));
  line.remove_prefix(field.size());
  return field;
}

// A line: slot, local, peer, state, queues, timer, retransmissions, uid, timeout, inode, ...
std::optional<Bound> parse_line(std::string_view line) {
  std::array<std::string_view, 10> fields;
  for (std::string_view& field : fields)
    field = take_field(line);
  const auto address = parse_address(fields[1]);
  Bound bound;
  if (!address || !parse(fields[9], bound.inode, 10)) return {};
  bound.local = *address;
  bound.connected = fields[3] != kUnconnected;
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
  // Not std::ifstream: the streams of libstdc++ bring its locales, which need glibc's own, and the
  // addon runs on musl too.
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  bool has_told = false;
  for (const char* table : {"/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"}) {
    const File file(std::fopen(table, "re"), &std::fclose);
    std::array<char, 512> line{};  // lines have less than 200 characters
    while (file && std::fgets(line.data(), static_cast<int>(line.size()), file.get()) != nullptr) {
      has_told = true;
      const auto bound = parse_line(line.data());
      if (bound && !bound->connected && bound->inode != except &&
          overlap(plain(local), ipv6_only, plain(bound->local))) {
        return true;
      }
    }
  }
  return has_told ? std::optional(false) : std::nullopt;
}

}  // namespace dtls::net
