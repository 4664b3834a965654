// Address <-> the system's sockaddr, and the sentences for what the system refuses.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>
#include <string>

#include "dtls/address.hpp"
#include "dtls/error.hpp"

namespace dtls::net {

// SocketAddress is a sockaddr of either family with its length.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&storage);  // NOLINT(*-reinterpret-cast)
  }
  [[nodiscard]] sockaddr* get() {
    return reinterpret_cast<sockaddr*>(&storage);  // NOLINT(*-reinterpret-cast)
  }
};

SocketAddress to_sockaddr(const Address& address);
// write_sockaddr writes the form of the address's family, of which sockaddr_in6 is the larger, and
// returns its length.
socklen_t write_sockaddr(const Address& address, sockaddr_in6* to);
// from_sockaddr gives nullopt for another family than IPv4 and IPv6. `address` points to as many
// bytes as its family has.
std::optional<Address> from_sockaddr(const sockaddr* address);

Address ipv4_address(const in_addr& ip, std::uint16_t port);
// ipv6_address keeps the interface of a link-local address and drops it for all others.
Address ipv6_address(const in6_addr& ip, std::uint16_t port, std::uint32_t interface_index);
in_addr to_in_addr(const Address& ipv4);
in6_addr to_in6_addr(const Address& ipv6);
bool needs_scope(const Address& address);

// refused makes an Error of kind kSystem: "<what>: <reason>; <advice>".
Error refused(const std::string& what, int sys_errno);

}  // namespace dtls::net
