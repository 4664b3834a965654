// What the kernel is told about an outgoing message beside its bytes.
#pragma once

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "net/sockaddr.hpp"

namespace dtls::net {

// Envelope is the memory of one message's destination and control messages. It has no initial
// values, because a system call takes an array of which often one is used.
class Envelope {
 public:
  // address fills `message` and `bytes` for one datagram, or for datagrams of `segment` bytes each
  // where that is not 0. `peer` is null on a connected socket; a `local` that is null or a wildcard
  // leaves the source address to the kernel. The envelope must not move afterwards.
  void address(msghdr& message, iovec& bytes, std::span<const std::byte> datagrams,
               const Address* peer, const Address* local, std::size_t segment) {
    bytes = {const_cast<std::byte*>(datagrams.data()), datagrams.size()};  // NOLINT(*-const-cast)
    message = {};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    if (peer != nullptr) {
      message.msg_name = &destination_;
      message.msg_namelen = write_sockaddr(*peer, &destination_);
    }
    if (local != nullptr && !local->is_wildcard()) append_source(message, *local);
    if (segment != 0) append(message, SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment));
  }

 private:
  void append_source(msghdr& message, const Address& local) {
    if (local.family == Address::Family::kIpv4) {
      in_pktinfo info{};
      info.ipi_spec_dst = to_in_addr(local);
      append(message, IPPROTO_IP, IP_PKTINFO, info);
    } else {
      in6_pktinfo info{};
      info.ipi6_addr = to_in6_addr(local);
      info.ipi6_ifindex = local.scope;
      append(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
  }

  template <typename Value>
  void append(msghdr& message, int level, int type, const Value& value) {
    std::byte* place = control_.data() + message.msg_controllen;
    std::memset(place, 0, CMSG_SPACE(sizeof value));
    cmsghdr header{};
    header.cmsg_level = level;
    header.cmsg_type = type;
    header.cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(place, &header, sizeof header);
    std::memcpy(place + CMSG_LEN(0), &value, sizeof value);
    message.msg_control = control_.data();
    message.msg_controllen += CMSG_SPACE(sizeof value);
  }

  sockaddr_in6 destination_;  // the larger of the two families
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo)) +
                                             CMSG_SPACE(sizeof(std::uint16_t))> control_;
};

}  // namespace dtls::net
