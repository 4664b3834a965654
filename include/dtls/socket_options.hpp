// Options of the UDP socket under a Server or Connection.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "dtls/error.hpp"

namespace dtls {

namespace net {
class UdpSocket;
}

// SocketOptions is a view: valid until the Server or Connection it came from is closed or moved.
// Its thread is theirs.
class SocketOptions {
 public:
  using SetIpv6Only = std::function<Result<void>(bool)>;
  SocketOptions(net::UdpSocket& socket, SetIpv6Only set_ipv6_only)
      : socket_(&socket), set_ipv6_only_(std::move(set_ipv6_only)) {}

  // set_ttl sets the IPv4 TTL, or IPv6 hop limit, of datagrams sent: 0 to 255, else EINVAL.
  Result<void> set_ttl(int ttl);
  // set_ipv6_only: whether an IPv6 socket refuses IPv4 (RFC 3493 §5.3). The kernel settles that
  // with the bind, so a server's socket is bound anew under the same descriptor number: datagrams
  // that arrive in that instant are lost. EINVAL for an IPv4 socket, and for a connection whose
  // peer is an IPv4 one; EADDRINUSE where another program has the port's IPv4 side.
  Result<void> set_ipv6_only(bool enable);
  // bind_to_device lets traffic pass only by the named interface; "" by all. ENODEV, EPERM.
  Result<void> bind_to_device(const std::string& interface_name);
  // Buffer sizes in bytes, 1024 to 16 MiB, else EINVAL. What was set is what is read. EPERM when
  // the system does not allow that much (net.core.rmem_max, wmem_max): it is as large as allowed
  // then.
  Result<void> set_receive_buffer_size(int bytes);
  Result<void> set_send_buffer_size(int bytes);
  [[nodiscard]] Result<int> receive_buffer_size() const;
  [[nodiscard]] Result<int> send_buffer_size() const;
  // take_error returns SO_ERROR and clears it; 0: none.
  int take_error();

 private:
  net::UdpSocket* socket_;
  SetIpv6Only set_ipv6_only_;
};

}  // namespace dtls
