// UDP as the measured programs use it: sockets, batches in (recvmmsg, UDP_GRO) and out
// (UDP_SEGMENT, sendmmsg). Failures end the program with a message.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "dtls/address.hpp"

namespace dtls::bench {

// Peer is an IPv4 address and port, both in network order.
struct Peer {
  std::uint32_t ip = 0;
  std::uint16_t port = 0;

  bool operator==(const Peer&) const = default;
  [[nodiscard]] std::uint64_t key() const { return std::uint64_t{ip} << 16U | port; }
  [[nodiscard]] sockaddr_in address() const;
  static Peer of(const sockaddr_in& address) { return {address.sin_addr.s_addr, address.sin_port}; }
  [[nodiscard]] Address as_address() const;
};

inline constexpr std::uint32_t kLoopback = 0x7f000001;  // host order

// open_socket opens a blocking socket bound to the address, given in host order (port 0: any).
int open_socket(std::uint32_t ip, std::uint16_t port = 0);
std::uint16_t port_of(int socket);  // host order
void connect_socket(int socket, const Peer& peer);
void enable_gro(int socket);
void enable_packet_info(int socket);
void set_receive_buffer(int socket, int bytes);          // above the system's limit where permitted
void set_receive_timeout(int socket, int milliseconds);  // of a blocking receive

// Inbox receives up to 32 runs of datagrams by one recvmmsg.
class Inbox {
 public:
  // Run is one datagram or, with GRO, several: of `segment` bytes each, the last one maybe shorter.
  struct Run {
    Peer from;
    std::uint32_t to = 0;  // the local address in network order, with packet info; else 0
    std::span<std::byte> bytes;
    std::size_t segment = 0;

    [[nodiscard]] std::size_t count() const { return (bytes.size() + segment - 1) / segment; }
    template <typename Take>
    void for_each(Take take) const {
      for (std::size_t at = 0; at < bytes.size(); at += segment) {
        take(bytes.subspan(at, std::min(segment, bytes.size() - at)));
      }
    }
  };

  explicit Inbox(int socket);
  // receive waits for one at least (within the socket's timeout), or, without `waits`, takes those
  // that are there. The runs are valid until the next call.
  std::span<Run> receive(bool waits = true);

 private:
  static constexpr std::size_t kRuns = 32;
  static constexpr std::size_t kRoom = 65536;
  struct Slot {
    sockaddr_in from;
    iovec part;
    alignas(cmsghdr) std::array<std::byte, 96> control;
  };

  int socket_;
  std::vector<std::byte> memory_;
  std::vector<Slot> slots_;
  std::vector<mmsghdr> headers_;
  std::vector<Run> runs_;
};

// Outbox collects datagrams and sends them by one sendmmsg: consecutive ones of one size, to and
// from the same address, are one UDP_SEGMENT run.
class Outbox {
 public:
  explicit Outbox(int socket);
  // room is memory for a datagram of up to `most` bytes; a full outbox is flushed first.
  std::span<std::byte> room(std::size_t most);
  // commit takes `size` bytes of it. to: nullptr on a connected socket. from: the local address, in
  // network order; 0 leaves it to the kernel. Nothing happens where `size` is 0.
  void commit(const Peer* to, std::uint32_t from, std::size_t size);
  void flush();

 private:
  static constexpr std::size_t kRuns = 64;
  static constexpr std::size_t kSegments = 64;      // UDP_MAX_SEGMENTS
  static constexpr std::size_t kMostBytes = 65000;  // of one run
  struct Run {
    sockaddr_in to;
    bool connected = false;
    std::uint32_t from = 0;
    std::size_t begin = 0;
    std::size_t size = 0;
    std::size_t segment = 0;
    bool closed = false;  // the last segment was shorter
    iovec part{};
    alignas(cmsghdr) std::array<std::byte, 64> control{};
  };
  bool extends(const Run& run, const Peer* to, std::uint32_t from, std::size_t size) const;
  void describe(Run& run, msghdr& header);

  int socket_;
  std::vector<std::byte> memory_;
  std::size_t used_ = 0;
  std::vector<Run> runs_;
  std::size_t count_ = 0;
  std::vector<mmsghdr> headers_;
};

}  // namespace dtls::bench
