// One datagram out, from the address that the peer wrote to.
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "net/sockaddr.hpp"
#include "net/udp_socket.hpp"

namespace dtls::net {
namespace {

struct alignas(cmsghdr) Control {
  std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo))> bytes{};
};

template <typename Info>
void put(msghdr& message, Control& control, int level, int type, const Info& info) {
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

void put_source(msghdr& message, Control& control, const Address& local) {
  if (local.family == Address::Family::kIpv4) {
    in_pktinfo info{};
    info.ipi_spec_dst = to_in_addr(local);
    put(message, control, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    info.ipi6_addr = to_in6_addr(local);
    info.ipi6_ifindex = local.scope;
    put(message, control, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

int send_message(int fd, const msghdr& message) {
  while (::sendmsg(fd, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

iovec as_iovec(std::span<const std::byte> datagram) {
  return {const_cast<std::byte*>(datagram.data()), datagram.size()};  // NOLINT(*-const-cast)
}

}  // namespace

Result<void> UdpSocket::send(std::span<const std::byte> datagram) {
  iovec bytes = as_iovec(datagram);
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (const int failure = send_message(fd_, message)) {
    return refused("cannot send " + std::to_string(datagram.size()) + " bytes to the peer",
                   failure);
  }
  return {};
}

Result<void> UdpSocket::send_to(std::span<const std::byte> datagram, const Address& peer,
                                const std::optional<Address>& local) {
  iovec bytes = as_iovec(datagram);
  SocketAddress destination = to_sockaddr(peer);
  Control control;
  msghdr message{};
  message.msg_name = destination.get();
  message.msg_namelen = destination.length;
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (local && !local->is_wildcard()) put_source(message, control, *local);
  if (const int failure = send_message(fd_, message)) {
    const std::string from = local ? " from " + local->host() : std::string();
    return refused(
        "cannot send " + std::to_string(datagram.size()) + " bytes to " + peer.text() + from,
        failure);
  }
  return {};
}

}  // namespace dtls::net
