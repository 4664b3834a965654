// The options of a socket that programs may set.
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "net/sockaddr.hpp"
#include "net/udp_socket.hpp"

namespace dtls::net {
namespace {

constexpr int kSmallestBuffer = 1024;
constexpr int kLargestBuffer = 16 * 1024 * 1024;

Error misuse(int sys_errno, std::string message) {
  return {ErrorKind::kMisuse, sys_errno, std::move(message), std::nullopt};
}

int set(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

Result<int> get(int fd, int level, int name, const std::string& what) {
  int value = 0;
  socklen_t size = sizeof value;
  if (::getsockopt(fd, level, name, &value, &size) != 0) return refused(what, errno);
  return value;
}

struct Families {
  bool ipv4 = false;
  bool ipv6 = false;
};

Result<Families> served_families(int fd, const std::string& what) {
  auto domain = get(fd, SOL_SOCKET, SO_DOMAIN, what);
  if (!domain) return std::move(domain).error();
  if (*domain != AF_INET6) return Families{true, false};
  auto only = get(fd, IPPROTO_IPV6, IPV6_V6ONLY, what);
  if (!only) return std::move(only).error();
  return Families{*only == 0, true};
}

Result<int> granted_size(int fd, UdpSocket::Buffer which) {
  const int name = which == UdpSocket::Buffer::kReceive ? SO_RCVBUF : SO_SNDBUF;
  auto size = get(fd, SOL_SOCKET, name, "cannot read the buffer size");
  if (!size) return size;
  return *size / 2;  // the kernel doubles what was set, for its own bookkeeping
}

}  // namespace

Result<void> UdpSocket::set_ttl(int ttl) {
  const std::string what = "cannot set the TTL to " + std::to_string(ttl);
  if (ttl < 0 || ttl > 255) return misuse(EINVAL, what + ": it must be 0 to 255");
  auto families = served_families(fd_, what);
  if (!families) return std::move(families).error();
  if (families->ipv4) {
    if (const int failure = set(fd_, IPPROTO_IP, IP_TTL, ttl)) {
      if (failure != EINVAL) return refused(what, failure);
      return misuse(EINVAL, what + ": the system refuses it for IPv4; use 1 to 255");
    }
  }
  if (families->ipv6) {
    if (const int failure = set(fd_, IPPROTO_IPV6, IPV6_UNICAST_HOPS, ttl)) {
      return refused(what, failure);
    }
  }
  return {};
}

Result<void> UdpSocket::set_ipv6_only(bool enable) {
  const std::string what = std::string("cannot switch IPv6-only ") + (enable ? "on" : "off");
  auto domain = get(fd_, SOL_SOCKET, SO_DOMAIN, what);
  if (!domain) return std::move(domain).error();
  if (*domain != AF_INET6) {
    return misuse(EINVAL, what + ": this is an IPv4 socket; bind an IPv6 address such as ::");
  }
  auto current = get(fd_, IPPROTO_IPV6, IPV6_V6ONLY, what);
  if (!current) return std::move(current).error();
  if ((*current != 0) == enable) return {};
  const int failure = set(fd_, IPPROTO_IPV6, IPV6_V6ONLY, enable ? 1 : 0);
  if (failure == EINVAL) {
    return misuse(EINVAL, what + ": the socket is bound already; choose it when binding");
  }
  if (failure != 0) return refused(what, failure);
  return {};
}

Result<void> UdpSocket::bind_to_device(const std::string& interface_name) {
  const std::string what = "cannot bind to the device \"" + interface_name + "\"";
  // The system would take a longer name's beginning, and a name up to its first NUL.
  if (interface_name.size() >= IF_NAMESIZE || interface_name.find('\0') != std::string::npos) {
    return refused(what, ENODEV);
  }
  if (::setsockopt(fd_, SOL_SOCKET, SO_BINDTODEVICE, interface_name.c_str(),
                   static_cast<socklen_t>(interface_name.size())) != 0) {
    return refused(what, errno);
  }
  return {};
}

std::string UdpSocket::device() const {
  std::array<char, IF_NAMESIZE> name{};
  socklen_t size = name.size();
  return ::getsockopt(fd_, SOL_SOCKET, SO_BINDTODEVICE, name.data(), &size) == 0 ? name.data() : "";
}

Result<void> UdpSocket::set_buffer_size(Buffer which, int bytes) {
  const bool receive = which == Buffer::kReceive;
  const std::string what = std::string("cannot set the ") + (receive ? "receive" : "send") +
                           " buffer to " + std::to_string(bytes) + " bytes";
  if (bytes < kSmallestBuffer || bytes > kLargestBuffer) {
    return misuse(EINVAL, what + ": it must be 1024 bytes to 16 MiB");
  }
  if (const int failure = set(fd_, SOL_SOCKET, receive ? SO_RCVBUF : SO_SNDBUF, bytes)) {
    return refused(what, failure);
  }
  auto granted = granted_size(fd_, which);
  if (!granted) return std::move(granted).error();
  if (*granted < bytes) {
    // Beyond the system's limit: for privileged programs only.
    set(fd_, SOL_SOCKET, receive ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, bytes);
    granted = granted_size(fd_, which);
    if (!granted) return std::move(granted).error();
  }
  int& remembered = buffer_set_.at(static_cast<std::size_t>(which));
  remembered = std::min(*granted, bytes);
  if (*granted < bytes) {
    return Error{ErrorKind::kSystem,
                 EPERM,
                 what + ": the system allows " + std::to_string(*granted) +
                     " bytes, which it has now; raise " +
                     (receive ? "net.core.rmem_max" : "net.core.wmem_max") +
                     " or run with CAP_NET_ADMIN",
                 {}};
  }
  return {};
}

Result<int> UdpSocket::buffer_size(Buffer which) const {
  const int remembered = buffer_set_.at(static_cast<std::size_t>(which));
  if (remembered != 0 && fd_ >= 0) return remembered;
  return granted_size(fd_, which);
}

}  // namespace dtls::net
