#include "support/bad_network.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace dtls::test {
namespace {

// Longer than any talk takes, also under a sanitizer: a bound, no measurement.
constexpr Duration kLongest{100000};

}  // namespace

Echo::Echo(Server server) : server_(std::move(server)) {
  server_.on_accept([this](Connection connection) {
    accepted_.push_back(std::make_unique<Connection>(std::move(connection)));
    Connection& peer = *accepted_.back();
    peer.on_readable([&peer] {
      std::array<std::byte, kMaxMessage> buffer;
      const auto size = peer.recv(buffer, Duration::zero());
      if (!size) return peer.on_readable({});  // it has ended
      static_cast<void>(peer.send(std::span(buffer).first(*size)));
    });
  });
}

void BadNetwork::retransmit_after(Duration first) {
  server_config_.first_retransmission = client_config_.first_retransmission = first;
}

void BadNetwork::authenticate_clients() {
  server_config_.ca = authority_.certificate();
  client_config_.identity = authority_.issue({"a client", "DNS:client", KeyKind::kP256, -60, 3600});
}

std::vector<BadNetwork::Told> BadNetwork::hold_talks(const std::vector<Talk>& talks,
                                                     std::size_t at_once) {
  struct Talker {
    const Talk& talk;
    Told told;
    std::unique_ptr<LossyProxy> network;
    std::optional<Connection> client;
    bool answered = false;
  };
  Echo echo(listen());
  std::vector<std::unique_ptr<Talker>> talkers;
  std::size_t finished = 0;
  const auto start_one = [&] {
    talkers.push_back(std::make_unique<Talker>(Talker{talks[talkers.size()], {}, {}, {}}));
    Talker& talker = *talkers.back();
    talker.network = std::make_unique<LossyProxy>(loop_, echo.address(), talker.talk.rule);
    ClientConfig config = client_config_;
    if (!talker.talk.identity.empty()) config.identity = talker.talk.identity;
    talker.client = std::move(*Client::start(loop_, config, talker.network->address()));
    Connection& client = *talker.client;
    client.on_settled([&] {
      client.on_settled({});
      if (client.failure() != nullptr) {
        ADD_FAILURE() << talker.talk.name << ": " << client.failure()->message;
        ++finished;
        return;
      }
      LossyProxy& network = *talker.network;
      talker.told = {network.arrived(), network.lost(), network.counts(Way::kToServer).bytes,
                     network.counts(Way::kToClient).bytes};
      if (talker.talk.until_the_handshake_is_done) network.follow({});
      EXPECT_TRUE(client.send(talker.talk.name));
    });
    client.on_readable([&] {
      if (client.failure() != nullptr) return client.on_readable({});
      EXPECT_EQ(receive(client, Duration::zero()), talker.talk.name);
      EXPECT_FALSE(std::exchange(talker.answered, true)) << "the answer came twice";
      ++finished;
    });
  };
  loop_.run_until(
      [&] {
        while (talkers.size() < std::min(talks.size(), finished + at_once))
          start_one();
        return finished == talks.size();
      },
      kLongest);
  std::vector<Told> all;
  for (const auto& talker : talkers) {
    EXPECT_TRUE(talker->answered) << talker->talk.name << " did not get through";
    all.push_back(talker->told);
  }
  EXPECT_EQ(echo.accepted().size(), talks.size()) << "one association for each client";
  for (const auto& connection : echo.accepted()) {
    EXPECT_EQ(connection->state(), Connection::State::kEstablished);
  }
  all.resize(talks.size());
  return all;
}

int BadNetwork::datagrams_without_loss() {
  const auto usual = server_config_.first_retransmission;
  retransmit_after(kNever);
  const int datagrams = hold_talk({}).datagrams_of_the_handshake;
  retransmit_after(usual);
  return datagrams;
}

}  // namespace dtls::test
