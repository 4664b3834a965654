// Line: the load's one socket. Each association has a loopback address of its own (127.1.0.1 and
// the following), so that tens of thousands need no more descriptors.
#pragma once

#include <arpa/inet.h>

#include "net/load/talker.hpp"
#include "net/udp.hpp"

namespace dtls::bench {

class Line {
 public:
  // A line for one association is connected, which is cheaper.
  Line(const Peer& server, bool single)
      : server_(server),
        single_(single),
        socket_(open_socket(single ? kLoopback : INADDR_ANY)),
        inbox_(socket_),
        outbox_(socket_) {
    enable_gro(socket_);
    set_receive_buffer(socket_, 1 << 24U);
    set_receive_timeout(socket_, kTimeout);
    if (single) connect_socket(socket_, server);
    if (!single) enable_packet_info(socket_);
  }

  std::span<Inbox::Run> receive(bool waits) { return inbox_.receive(waits); }
  // association_of gives the number of the association that the run is for.
  [[nodiscard]] std::size_t association_of(const Inbox::Run& run) const {
    return single_ ? 0 : ntohl(run.to) - kFirst;
  }

  std::span<std::byte> room(std::size_t most) { return outbox_.room(most); }
  void commit(std::size_t association, std::size_t size) {
    if (single_) {
      outbox_.commit(nullptr, 0, size);
    } else {
      outbox_.commit(&server_, htonl(kFirst + static_cast<std::uint32_t>(association)), size);
    }
  }
  void flush() { outbox_.flush(); }

 private:
  static constexpr std::uint32_t kFirst = 0x7f010001;
  static constexpr int kTimeout = 20;  // milliseconds

  Peer server_;
  bool single_;
  int socket_;
  Inbox inbox_;
  Outbox outbox_;
};

}  // namespace dtls::bench
