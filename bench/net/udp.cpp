#include "net/udp.hpp"

#include <arpa/inet.h>
#include <netinet/udp.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/candidate.hpp"

namespace dtls::bench {
namespace {

void set_option(int socket, int level, int name, int value, const char* what) {
  require(setsockopt(socket, level, name, &value, sizeof(value)) == 0, what);
}

// add_control writes one control message and gives the memory behind it.
template <typename Value>
cmsghdr* add_control(msghdr& header, cmsghdr* at, int level, int type, const Value& value) {
  at->cmsg_level = level;
  at->cmsg_type = type;
  at->cmsg_len = CMSG_LEN(sizeof(value));
  std::memcpy(CMSG_DATA(at), &value, sizeof(value));
  header.msg_controllen += CMSG_SPACE(sizeof(value));
  return reinterpret_cast<cmsghdr*>(reinterpret_cast<std::byte*>(at) + CMSG_SPACE(sizeof(value)));
}

template <typename Value>
Value value_of(cmsghdr* control) {
  Value value;
  std::memcpy(&value, CMSG_DATA(control), sizeof(value));
  return value;
}

}  // namespace

sockaddr_in Peer::address() const {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = port;
  address.sin_addr.s_addr = ip;
  return address;
}

Address Peer::as_address() const {
  Address address;
  std::memcpy(address.ip.data(), &ip, sizeof(ip));
  address.port = ntohs(port);
  return address;
}

int open_socket(std::uint32_t ip, std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  require(fd >= 0, "cannot open a socket");
  const sockaddr_in local = Peer{htonl(ip), htons(port)}.address();
  require(bind(fd, reinterpret_cast<const sockaddr*>(&local), sizeof(local)) == 0,
          "cannot bind a socket");
  return fd;
}

std::uint16_t port_of(int socket) {
  sockaddr_in local{};
  socklen_t size = sizeof(local);
  require(getsockname(socket, reinterpret_cast<sockaddr*>(&local), &size) == 0, "getsockname");
  return ntohs(local.sin_port);
}

void connect_socket(int socket, const Peer& peer) {
  const sockaddr_in address = peer.address();
  require(connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0,
          "cannot connect a socket");
}

void enable_gro(int socket) {
  set_option(socket, IPPROTO_UDP, UDP_GRO, 1, "UDP_GRO");
}
void enable_packet_info(int socket) {
  set_option(socket, IPPROTO_IP, IP_PKTINFO, 1, "IP_PKTINFO");
}

void set_receive_buffer(int socket, int bytes) {
  if (setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == 0) return;
  set_option(socket, SOL_SOCKET, SO_RCVBUF, bytes, "SO_RCVBUF");
}

void set_receive_timeout(int socket, int milliseconds) {
  const timeval timeout{.tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000};
  require(setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0,
          "SO_RCVTIMEO");
}

Inbox::Inbox(int socket)
    : socket_(socket), memory_(kRuns * kRoom), slots_(kRuns), headers_(kRuns), runs_(kRuns) {
  for (std::size_t i = 0; i < kRuns; ++i) {
    auto& slot = slots_[i];
    slot.part = {.iov_base = memory_.data() + i * kRoom, .iov_len = kRoom};
    auto& header = headers_[i].msg_hdr;
    header.msg_name = &slot.from;
    header.msg_iov = &slot.part;
    header.msg_iovlen = 1;
    header.msg_control = slot.control.data();
  }
}

std::span<Inbox::Run> Inbox::receive(bool waits) {
  for (auto& header : headers_) {
    header.msg_hdr.msg_namelen = sizeof(sockaddr_in);
    header.msg_hdr.msg_controllen = sizeof(Slot::control);
  }
  const int got =
      recvmmsg(socket_, headers_.data(), kRuns, waits ? MSG_WAITFORONE : MSG_DONTWAIT, nullptr);
  if (got < 0) {
    require(errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED, "recvmmsg");
    return {};
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
    auto& header = headers_[i];
    auto& run = runs_[i];
    run.from = Peer::of(slots_[i].from);
    run.to = 0;
    run.bytes = std::span(memory_).subspan(i * kRoom, header.msg_len);
    run.segment = std::max<std::size_t>(header.msg_len, 1);
    for (auto* control = CMSG_FIRSTHDR(&header.msg_hdr); control != nullptr;
         control = CMSG_NXTHDR(&header.msg_hdr, control)) {
      if (control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
        run.segment = static_cast<std::size_t>(value_of<int>(control));
      } else if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
        run.to = value_of<in_pktinfo>(control).ipi_addr.s_addr;
      }
    }
  }
  return std::span(runs_).first(static_cast<std::size_t>(got));
}

Outbox::Outbox(int socket)
    : socket_(socket), memory_(std::size_t{4} * 65536), runs_(kRuns), headers_(kRuns) {}

std::span<std::byte> Outbox::room(std::size_t most) {
  if (count_ == kRuns || memory_.size() - used_ < most) flush();
  return std::span(memory_).subspan(used_, most);
}

bool Outbox::extends(const Run& run, const Peer* to, std::uint32_t from, std::size_t size) const {
  return !run.closed && run.from == from && run.connected == (to == nullptr) &&
         (to == nullptr || Peer::of(run.to) == *to) && size <= run.segment &&
         run.size + size <= kMostBytes && run.size < kSegments * run.segment;
}

void Outbox::commit(const Peer* to, std::uint32_t from, std::size_t size) {
  if (size == 0) return;
  if (count_ > 0 && extends(runs_[count_ - 1], to, from, size)) {
    auto& run = runs_[count_ - 1];
    run.size += size;
    run.closed = size < run.segment;
  } else {
    auto& run = runs_[count_++];
    run.to = to == nullptr ? sockaddr_in{} : to->address();
    run.connected = to == nullptr;
    run.from = from;
    run.begin = used_;
    run.size = run.segment = size;
    run.closed = false;
  }
  used_ += size;
}

void Outbox::describe(Run& run, msghdr& header) {
  run.part = {.iov_base = memory_.data() + run.begin, .iov_len = run.size};
  header = {};
  header.msg_iov = &run.part;
  header.msg_iovlen = 1;
  if (!run.connected) {
    header.msg_name = &run.to;
    header.msg_namelen = sizeof(run.to);
  }
  auto* control = reinterpret_cast<cmsghdr*>(run.control.data());
  header.msg_control = control;
  if (run.size > run.segment) {
    control = add_control(header, control, IPPROTO_UDP, UDP_SEGMENT,
                          static_cast<std::uint16_t>(run.segment));
  }
  if (run.from != 0) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = run.from;
    add_control(header, control, IPPROTO_IP, IP_PKTINFO, info);
  }
  if (header.msg_controllen == 0) header.msg_control = nullptr;
}

void Outbox::flush() {
  for (std::size_t i = 0; i < count_; ++i)
    describe(runs_[i], headers_[i].msg_hdr);
  for (std::size_t sent = 0; sent < count_;) {
    const int done = sendmmsg(socket_, &headers_[sent], static_cast<unsigned>(count_ - sent), 0);
    if (done > 0) {
      sent += static_cast<std::size_t>(done);
    } else {
      // The peer may have ended; what it does not take is lost, as datagrams are.
      require(errno == ECONNREFUSED || errno == EINTR || errno == ENOBUFS, "sendmmsg");
      if (errno != EINTR) ++sent;
    }
  }
  count_ = 0;
  used_ = 0;
}

}  // namespace dtls::bench
