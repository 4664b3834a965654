// Options of the UDP socket under a Server or Connection.
#pragma once

#include <string>

#include "dtls/error.hpp"

namespace dtls {

namespace net {
class UdpSocket;
}

// SocketOptions is a view: valid until the Server or Connection it came from is closed or moved.
// Its thread is theirs.
class SocketOptions {
 public:
  explicit SocketOptions(net::UdpSocket& socket) : socket_(&socket) {}

  // set_ttl sets the IPv4 TTL, or IPv6 hop limit, of datagrams sent: 0 to 255, else EINVAL.
  Result<void> set_ttl(int ttl);
  // set_ipv6_only: whether an IPv6 socket refuses IPv4 (RFC 3493 §5.3). EINVAL where the kernel
  // does not change it any more (a bound socket).
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
};

}  // namespace dtls
