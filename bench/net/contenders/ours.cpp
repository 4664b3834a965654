// Ours as programs use it: Server and Connection on an EventLoop, with callbacks.
#include <dtls/dtls.hpp>

#include <array>
#include <list>
#include <vector>

#include "net/job.hpp"
#include "net/udp.hpp"

namespace dtls::bench {
namespace {

class Program {
 public:
  explicit Program(const Job& job) : job_(job), message_(job.message_size, std::byte{7}) {
    ServerConfig config;
    config.identity = {job.material.leaf_pem, job.material.key_pem, ""};
    const auto version =
        job.version == Version::kDtls12 ? ProtocolVersion::kDtls12 : ProtocolVersion::kDtls13;
    config.versions = {.min = version, .max = version};
    auto server = Server::listen(loop_, config, *Address::parse("127.0.0.1", 0));
    require(static_cast<bool>(server), server ? "" : server.error().message.c_str());
    server_.emplace(std::move(*server));
    server_->on_accept([this](Connection accepted) { take_up(std::move(accepted)); });
    job.counters->port = server_->local_address().port;
  }

  void run() { loop_.run(); }

 private:
  using Connections = std::list<Connection>;

  void take_up(Connection accepted) {
    const auto peer = connections_.insert(connections_.end(), std::move(accepted));
    peer->on_established([this] { count(job_.counters->established); });
    peer->on_readable([this, peer] { read(peer); });
  }

  void read(Connections::iterator peer) {
    for (;;) {
      const auto size = peer->recv(buffer_, Duration::zero());
      if (!size) {
        connections_.erase(peer);
        return;
      }
      if (*size == 0) return;
      take(peer, std::span(buffer_).first(*size));
    }
  }

  void take(Connections::iterator peer, std::span<const std::byte> message) {
    count(job_.counters->received);
    if (job_.task == Task::kEcho && peer->send(message, Duration::zero())) {
      count(job_.counters->sent);
    }
    if (job_.task == Task::kSource) {
      peer->on_writable([this, peer] { pour(peer); });
    }
  }

  // pour sends as much as one turn of the loop should.
  void pour(Connections::iterator peer) {
    for (int i = 0; i < 64; ++i) {
      if (!peer->send(message_, Duration::zero())) return;
      count(job_.counters->sent);
    }
  }

  const Job& job_;
  std::vector<std::byte> message_;
  std::array<std::byte, kMaxMessage> buffer_{};
  EventLoop loop_;
  std::optional<Server> server_;
  Connections connections_;
};

}  // namespace
}  // namespace dtls::bench

int main(int count, char** values) {
  const dtls::bench::Job job(dtls::bench::Arguments(count, values));
  dtls::bench::Program(job).run();
}
