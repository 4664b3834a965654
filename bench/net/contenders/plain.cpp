// Plain UDP: one recvfrom and one sendto for each datagram, no event loop.
#include <vector>

#include "net/job.hpp"
#include "net/udp.hpp"

namespace dtls::bench {
namespace {

void send_to(int socket, const sockaddr_in& peer, std::span<const std::byte> message) {
  require(sendto(socket, message.data(), message.size(), 0,
                 reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) > 0,
          "sendto");
}

void serve(const Job& job) {
  const int socket = open_socket(kLoopback);
  auto& counters = *job.counters;
  counters.port = port_of(socket);
  std::vector<std::byte> buffer(65536);
  const std::vector<std::byte> message(job.message_size, std::byte{7});
  for (;;) {
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    const auto got = recvfrom(socket, buffer.data(), buffer.size(), 0,
                              reinterpret_cast<sockaddr*>(&peer), &size);
    require(got >= 0, "recvfrom");
    count(counters.received);
    if (job.task == Task::kEcho) {
      send_to(socket, peer, std::span(buffer).first(static_cast<std::size_t>(got)));
      count(counters.sent);
    }
    while (job.task == Task::kSource) {
      send_to(socket, peer, message);
      count(counters.sent);
    }
  }
}

}  // namespace
}  // namespace dtls::bench

int main(int count, char** values) {
  dtls::bench::serve(dtls::bench::Job(dtls::bench::Arguments(count, values)));
}
