// Many datagrams in by one system call: recvmmsg, and within each message UDP_GRO.
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "net/sockaddr.hpp"
#include "net/udp_socket.hpp"

namespace dtls::net {
namespace {

constexpr std::size_t kMessages = 32;
constexpr std::size_t kMessageSize = 65'536;  // a UDP datagram, or a GRO run, is at most 65,535

// What the kernel tells beside the bytes.
struct Facts {
  std::optional<Address> local;
  std::size_t segment_size = 0;  // 0: one datagram
};

template <typename Value>
Value read_control(const cmsghdr& header) {
  Value value{};
  std::memcpy(&value, CMSG_DATA(&header), sizeof value);
  return value;
}

Facts read_facts(msghdr& message, std::uint16_t local_port) {
  Facts facts;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      facts.local = ipv4_address(read_control<in_pktinfo>(*header).ipi_spec_dst, local_port);
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      const auto info = read_control<in6_pktinfo>(*header);
      if (IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) continue;  // no answer can come from there
      facts.local = ipv6_address(info.ipi6_addr, local_port, info.ipi6_ifindex);
    } else if (header->cmsg_level == SOL_UDP && header->cmsg_type == UDP_GRO) {
      facts.segment_size = static_cast<std::size_t>(std::max(read_control<int>(*header), 0));
    }
  }
  return facts;
}

}  // namespace

struct ReceiveBatch::Storage {
  // Holds the packet info of either family and GRO's segment size.
  struct alignas(cmsghdr) Control {
    std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo)) +
                              CMSG_SPACE(sizeof(int))>
        bytes;
  };

  Storage() {
    for (std::size_t i = 0; i < kMessages; ++i) {
      parts[i] = {bytes.get() + i * kMessageSize, kMessageSize};
      msghdr& header = messages[i].msg_hdr;
      header.msg_name = &peers[i];
      header.msg_iov = &parts[i];
      header.msg_iovlen = 1;
      header.msg_control = controls[i].bytes.data();
      prepare(i);
    }
  }

  // The kernel writes the lengths of what it filled over those of what it may fill.
  void prepare(std::size_t i) {
    messages[i].msg_hdr.msg_namelen = sizeof peers[i];
    messages[i].msg_hdr.msg_controllen = sizeof controls[i].bytes;
  }

  void take(std::size_t i, std::uint16_t local_port);

  std::unique_ptr<std::byte[]> bytes =
      std::make_unique_for_overwrite<std::byte[]>(kMessages * kMessageSize);
  std::array<mmsghdr, kMessages> messages{};
  std::array<iovec, kMessages> parts{};
  std::array<sockaddr_in6, kMessages> peers{};  // the larger of the two families
  std::array<Control, kMessages> controls{};
  std::vector<Incoming> datagrams;
  bool is_full = false;
};

void ReceiveBatch::Storage::take(std::size_t i, std::uint16_t local_port) {
  msghdr& header = messages[i].msg_hdr;
  // NOLINTNEXTLINE(*-reinterpret-cast)
  const auto peer = from_sockaddr(reinterpret_cast<const sockaddr*>(&peers[i]));
  const Facts facts = read_facts(header, local_port);
  std::span<std::byte> rest(bytes.get() + i * kMessageSize, messages[i].msg_len);
  const bool truncated = (header.msg_flags & MSG_TRUNC) != 0;
  prepare(i);
  if (!peer || truncated) return;
  do {
    const std::size_t size =
        facts.segment_size == 0 ? rest.size() : std::min(facts.segment_size, rest.size());
    datagrams.push_back({*peer, facts.local, rest.first(size)});
    rest = rest.subspan(size);
  } while (!rest.empty());
}

ReceiveBatch::ReceiveBatch() : storage_(std::make_unique<Storage>()) {}
ReceiveBatch::~ReceiveBatch() = default;
ReceiveBatch::ReceiveBatch(ReceiveBatch&&) noexcept = default;
ReceiveBatch& ReceiveBatch::operator=(ReceiveBatch&&) noexcept = default;

std::span<Incoming> ReceiveBatch::datagrams() {
  return storage_->datagrams;
}

bool ReceiveBatch::is_full() const {
  return storage_->is_full;
}

Result<std::size_t> UdpSocket::receive(ReceiveBatch& batch) {
  ReceiveBatch::Storage& storage = *batch.storage_;
  storage.datagrams.clear();
  storage.is_full = false;
  int count = 0;
  do {
    count = ::recvmmsg(fd_, storage.messages.data(), kMessages, MSG_DONTWAIT, nullptr);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    if (errno == EAGAIN) return std::size_t{0};
    return refused("cannot receive", errno);
  }
  storage.is_full = static_cast<std::size_t>(count) == kMessages;
  const std::uint16_t port = local_port();
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
    storage.take(i, port);
  return storage.datagrams.size();
}

}  // namespace dtls::net
