#include "dtls/socket_options.hpp"

#include "net/udp_socket.hpp"

namespace dtls {

using Buffer = net::UdpSocket::Buffer;

Result<void> SocketOptions::set_ttl(int ttl) {
  return socket_->set_ttl(ttl);
}
Result<void> SocketOptions::set_ipv6_only(bool enable) {
  return set_ipv6_only_(enable);
}
Result<void> SocketOptions::bind_to_device(const std::string& interface_name) {
  return socket_->bind_to_device(interface_name);
}
Result<void> SocketOptions::set_receive_buffer_size(int bytes) {
  return socket_->set_buffer_size(Buffer::kReceive, bytes);
}
Result<void> SocketOptions::set_send_buffer_size(int bytes) {
  return socket_->set_buffer_size(Buffer::kSend, bytes);
}
Result<int> SocketOptions::receive_buffer_size() const {
  return socket_->buffer_size(Buffer::kReceive);
}
Result<int> SocketOptions::send_buffer_size() const {
  return socket_->buffer_size(Buffer::kSend);
}
int SocketOptions::take_error() {
  return socket_->take_error();
}

}  // namespace dtls
