// Another DTLS library on one UDP socket: its associations are found by the peer's address, and
// datagrams pass by recvfrom and sendto, one at a time. Compiled for each candidate of
// bench/engine, which DTLS_BENCH_CANDIDATE makes.
#include <unordered_map>
#include <vector>

#include "net/job.hpp"
#include "net/udp.hpp"

namespace dtls::bench {
namespace {

class Server {
 public:
  explicit Server(const Job& job)
      : job_(job),
        candidate_(DTLS_BENCH_CANDIDATE(job.material)),
        message_(job.message_size, std::byte{7}),
        socket_(open_socket(kLoopback)) {
    require(candidate_->speaks(job.version), "this library does not have that version of DTLS");
    job.counters->port = port_of(socket_);
  }

  void run() {
    for (;;) {
      sockaddr_in peer{};
      socklen_t size = sizeof(peer);
      const auto room = in_.room();
      const auto got =
          recvfrom(socket_, room.data(), room.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
      require(got >= 0, "recvfrom");
      in_.commit(static_cast<std::size_t>(got));
      take(peer);
      // What the library has left unread, after an alert perhaps, is of no other peer.
      while (!in_.empty())
        in_.pop();
    }
  }

 private:
  void take(const sockaddr_in& peer) {
    const auto key = Peer::of(peer).key();
    const auto known = ends_.find(key);
    if (known == ends_.end()) {
      admit(peer, key);
      return;
    }
    auto& end = *known->second;
    if (!end.is_established()) {
      go_on(end, peer);
      return;
    }
    const auto message = end.receive();
    if (!message.empty()) count(job_.counters->received);
    if (!message.empty() && job_.task == Task::kEcho) {
      end.send(message);
      count(job_.counters->sent);
    }
    flush(peer);
    while (job_.task == Task::kSource) {
      end.send(message_);
      flush(peer);
      count(job_.counters->sent);
    }
    if (end.is_closed()) ends_.erase(known);
  }

  // admit has the listening end answer a peer, until one has shown its cookie: that end becomes the
  // peer's.
  void admit(const sockaddr_in& peer, std::uint64_t key) {
    if (!listener_) listener_ = candidate_->make_server(job_.version, in_, out_);
    go_on(*listener_, peer);
    if (listener_->has_proven_peer()) ends_[key] = std::move(listener_);
  }

  void go_on(End& end, const sockaddr_in& peer) {
    end.handshake();
    flush(peer);
    if (end.is_established()) count(job_.counters->established);
  }

  void flush(const sockaddr_in& peer) {
    while (!out_.empty()) {
      const auto datagram = out_.pop();
      require(sendto(socket_, datagram.data(), datagram.size(), 0,
                     reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) > 0,
              "sendto");
    }
  }

  const Job& job_;
  std::unique_ptr<Candidate> candidate_;
  std::vector<std::byte> message_;
  int socket_;
  Wire in_;
  Wire out_;
  std::unique_ptr<End> listener_;
  std::unordered_map<std::uint64_t, std::unique_ptr<End>> ends_;
};

}  // namespace
}  // namespace dtls::bench

int main(int count, char** values) {
  const dtls::bench::Job job(dtls::bench::Arguments(count, values));
  dtls::bench::Server(job).run();
}
