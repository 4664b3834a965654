#include "net/sockaddr.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

namespace dtls::net {
namespace {

std::string reason_and_advice(int sys_errno) {
  switch (sys_errno) {
    case EADDRINUSE:
      return "the address is already in use; stop the other program or choose another port";
    case EADDRNOTAVAIL:
      return "this host has no such address; choose one of its interfaces' addresses";
    case EACCES:
      return "permission denied; ports below 1024 and broadcast addresses need a privilege";
    case EAFNOSUPPORT:
      return "this system does not have the address family; use the other of IPv4 and IPv6";
    case EMFILE:
    case ENFILE:
      return "there are too many open descriptors; close some or raise the limit (ulimit -n)";
    case EAGAIN:
      return "the send buffer is full; try again when the socket is writable";
    case ECONNREFUSED:
      return "nobody listens at the peer's port; check the address and that the peer runs";
    case ENETUNREACH:
    case EHOSTUNREACH:
      return "there is no route to the address; check the network and the address family";
    case EMSGSIZE:
      return "the datagram is larger than the path takes; send a smaller one";
    case EPERM:
      return "permission denied; the program needs a privilege, or a firewall forbids it";
    case ENODEV:
      return "there is no such network interface; check its name";
    default:
      return std::generic_category().message(sys_errno);
  }
}

}  // namespace

Error refused(const std::string& what, int sys_errno) {
  return {ErrorKind::kSystem, sys_errno, what + ": " + reason_and_advice(sys_errno), std::nullopt};
}

in_addr to_in_addr(const Address& ipv4) {
  in_addr ip{};
  std::memcpy(&ip, ipv4.ip.data(), sizeof ip);
  return ip;
}

in6_addr to_in6_addr(const Address& ipv6) {
  in6_addr ip{};
  std::memcpy(&ip, ipv6.ip.data(), sizeof ip);
  return ip;
}

Address ipv4_address(const in_addr& ip, std::uint16_t port) {
  Address address;
  address.family = Address::Family::kIpv4;
  std::memcpy(address.ip.data(), &ip, sizeof ip);
  address.port = port;
  return address;
}

Address ipv6_address(const in6_addr& ip, std::uint16_t port, std::uint32_t interface_index) {
  Address address;
  address.family = Address::Family::kIpv6;
  std::memcpy(address.ip.data(), &ip, sizeof ip);
  address.port = port;
  if (needs_scope(address)) address.scope = interface_index;
  return address;
}

// RFC 4007 §4: link-local unicast, and multicast of interface-local and link-local scope.
bool needs_scope(const Address& address) {
  if (address.family != Address::Family::kIpv6) return false;
  const in6_addr ip = to_in6_addr(address);
  return IN6_IS_ADDR_LINKLOCAL(&ip) || IN6_IS_ADDR_MC_LINKLOCAL(&ip) ||
         IN6_IS_ADDR_MC_NODELOCAL(&ip);
}

socklen_t write_sockaddr(const Address& address, sockaddr_in6* to) {
  if (address.family == Address::Family::kIpv4) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    in.sin_addr = to_in_addr(address);
    std::memcpy(to, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(address.port);
  in.sin6_addr = to_in6_addr(address);
  in.sin6_scope_id = address.scope;
  *to = in;
  return sizeof in;
}

SocketAddress to_sockaddr(const Address& address) {
  SocketAddress result;
  sockaddr_in6 system{};
  result.length = write_sockaddr(address, &system);
  std::memcpy(&result.storage, &system, sizeof system);
  return result;
}

std::optional<Address> from_sockaddr(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    return ipv4_address(in.sin_addr, ntohs(in.sin_port));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    return ipv6_address(in.sin6_addr, ntohs(in.sin6_port), in.sin6_scope_id);
  }
  return std::nullopt;
}

}  // namespace dtls::net
