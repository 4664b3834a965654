#include "bogo/wire.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <limits>

namespace dtls::bogo {
namespace {

constexpr std::byte kPacket{'P'};
constexpr std::byte kTimeout{'T'};
constexpr std::byte kTimeoutAck{'t'};
constexpr std::byte kMtu{'M'};
constexpr std::byte kExpectTimeout{'E'};
constexpr std::byte kUpdateTimeout{'U'};

constexpr std::uint64_t kNoTimeout = std::numeric_limits<std::uint64_t>::max();
// More than UDP can carry; some tests try just that.
constexpr std::uint64_t kMaxDatagram = 1U << 20U;
constexpr std::size_t kLengthSize = 4;
constexpr std::size_t kTimeSize = 8;

// A century: no sum of such waits in one test overflows the clock.
constexpr std::uint64_t kMaxWait = std::uint64_t{100} * 365 * 24 * 3600 * 1'000'000'000;

Error unreachable() {
  return {ErrorKind::kSystem, errno, "The runner cannot be reached.", {}};
}

bool connect_loopback(int socket, std::uint16_t port, bool ipv6) {
  if (ipv6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Result<RunnerLink> RunnerLink::connect(std::uint16_t port, bool ipv6, std::uint64_t shim_id) {
  net::Descriptor socket(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0 || !connect_loopback(socket.get(), port, ipv6)) {
    return unreachable();
  }
  const int on = 1;  // without it every answer waits for the acknowledgement of the one before
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  RunnerLink link(std::move(socket));
  std::array<std::byte, 8> id{};
  for (auto& byte : id) {
    byte = static_cast<std::byte>(shim_id & 0xffU);
    shim_id >>= 8U;
  }
  if (!link.send_all(id)) {
    return unreachable();
  }
  return link;
}

RunnerLink::~RunnerLink() {
  if (socket_.get() < 0) {
    return;
  }
  ::shutdown(socket_.get(), SHUT_WR);
  std::array<std::byte, 1024> rest;
  while (::recv(socket_.get(), rest.data(), rest.size(), 0) > 0) {
  }
}

Command RunnerLink::next() {
  std::byte letter{};
  if (!read_all({&letter, 1})) {
    return RunnerLeft{};
  }
  const bool is_time = letter == kTimeout || letter == kExpectTimeout;
  const auto number = read_number(is_time ? kTimeSize : kLengthSize);
  if (!number) {
    return Garbled{"The runner's connection ends within a command."};
  }
  if (letter == kExpectTimeout && *number == kNoTimeout) {
    return ExpectDeadline{};
  }
  if (is_time && *number > kMaxWait) {
    return Garbled{"The runner names a time of more than a century."};
  }
  const auto time = std::chrono::nanoseconds(static_cast<std::int64_t>(is_time ? *number : 0));
  switch (letter) {
    case kTimeout:
      return TimePasses{time};
    case kExpectTimeout:
      return ExpectDeadline{time};
    case kMtu:
      return NewMtu{static_cast<std::uint32_t>(*number)};
    case kUpdateTimeout:
      return NewFirstTimeout{std::chrono::milliseconds(*number)};
    case kPacket:
      break;
    default:
      return Garbled{"The runner sends a command that we do not know."};
  }
  if (*number > kMaxDatagram) {
    return Garbled{"The runner sends a datagram of more than a megabyte."};
  }
  Datagram datagram{std::vector<std::byte>(static_cast<std::size_t>(*number))};
  if (!read_all(datagram.bytes)) {
    return Garbled{"The runner's connection ends within a datagram."};
  }
  return datagram;
}

bool RunnerLink::send_datagram(std::span<const std::byte> datagram) {
  std::vector<std::byte> framed;
  framed.reserve(1 + kLengthSize + datagram.size());
  framed.push_back(kPacket);
  for (unsigned shift = 8 * kLengthSize; shift != 0;) {
    shift -= 8;
    framed.push_back(static_cast<std::byte>((datagram.size() >> shift) & 0xffU));
  }
  framed.insert(framed.end(), datagram.begin(), datagram.end());
  return send_all(framed);
}

bool RunnerLink::acknowledge_time() {
  return send_all({&kTimeoutAck, 1});
}

bool RunnerLink::send_all(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent <= 0) {
      return false;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool RunnerLink::read_all(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto got = ::recv(socket_.get(), out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return false;
    }
    out = out.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

std::optional<std::uint64_t> RunnerLink::read_number(std::size_t size) {
  std::array<std::byte, kTimeSize> bytes{};
  if (!read_all(std::span(bytes).first(size))) {
    return std::nullopt;
  }
  std::uint64_t number = 0;
  for (const std::byte byte : std::span(bytes).first(size)) {
    number = number << 8U | std::to_integer<std::uint64_t>(byte);
  }
  return number;
}

}  // namespace dtls::bogo
