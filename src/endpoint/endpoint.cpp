#include "endpoint/endpoint.hpp"

namespace dtls::endpoint {
namespace {

// While it waits to be accepted a peer may repeat its hello or go on; more than this is not a
// handshake.
constexpr std::size_t kMostOpeningDatagrams = 4;

constexpr std::uint16_t kHelloAfterChallenge = 1;

}  // namespace

Endpoint::Handled Endpoint::receive(const Address& peer, const std::optional<Address>& local,
                                    std::span<std::byte> datagram, TimePoint now,
                                    std::span<std::byte> reply) {
  if (const auto known = peers_.find(peer); known != peers_.end()) {
    if (auto* receiver = std::get_if<Receiver*>(&known->second)) {
      (*receiver)->on_datagram(datagram, now);
      return {Outcome::kDelivered, 0};
    }
    auto& waiting = std::get<Opening>(known->second).datagrams;
    if (waiting.size() < kMostOpeningDatagrams)
      waiting.emplace_back(datagram.begin(), datagram.end());
    return {};
  }

  const auto answer = gate_.inspect(peer, datagram, now, reply);
  switch (answer.verdict) {
    case CookieGate::Verdict::kDiscard:
      ++counters_.discarded;
      return {};
    case CookieGate::Verdict::kChallenge:
      ++counters_.challenged;
      return {Outcome::kReply, answer.reply_size};
    case CookieGate::Verdict::kProven:
      break;
  }
  // libssl goes on only from the second hello (message_seq 1, RFC 6347 §4.2.2); another would make
  // a session that never answers and is held until its handshake timeout.
  if (answer.position.message_seq != kHelloAfterChallenge) {
    ++counters_.discarded;
    return {};
  }
  if (queue_.size() >= limits_.accept_queue || peers_.size() >= limits_.associations) {
    ++counters_.refused;
    return {};
  }
  Opening opening{peer, local, {}};
  opening.datagrams.emplace_back(datagram.begin(), datagram.end());
  peers_.emplace(peer, std::move(opening));
  queue_.push_back(peer);
  return {Outcome::kOpened, 0};
}

std::optional<Opening> Endpoint::accept() {
  if (queue_.empty()) return {};
  const auto found = peers_.find(queue_.front());
  queue_.pop_front();
  return std::move(std::get<Opening>(found->second));
}

void Endpoint::adopt(const Address& peer, Receiver& receiver) {
  peers_[peer] = &receiver;
}

std::vector<Receiver*> Endpoint::take_all() {
  std::vector<Receiver*> receivers;
  for (const auto& [peer, entry] : peers_) {
    if (const auto* receiver = std::get_if<Receiver*>(&entry)) receivers.push_back(*receiver);
  }
  peers_.clear();
  queue_.clear();
  return receivers;
}

}  // namespace dtls::endpoint
