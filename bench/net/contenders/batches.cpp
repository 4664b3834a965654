// Batches of UDP: recvmmsg with UDP_GRO, UDP_SEGMENT runs with sendmmsg. Compiled twice: plain, and
// with DTLS_BENCH_RECORDS as the prototype, which protects each datagram by a RecordCipher.
#include <unordered_map>
#include <vector>

#include "net/job.hpp"
#include "net/records.hpp"
#include "net/udp.hpp"

namespace dtls::bench {
namespace {

class PlainPeer {
 public:
  static std::size_t seal(std::span<const std::byte> message, std::span<std::byte> out) {
    std::ranges::copy(message, out.begin());
    return message.size();
  }
  static std::span<std::byte> open(std::span<std::byte> datagram) { return datagram; }
};

#ifdef DTLS_BENCH_RECORDS
using Association = RecordCipher;
constexpr std::size_t kOverhead = RecordCipher::kHeader + RecordCipher::kTag;
#else
using Association = PlainPeer;
constexpr std::size_t kOverhead = 0;
#endif

class Server {
 public:
  explicit Server(const Job& job)
      : job_(job), socket_(open_socket(kLoopback)), inbox_(socket_), outbox_(socket_) {
    enable_gro(socket_);
    job.counters->port = port_of(socket_);
  }

  void run() {
    for (;;) {
      for (const auto& run : inbox_.receive()) {
        auto& association = associations_[run.from.key()];
        run.for_each([&](std::span<std::byte> datagram) {
          take(run.from, association, association.open(datagram));
        });
        if (job_.task == Task::kSource) pour(run.from, association);
      }
      outbox_.flush();
    }
  }

 private:
  void take(const Peer& peer, Association& association, std::span<const std::byte> message) {
    require(!message.empty(), "a record is not authentic");
    count(job_.counters->received);
    if (job_.task == Task::kEcho) send(peer, association, message);
  }
  void send(const Peer& peer, Association& association, std::span<const std::byte> message) {
    const auto room = outbox_.room(message.size() + kOverhead);
    outbox_.commit(&peer, 0, association.seal(message, room));
    count(job_.counters->sent);
  }
  [[noreturn]] void pour(const Peer& peer, Association& association) {
    const std::vector<std::byte> message(job_.message_size, std::byte{7});
    for (;;)
      send(peer, association, message);
  }

  const Job& job_;
  int socket_;
  Inbox inbox_;
  Outbox outbox_;
  std::unordered_map<std::uint64_t, Association> associations_;
};

}  // namespace
}  // namespace dtls::bench

int main(int count, char** values) {
  const dtls::bench::Job job(dtls::bench::Arguments(count, values));
  dtls::bench::Server(job).run();
}
