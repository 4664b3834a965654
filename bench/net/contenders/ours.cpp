// Ours as programs use it: Server and Connection on an EventLoop, with callbacks. Messages come by
// on_message, or (--style recv) by on_readable and recv. A library without on_message and send_many
// is measured by recv and send, so that commits before and after them can be compared.
#include <dtls/dtls.hpp>

#include <array>
#include <list>
#include <vector>

#include "net/job.hpp"
#include "net/udp.hpp"

namespace dtls::bench {
namespace {

template <typename Peer, typename Take>
void deliver(Peer& peer, Take take) {
  if constexpr (requires { peer.on_message(take); }) peer.on_message(take);
}

// send_all gives how many messages were accepted.
template <typename Peer>
std::size_t send_all(Peer& peer, std::span<const std::span<const std::byte>> messages) {
  if constexpr (requires { peer.send_many(messages); }) {
    const auto sent = peer.send_many(messages);
    return sent ? *sent : 0;
  } else {
    std::size_t sent = 0;
    while (sent < messages.size() && peer.send(messages[sent], Duration::zero()))
      ++sent;
    return sent;
  }
}

class Program {
 public:
  Program(const Job& job, bool receives)
      : job_(job),
        receives_(receives),
        message_(job.message_size, std::byte{7}),
        list_(64, std::span<const std::byte>(message_)) {
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
    if (!receives_) {
      deliver(*peer, [this, peer](std::span<const std::byte> message) { take(peer, message); });
    }
    // With on_message, only the end is read.
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
  void pour(Connections::iterator peer) { count(job_.counters->sent, send_all(*peer, list_)); }

  const Job& job_;
  bool receives_;
  std::vector<std::byte> message_;
  std::vector<std::span<const std::byte>> list_;
  std::array<std::byte, kMaxMessage> buffer_{};
  EventLoop loop_;
  std::optional<Server> server_;
  Connections connections_;
};

}  // namespace
}  // namespace dtls::bench

int main(int count, char** values) {
  const dtls::bench::Arguments arguments(count, values);
  const dtls::bench::Job job(arguments);
  dtls::bench::Program(job, arguments.text("style", "on_message") == "recv").run();
}
