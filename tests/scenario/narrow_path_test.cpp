// How long handshakes take over paths that lose large datagrams without a word, as those do that
// drop IP fragments, and what the option `mtu` makes of it.
#include <algorithm>
#include <string>
#include <tuple>

#include "support/bad_network.hpp"
#include "support/engine_test.hpp"
#include "support/long_chain.hpp"

namespace dtls::test {
namespace {

// What IPv4 leaves a datagram on a path of this MTU: less 20 bytes of IPv4's header and 8 of UDP's.
constexpr std::size_t payload_of(std::size_t mtu) {
  return mtu - 28;
}

class NarrowPath : public EngineTestOfVersion {
 protected:
  // Certificates of some 900 bytes: a flight with one fills a datagram of the usual size.
  NarrowPath() : large_(std::make_shared<handshake::Identity>(*identity())) {
    large_->chain.push_back(large_->chain.front());
  }
  [[nodiscard]] std::unique_ptr<EnginePair> guarded(bool is_mutual = false) const {
    auto made = pair();
    made->server.owner.presented.identity = large_;
    if (is_mutual) {
      made->server.owner.presented.asks_client = true;
      made->server.owner.presented.requires_client = true;
      made->client.owner.own = large_;
    }
    made->guard();
    return made;
  }
  // narrow loses what is larger, and counts it.
  void narrow(EnginePair& pair, std::size_t largest) {
    lost_ = 0;
    pair.alter([this, largest](int /*number*/, EngineSide::Datagram& datagram) {
      if (datagram.size() <= largest) return;
      datagram.clear();
      ++lost_;
    });
  }
  void expect_time(std::size_t path_mtu, bool is_mutual, Duration bound) {
    SCOPED_TRACE("MTU " + std::to_string(path_mtu) + (is_mutual ? ", mutual" : ""));
    const auto pair = guarded(is_mutual);
    narrow(*pair, payload_of(path_mtu));
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_GT(lost_, 0) << "the path is too narrow for it";
    EXPECT_LE(pair->handshake_time(), bound);
    RecordProperty("ms_" + std::to_string(path_mtu) + (is_mutual ? "_mutual" : ""),
                   std::to_string(pair->handshake_time().count()));
    expect_alive(*pair);
  }

