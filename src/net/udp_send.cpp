// Datagrams out, from the address that the peer wrote to: one, or a batch by UDP_SEGMENT and
// sendmmsg.
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "net/envelope.hpp"
#include "net/sockaddr.hpp"
#include "net/transmit_batch.hpp"
#include "net/udp_socket.hpp"

namespace dtls::net {
namespace {

using Run = TransmitBatch::Run;

Error not_sent(std::size_t size, const Address* peer, const Address* local, int sys_errno) {
  const std::string bytes = std::to_string(size);
  if (peer == nullptr) return refused("cannot send " + bytes + " bytes to the peer", sys_errno);
  const std::string from = local != nullptr ? " from " + local->host() : std::string();
  return refused("cannot send " + bytes + " bytes to " + peer->text() + from, sys_errno);
}

Error not_sent(const Run& run, int sys_errno) {
  if (!run.path) return not_sent(run.segment, nullptr, nullptr, sys_errno);
  return not_sent(run.segment, &run.path->peer, &run.path->local, sys_errno);
}

int send_message(int fd, const msghdr& message) {
  while (::sendmsg(fd, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

int send_one(int fd, std::span<const std::byte> datagram, const Address* peer,
             const Address* local) {
  Envelope envelope;
  msghdr message{};
  iovec bytes{};
  envelope.address(message, bytes, datagram, peer, local, 0);
  return send_message(fd, message);
}

// EINVAL: a segment is larger than the path's MTU, or the socket's checksums are off; Linux 6.14
// says EMSGSIZE for the former. EIO: the device has no checksums, or IPsec is on the way.
bool may_mean_no_segmentation(int sys_errno) {
  return sys_errno == EINVAL || sys_errno == EMSGSIZE || sys_errno == EIO ||
         sys_errno == EOPNOTSUPP;
}

// Outgoing is what one system call is to send: the front of a batch.
class Outgoing {
 public:
  static constexpr std::size_t kMost = 64;  // messages

  // fill takes at most `most` messages from the front of the batch, each a run where
  // may_segment(run) is true, else a datagram. A connected socket gets one message: what an ICMP
  // error has stopped must be told from what was sent.
  template <typename MaySegment>
  void fill(const TransmitBatch& batch, std::size_t most, MaySegment may_segment) {
    count_ = 0;
    for (const Run& run : batch.runs()) {
      if (!run.path && count_ > 0) return;
      if (!run.path) most = 1;
      const bool whole = run.count == 1 || may_segment(run);
      const std::size_t step = whole ? run.count : 1;
      for (std::size_t done = 0; done < run.count; done += step) {
        if (count_ == most) return;
        add(batch, run, done, step);
      }
    }
  }

  // send gives how many messages were sent, or a negative errno where the first was not.
  int send(int fd) {
    if (count_ == 1) {
      const int failure = send_message(fd, messages_[0].msg_hdr);
      return failure == 0 ? 1 : -failure;
    }
    for (;;) {
      const int sent =
          ::sendmmsg(fd, messages_.data(), static_cast<unsigned>(count_), MSG_NOSIGNAL);
      if (sent > 0) return sent;
      if (errno != EINTR) return -errno;
    }
  }

  // datagrams_of tells how many datagrams a message has.
  [[nodiscard]] std::size_t datagrams_of(std::size_t message) const { return datagrams_[message]; }

 private:
  void add(const TransmitBatch& batch, const Run& run, std::size_t done, std::size_t datagrams) {
    const std::size_t begin = done * run.segment;
    const std::size_t size = std::min(datagrams * run.segment, run.size - begin);
    const std::span bytes(batch.bytes(run) + begin, size);
    envelopes_[count_].address(
        messages_[count_].msg_hdr, parts_[count_], bytes, run.path ? &run.path->peer : nullptr,
        run.path ? &run.path->local : nullptr, datagrams > 1 ? run.segment : 0);
    datagrams_[count_] = static_cast<std::uint8_t>(datagrams);
    ++count_;
  }

  std::array<mmsghdr, kMost> messages_;
  std::array<iovec, kMost> parts_;
  std::array<Envelope, kMost> envelopes_;
  std::array<std::uint8_t, kMost> datagrams_;
  std::size_t count_ = 0;
};

}  // namespace

Result<void> UdpSocket::send(std::span<const std::byte> datagram) {
  const int failure = send_one(fd_, datagram, nullptr, nullptr);
  if (failure != 0) return not_sent(datagram.size(), nullptr, nullptr, failure);
  return {};
}

Result<void> UdpSocket::send_to(std::span<const std::byte> datagram, const Address& peer,
                                const std::optional<Address>& local) {
  const Address* source = local ? &*local : nullptr;
  const int failure = send_one(fd_, datagram, &peer, source);
  if (failure != 0) return not_sent(datagram.size(), &peer, source, failure);
  return {};
}

Result<void> UdpSocket::flush(TransmitBatch& batch) {
  std::optional<Error> first;
  const auto report = [&](int failure) {
    if (!first) first = not_sent(batch.runs().front(), failure);
  };
  Outgoing out;
  bool alone = false;  // the first run was refused: its first datagram goes alone
  bool again = false;  // an error was reported in place of sending the first run
  while (!batch.empty()) {
    out.fill(batch, alone ? 1 : Outgoing::kMost,
             [&](const Run& run) { return !alone && may_segment(run.segment); });
    const int sent = out.send(fd_);
    if (sent > 0) {
      // It was the segmentation that the kernel refused, and not the address or a filter.
      if (alone) segmentation_refused(batch.runs().front().segment);
      for (std::size_t i = 0; i < static_cast<std::size_t>(sent); ++i)
        batch.drop(out.datagrams_of(i));
      alone = again = false;
      continue;
    }
    if (-sent == EAGAIN) {
      report(EAGAIN);
      break;
    }
    if (out.datagrams_of(0) > 1 && may_mean_no_segmentation(-sent)) {
      alone = true;
      continue;
    }
    report(-sent);
    const Run& run = batch.runs().front();
    // Most likely an ICMP message about an earlier datagram, genuine or forged: the kernel reports
    // it once, on connected sockets only, and has not tried this datagram.
    if (!run.path && !std::exchange(again, true)) continue;
    batch.drop(run.count);
    alone = again = false;
  }
  if (first) return *std::move(first);
  return {};
}

// A kernel before 4.18 would ignore the request and send a run as one large datagram.
bool UdpSocket::may_segment(std::size_t size) {
  if (!largest_segment_) {
    int value = 0;
    socklen_t length = sizeof value;
    const bool known = ::getsockopt(fd_, SOL_UDP, UDP_SEGMENT, &value, &length) == 0;
    largest_segment_ = known ? TransmitBatch::kMostRunBytes : 0;
  }
  return size <= *largest_segment_;
}

// Every IPv6 link carries datagrams of 1,232 bytes: where one larger was refused, the device may
// still take those.
void UdpSocket::segmentation_refused(std::size_t size) {
  constexpr std::size_t kFitsEverywhere = 1232;
  largest_segment_ = size > kFitsEverywhere ? kFitsEverywhere : 0;
}

}  // namespace dtls::net
