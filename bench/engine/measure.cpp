#include "engine/measure.hpp"

#include <malloc.h>

#include <ctime>

namespace dtls::bench {
namespace {

constexpr std::size_t kBatch = 16;
constexpr std::size_t kIdle = 500;
constexpr std::size_t kWarmUp = 20;
constexpr int kChallenges = 256;

double cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// What it costs to read the clock, so that it can be taken off.
double clock_cost() {
  static const double kCost = [] {
    double least = 1e9;
    for (int i = 0; i < 1000; ++i) {
      const double before = cpu_now();
      least = std::min(least, cpu_now() - before);
    }
    return least;
  }();
  return kCost;
}

struct Pair {
  Wire to_server;
  Wire to_client;
  std::unique_ptr<End> server;
  std::unique_ptr<End> client;

  void make(Candidate& candidate, Version version, bool resumes) {
    make_server(candidate, version);
    make_client(candidate, version, resumes);
  }
  void make_server(Candidate& candidate, Version version) {
    server = candidate.make_server(version, to_server, to_client);
  }
  void make_client(Candidate& candidate, Version version, bool resumes) {
    client = candidate.make_client(version, resumes, to_client, to_server);
  }
  // Bounded, so that two ends that never agree end the program and not its user's patience.
  void connect() {
    client->handshake();
    for (int turn = 0; turn < 16; ++turn) {
      if (!to_server.empty()) server->handshake();
      if (!to_client.empty()) client->handshake();
    }
    check();
  }
  void check() const {
    require(server->is_established() && client->is_established(), "the handshake has not ended");
  }
  void forget() {
    server.reset();
    client.reset();
    while (!to_server.empty())
      to_server.pop();
    while (!to_client.empty())
      to_client.pop();
  }
};

template <typename Work>
double timed(Work work) {
  const double before = cpu_now();
  work();
  return std::max(0.0, cpu_now() - before - clock_cost());
}

std::vector<Pair>& batch_of_pairs() {
  static std::vector<Pair> pairs(kBatch);
  return pairs;
}

bool anything_on(std::vector<Pair>& pairs, Wire Pair::*wire) {
  return std::ranges::any_of(pairs, [&](const Pair& pair) { return !(pair.*wire).empty(); });
}

}  // namespace

BothSides measure_handshakes(Candidate& candidate, Version version, bool resumes) {
  auto& pairs = batch_of_pairs();
  BothSides cost;
  cost.server += timed([&] {
    for (auto& pair : pairs)
      pair.make_server(candidate, version);
  });
  cost.client += timed([&] {
    for (auto& pair : pairs)
      pair.make_client(candidate, version, resumes);
    for (auto& pair : pairs)
      pair.client->handshake();
  });
  for (int turn = 0; turn < 16; ++turn) {
    if (anything_on(pairs, &Pair::to_server)) {
      cost.server += timed([&] {
        for (auto& pair : pairs)
          pair.server->handshake();
      });
    }
    if (anything_on(pairs, &Pair::to_client)) {
      cost.client += timed([&] {
        for (auto& pair : pairs)
          pair.client->handshake();
      });
    }
  }
  for (const auto& pair : pairs) {
    pair.check();
    require(pair.client->is_resumed() == resumes, "resumed, or not, against the wish");
  }
  if (!resumes) require(pairs.front().client->keep_session(), "there is no session to resume");
  cost.server += timed([&] {
    for (auto& pair : pairs)
      pair.server.reset();
  });
  cost.client += timed([&] {
    for (auto& pair : pairs)
      pair.client.reset();
  });
  for (auto& pair : pairs)
    pair.forget();
  return {cost.server / kBatch, cost.client / kBatch};
}

Records measure_records(Candidate& candidate, Version version, std::size_t message_size) {
  const std::vector<std::byte> message(message_size, std::byte{7});
  auto& pair = batch_of_pairs().front();
  pair.make(candidate, version, false);
  pair.connect();
  Records cost;
  // The first round is for what is made at the first use.
  for (int round = 0; round < 2; ++round) {
    cost.seal = timed([&] {
      for (std::size_t i = 0; i < Wire::kSlots; ++i)
        pair.client->send(message);
    });
    cost.open = timed([&] {
      for (std::size_t i = 0; i < Wire::kSlots; ++i) {
        require(pair.server->receive().size() == message_size, "a message was lost");
      }
    });
  }
  pair.forget();
  return {cost.seal / Wire::kSlots, cost.open / Wire::kSlots};
}

Records measure_bare_records(BareAead& aead, std::size_t message_size) {
  static std::vector<std::array<std::byte, Wire::kMaxDatagram>> slots(Wire::kSlots);
  Records cost;
  for (int round = 0; round < 2; ++round) {
    cost.seal = timed([&] {
      for (auto& slot : slots)
        aead.seal(std::span(slot).first(message_size + BareAead::kTagSize));
    });
    cost.open = timed([&] {
      for (auto& slot : slots)
        aead.open(std::span(slot).first(message_size + BareAead::kTagSize));
    });
  }
  return {cost.seal / Wire::kSlots, cost.open / Wire::kSlots};
}

BothSides measure_public_key(BarePublicKey& bare) {
  BothSides cost;
  cost.server = timed([&] {
    for (std::size_t i = 0; i < kBatch; ++i)
      bare.server();
  });
  cost.client = timed([&] {
    for (std::size_t i = 0; i < kBatch; ++i)
      bare.client();
  });
  return {cost.server / kBatch, cost.client / kBatch};
}

double measure_challenge(Candidate& candidate) {
  auto& pair = batch_of_pairs().front();
  pair.make_client(candidate, Version::kDtls12, false);
  pair.client->handshake();
  const auto sent = pair.to_server.pop();
  const std::vector<std::byte> hello(sent.begin(), sent.end());
  const double cost = timed([&] {
    for (int i = 0; i < kChallenges; ++i) {
      require(candidate.challenge(hello, pair.to_client) != 0, "a hello was not answered");
      pair.to_client.pop();
    }
  });
  pair.forget();
  return cost / kChallenges;
}

double measure_memory(Candidate& candidate, Version version) {
  std::vector<Pair> pairs(kWarmUp + kIdle);
  const std::vector<std::byte> message(64, std::byte{7});
  std::size_t before = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (i == kWarmUp) before = mallinfo2().uordblks;
    auto& pair = pairs[i];
    pair.make(candidate, version, false);
    pair.connect();
    for (int turn = 0; turn < 2; ++turn) {
      pair.client->send(message);
      require(pair.server->receive().size() == message.size(), "a message was lost");
      pair.server->send(message);
      require(pair.client->receive().size() == message.size(), "a message was lost");
      pair.client->fall_silent();
      if (!pair.to_server.empty()) pair.server->handshake();
      pair.server->fall_silent();
    }
    pair.client.reset();
    while (!pair.to_server.empty())
      pair.to_server.pop();
    while (!pair.to_client.empty())
      pair.to_client.pop();
  }
  return static_cast<double>(mallinfo2().uordblks - before) / kIdle;
}

}  // namespace dtls::bench