  std::shared_ptr<handshake::Identity> large_;
  int lost_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Of, NarrowPath, both_versions(), name_of_version);

// 1 + 2 s. The second retransmission is the first that shrinks.
TEST_P(NarrowPath, of_512_or_576_bytes_costs_the_server_two_timers) {
  expect_time(512, false, Duration(3000));
  expect_time(576, false, Duration(3000));
}

// 1 + 2 + 4 s.
TEST_P(NarrowPath, of_296_bytes_costs_the_server_three_timers) {
  expect_time(296, false, Duration(7000));
}

// Each side finds out by itself.
TEST_P(NarrowPath, costs_a_client_with_a_certificate_as_much_again) {
  // A client of DTLS 1.3 is done with the ACK of its last flight, which may take a quarter of the
  // doubled timer.
  const Duration of_ack(GetParam() == wire::kDtls13 ? 500 : 0);
  expect_time(512, true, Duration(6000) + 2 * of_ack);
  expect_time(296, true, Duration(14000) + 4 * of_ack);
}

// Nor where the server's ACK of the client's certificates needs several datagrams.
TEST_P(NarrowPath, costs_nothing_where_both_know_it) {
  large_->chain.insert(large_->chain.end(), 4, large_->chain.front());
  for (const std::size_t path_mtu : {512U, 296U, 128U}) {
    SCOPED_TRACE(path_mtu);
    client_.channel.mtu = server_.channel.mtu = static_cast<std::uint16_t>(payload_of(path_mtu));
    const auto pair = guarded(true);
    pair->alter([&](int /*number*/, const EngineSide::Datagram& datagram) {
      if (pair->is_guarded()) return;  // the request for a cookie is not cut
      EXPECT_LE(datagram.size(), payload_of(path_mtu));
    });
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_EQ(pair->handshake_time(), Duration(0)) << "no timer was needed";
    expect_alive(*pair);
  }
}

// 64 bytes are the least that the option takes: 14 of a message for each record of DTLS 1.2.
TEST_P(NarrowPath, of_the_smallest_mtu_there_is_gets_a_handshake_through) {
  client_.channel.mtu = server_.channel.mtu = handshake::Channel::kSmallestMtu;
  for (const bool is_mutual : {false, true}) {
    const auto pair = guarded(is_mutual);
    std::size_t largest = 0;
    pair->alter([&](int /*number*/, const EngineSide::Datagram& datagram) {
      if (!pair->is_guarded()) largest = std::max(largest, datagram.size());
    });
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_LE(largest, handshake::Channel::kSmallestMtu);
    EXPECT_GT(largest, handshake::Channel::kSmallestMtu - 16) << "and they are filled";
    expect_alive(*pair);
  }
}

// A loss on a wide path costs no more datagrams than were lost.
TEST_P(NarrowPath, is_not_suspected_when_a_flight_is_lost_once) {
  const auto lossless = guarded(true);
  ASSERT_TRUE(lossless->connect()) << why(*lossless);
  const auto pair = guarded(true);
  std::size_t largest = 0;
  pair->alter([&](int /*number*/, EngineSide::Datagram& datagram) {
    if (lost_ == 0 && datagram.size() > payload_of(576)) {
      ++lost_;
      return datagram.clear();
    }
    if (lost_ > 0) largest = std::max(largest, datagram.size());
  });
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(lost_, 1);
  EXPECT_GT(largest, payload_of(576));
  EXPECT_LE(pair->handshake_time(), Duration(1250));
  constexpr int kRepetition = 8;  // both flights at most, and ACKs
  EXPECT_LE(pair->datagrams(), lossless->datagrams() + kRepetition);
}

// Nor is it where a small flight is lost twice: that says nothing about the width of the path.
TEST_P(NarrowPath, is_not_suspected_for_the_loss_of_a_small_flight) {
  const auto pair = guarded(true);
  std::size_t largest = 0;
  pair->alter([&](int number, EngineSide::Datagram& datagram) {
    if (number < 2) return datagram.clear();  // the client's first hello, twice
    largest = std::max(largest, datagram.size());
  });
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_EQ(pair->handshake_time(), Duration(3000));
  EXPECT_GT(largest, payload_of(576));
}

// The same over sockets: no timer of these tests runs out in time.
class NarrowSockets : public BadNetwork {
 protected:
  static Rule narrow(std::size_t largest) {
    return lose_if([largest](const Passing& passing) { return passing.bytes.size() > largest; });
  }
};

TEST_F(NarrowSockets, with_the_option_mtu_need_no_retransmission) {
  const LongChain chain(2);
  server_config_.identity = chain.issue();
  server_config_.ca = client_config_.ca = chain.anchor();
  client_config_.identity = chain.issue();
  retransmit_after(kNever);
  for (const std::size_t mtu : {484U, 268U}) {
    server_config_.mtu = client_config_.mtu = static_cast<std::uint16_t>(mtu);
    EXPECT_EQ(hold_talk(narrow(mtu)).lost, 0) << mtu;
  }
}

TEST_F(NarrowSockets, with_a_larger_mtu_send_larger_datagrams) {
  const LongChain chain(9);
  server_config_.identity = chain.issue();
  client_config_.ca = chain.anchor();
  const auto usual = hold_talk({});
  server_config_.mtu = 65507;
  const auto large = hold_talk({});
  EXPECT_LT(large.datagrams_of_the_handshake, usual.datagrams_of_the_handshake);
}

}  // namespace
}  // namespace dtls::test
