// Ours without its sockets: Session behind the cookie gate, with recvmmsg and UDP_GRO for input and
// UDP_SEGMENT runs for output.
#include <dtls/dtls.hpp>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <variant>
#include <vector>

#include "association/inside.hpp"
#include "endpoint/cookie_gate.hpp"
#include "net/job.hpp"
#include "net/udp.hpp"

namespace dtls::bench {
namespace {

// Each session's timers are looked at once in a period; a part of them whenever datagrams come, or
// after so many milliseconds.
constexpr Duration kTimerPeriod{1000};
constexpr int kLongestSleep = 100;

template <typename T>
T must(Result<T> result) {
  require(static_cast<bool>(result), result ? "" : result.error().message.c_str());
  return std::move(*result);
}

class Server {
 public:
  explicit Server(const Job& job)
      : job_(job),
        context_(must(Context::for_server(config_of(job)))),
        gate_(must(endpoint::CookieGate::create(must(endpoint::CookieSecrets::generate()),
                                                context_->inside().settings))),
        message_(job.message_size, std::byte{7}),
        socket_(open_socket(kLoopback)),
        inbox_(socket_),
        outbox_(socket_) {
    enable_gro(socket_);
    set_receive_timeout(socket_, kLongestSleep);
    job.counters->port = port_of(socket_);
  }

  void run() {
    auto timers_handled = Clock::now();
    for (;;) {
      const auto runs = inbox_.receive();
      const auto now = Clock::now();
      for (const auto& run : runs) {
        auto known = sessions_.find(run.from.key());
        run.for_each([&](std::span<std::byte> datagram) {
          if (known == sessions_.end()) known = admit(run.from, datagram, now);
          if (known != sessions_.end()) known = take(run.from, known, datagram, now);
        });
      }
      outbox_.flush();
      if (now - timers_handled >= kTimerPeriod / 100) {
        handle_timers(now, now - timers_handled);
        timers_handled = now;
      }
    }
  }

 private:
  using Sessions = std::unordered_map<std::uint64_t, Session>;

  static ServerConfig config_of(const Job& job) {
    ServerConfig config;
    config.identity = {job.material.leaf_pem, job.material.key_pem, ""};
    const auto version =
        job.version == Version::kDtls12 ? ProtocolVersion::kDtls12 : ProtocolVersion::kDtls13;
    config.versions = {.min = version, .max = version};
    return config;
  }

  Sessions::iterator admit(const Peer& peer, std::span<std::byte> hello, TimePoint now) {
    const auto address = peer.as_address();
    const auto answer =
        gate_.inspect(address, hello, now, outbox_.room(endpoint::CookieGate::kMaxReplySize));
    if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) {
      outbox_.commit(&peer, 0, answer.reply_size);
    }
    if (answer.verdict != endpoint::CookieGate::Verdict::kProven) return sessions_.end();
    watched_.push_back(peer);
    return sessions_.emplace(peer.key(), must(Session::server(context_, address))).first;
  }

  Sessions::iterator take(const Peer& peer, Sessions::iterator at, std::span<std::byte> datagram,
                          TimePoint now) {
    auto& session = at->second;
    if (const auto message = session.open(datagram, now)) {
      take_message(peer, session, *message);
      return at;
    }
    bool ended = false;
    while (const auto event = session.poll_event()) {
      if (std::holds_alternative<Connected>(*event)) count(job_.counters->established);
      ended |= std::holds_alternative<Closed>(*event) || std::holds_alternative<Failed>(*event);
      if (const auto* message = std::get_if<Message>(&*event)) {
        take_message(peer, session, message->bytes);
      }
    }
    transmit(peer, session);
    if (!ended) return at;
    sessions_.erase(at);
    return sessions_.end();
  }

  void take_message(const Peer& peer, Session& session, std::span<const std::byte> message) {
    count(job_.counters->received);
    if (job_.task == Task::kEcho) send(peer, session, message);
    while (job_.task == Task::kSource)
      send(peer, session, message_);
  }

  void send(const Peer& peer, Session& session, std::span<const std::byte> message) {
    const auto size = session.seal(message, outbox_.room(message.size() + kMaxExpansion));
    require(static_cast<bool>(size), "seal");
    outbox_.commit(&peer, 0, *size);
    if (*size == 0) transmit(peer, session);
    count(job_.counters->sent);
  }

  void transmit(const Peer& peer, Session& session) {
    while (const std::size_t size = session.poll_transmit(outbox_.room(kMaxDatagram)))
      outbox_.commit(&peer, 0, size);
  }

  void handle_timers(TimePoint now, Clock::duration passed) {
    const auto share = passed * watched_.size() / kTimerPeriod + 1;
    for (auto left = std::min<std::size_t>(share, watched_.size()); left > 0; --left) {
      const auto peer = watched_.front();
      watched_.pop_front();
      const auto at = sessions_.find(peer.key());
      if (at == sessions_.end()) continue;
      watched_.push_back(peer);
      const auto deadline = at->second.deadline();
      if (!deadline || *deadline > now) continue;
      at->second.handle_timeout(now);
      while (at->second.poll_event()) {
      }
      transmit(peer, at->second);
    }
    outbox_.flush();
  }

  const Job& job_;
  std::shared_ptr<const Context> context_;
  endpoint::CookieGate gate_;
  std::vector<std::byte> message_;
  int socket_;
  Inbox inbox_;
  Outbox outbox_;
  Sessions sessions_;
  std::deque<Peer> watched_;  // every session's peer; one that has ended leaves when its turn comes
};

}  // namespace
}  // namespace dtls::bench

int main(int count, char** values) {
  const dtls::bench::Job job(dtls::bench::Arguments(count, values));
  dtls::bench::Server(job).run();
}
