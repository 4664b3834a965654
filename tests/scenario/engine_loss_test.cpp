// Handshakes of two engines over networks that lose, double and reorder: each kind of handshake of
// both versions, whole and in small fragments.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <tuple>

#include "support/engine_test.hpp"
#include "support/random_network.hpp"

namespace dtls::test {
namespace {

// Of kRetry the client's first key share is not the server's: DTLS 1.3 then has one round trip
// more.
enum class Kind { kFull, kMutual, kPsk, kResumed, kRetry };

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kFull:
      return "Full";
    case Kind::kMutual:
      return "Mutual";
    case Kind::kPsk:
      return "Psk";
    case Kind::kResumed:
      return "Resumed";
    case Kind::kRetry:
      return "Retry";
  }
  return "";
}

// many gives the number that a variable of the environment asks for: the suite has to be quick,
// and by hand it may run for as long as one likes.
int many(const char* variable, int usual) {
  const char* const said = std::getenv(variable);
  return said == nullptr ? usual : std::atoi(said);
}

using VersionAndKind = std::tuple<wire::Version, Kind>;

class EngineLoss : public EngineTest, public testing::WithParamInterface<VersionAndKind> {
 protected:
  // What the timers allow (RFC 6347 §4.2.4.1, RFC 9147 §5.8.2: 1 s, then doubled). Whatever is
  // lost, the side that waits for the answer sends again after 1 s; what is lost again, after 2 s
  // more. A loss in another flight meets a timer of 1 s there. The worst of two losses is thus 3 s.
  static constexpr Duration kOneLoss{1000};
  static constexpr Duration kTwoLosses{3000};

  EngineLoss() {
    speak(std::get<0>(GetParam()));
    if (kind() == Kind::kPsk) use_psk();
    if (kind() == Kind::kRetry) server_.groups = {crypto::Group::kP384};
    if (kind() == Kind::kResumed) {
      const auto first = EngineTest::pair();
      ticket_ = ticket_of(*first);
    }
  }
  static Kind kind() { return std::get<1>(GetParam()); }
  // A client of DTLS 1.3 that shows a certificate is done with the ACK of it, which, for what was
  // repeated, may take a quarter of a doubled timer (RFC 9147 §7.1).
  static Duration wait_for_ack() {
    const bool waits = std::get<0>(GetParam()) == wire::kDtls13 && kind() == Kind::kMutual;
    return Duration(waits ? 500 : 0);
  }
  static bool is_13() { return std::get<0>(GetParam()) == wire::kDtls13; }

  void set_mtu(int mtu) {
    client_.channel.mtu = server_.channel.mtu = static_cast<std::uint16_t>(mtu);
  }
  [[nodiscard]] std::unique_ptr<EnginePair> pair() const {
    if (kind() == Kind::kPsk) return psk_pair();
    auto made = EngineTest::pair();
    if (kind() == Kind::kResumed) made->client.owner.to_resume = copy_of(ticket_);
    if (kind() == Kind::kMutual) {
      made->server.owner.presented.asks_client = true;
      made->server.owner.presented.requires_client = true;
      made->client.owner.own = identity(KeyKind::kP384);
    }
    return made;
  }
  [[nodiscard]] int datagrams_without_loss() const {
    const auto pair = this->pair();
    EXPECT_TRUE(pair->connect()) << why(*pair);
    return pair->datagrams();
  }
  // expect_whole: once each, as the kind wants it, and with keys that fit.
  static void expect_whole(EnginePair& pair) {
    ASSERT_EQ(pair.client.established, 1) << why(pair);
    ASSERT_EQ(pair.server.established, 1) << why(pair);
    EXPECT_EQ(pair.client.engine->negotiated().resumed, kind() == Kind::kResumed);
    EXPECT_EQ(pair.server.engine->negotiated().with_psk, kind() == Kind::kPsk);
    EXPECT_EQ(pair.server.owner.verified, kind() == Kind::kMutual ? 1 : 0);
    pair.lose({});
    pair.meet({});
    expect_alive(pair);
  }

  handshake::Ticket ticket_;
};

INSTANTIATE_TEST_SUITE_P(Of, EngineLoss,
                         testing::Combine(testing::Values(wire::kDtls12, wire::kDtls13),
                                          testing::Values(Kind::kFull, Kind::kMutual, Kind::kPsk,
                                                          Kind::kResumed, Kind::kRetry)),
                         [](const auto& one) {
                           const bool is_12 = std::get<0>(one.param) == wire::kDtls12;
                           return std::string(is_12 ? "Dtls12" : "Dtls13") +
                                  name_of(std::get<1>(one.param));
                         });

// RFC 6347 §4.2.4, RFC 9147 §5.8.1: a flight of each that fits a datagram is one.
TEST_P(EngineLoss, without_any_the_flights_are_those_of_the_rfc) {
  set_mtu(1472);
  const auto pair = this->pair();
  ASSERT_TRUE(pair->connect()) << why(*pair);
  if (is_13()) {
    // Hellos, Finisheds; the ACK with a ticket, which is acknowledged. No tickets for PSKs.
    const int of_ticket = kind() == Kind::kPsk ? 0 : 1;
    const int of_retry = kind() == Kind::kRetry ? 1 : 0;
    EXPECT_EQ(pair->client.sent, 2 + of_ticket + of_retry);
    EXPECT_EQ(pair->server.sent, 2 + of_retry);
  } else {
    EXPECT_EQ(pair->client.sent, 2);
    EXPECT_EQ(pair->server.sent, kind() == Kind::kResumed ? 1 : 2);
  }
  EXPECT_EQ(pair->handshake_time(), Duration(0)) << "no timer was needed";
  EXPECT_EQ(pair->client.engine->deadline(), std::nullopt);
  EXPECT_EQ(pair->server.engine->deadline(), std::nullopt);
}

TEST_P(EngineLoss, of_any_one_datagram_costs_one_timer) {
  for (const int mtu : {1232, 548, 296}) {
    set_mtu(mtu);
    const int count = datagrams_without_loss();
    for (int lost = 0; lost <= count; ++lost) {
      SCOPED_TRACE("MTU " + std::to_string(mtu) + ", lost " + std::to_string(lost));
      const auto pair = this->pair();
      pair->lose([&](int number) { return number == lost; });
      ASSERT_TRUE(pair->connect()) << why(*pair);
      EXPECT_LE(pair->handshake_time(), kOneLoss + wait_for_ack());
      expect_whole(*pair);
    }
  }
}

TEST_P(EngineLoss, of_any_two_datagrams_costs_two_timers) {
  for (const int mtu : {1232, 548, 296}) {
    set_mtu(mtu);
    // Also of what is sent again for the first loss, which is at most as much.
    const int count = std::min(2 * datagrams_without_loss(), 20);
    for (int first = 0; first < count; ++first) {
      for (int second = first + 1; second < count; ++second) {
        SCOPED_TRACE("MTU " + std::to_string(mtu) + ", lost " + std::to_string(first) + " and " +
                     std::to_string(second));
        const auto pair = this->pair();
        pair->lose([&](int number) { return number == first || number == second; });
        ASSERT_TRUE(pair->connect()) << why(*pair);
        EXPECT_LE(pair->handshake_time(), kTwoLosses + wait_for_ack());
        expect_whole(*pair);
      }
    }
  }
}

TEST_P(EngineLoss, doubling_and_reordering_at_random_are_survived) {
  constexpr int kMtus[] = {1232, 548, 296, 1472};
  Duration longest{0};
  const int seeds = many("DTLS_TEST_SEEDS", 20);  // of each version and kind: 200
  for (int seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    set_mtu(kMtus[seed % 4]);
    const auto pair = this->pair();
    pair->meet(RandomNetwork(static_cast<std::uint64_t>(seed)));
    ASSERT_TRUE(pair->connect()) << why(*pair);
    longest = std::max(longest, pair->handshake_time());
    expect_whole(*pair);
  }
  RecordProperty("longest_ms", std::to_string(longest.count()));
}

// A chain of many fragments: in DTLS 1.3 what came is acknowledged, and the rest alone comes again.
class EngineLossOfChain : public EngineLoss {};
INSTANTIATE_TEST_SUITE_P(Of, EngineLossOfChain,
                         testing::Values(VersionAndKind{wire::kDtls12, Kind::kFull},
                                         VersionAndKind{wire::kDtls13, Kind::kFull}));

TEST_P(EngineLossOfChain, in_any_one_fragment_costs_one_timer) {
  auto long_chain = std::make_shared<handshake::Identity>(*identity());
  for (int i = 0; i < 8; ++i)
    long_chain->chain.push_back(long_chain->chain.front());
  set_mtu(548);
  const auto make = [&] {
    auto made = this->pair();
    made->server.owner.presented.identity = long_chain;
    return made;
  };
  const auto whole = make();
  ASSERT_TRUE(whole->connect()) << why(*whole);
  EXPECT_EQ(whole->handshake_time(), Duration(0));
  for (int lost = 0; lost <= whole->datagrams(); ++lost) {
    SCOPED_TRACE("lost " + std::to_string(lost));
    const auto pair = make();
    pair->lose([&](int number) { return number == lost; });
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_LE(pair->handshake_time(), kOneLoss + wait_for_ack());
    // The server's flight follows the hello; its last datagram is of another, with the ACK. Without
    // the ServerHello nothing of it can be read.
    if (is_13() && lost > 1 && lost < whole->server.sent) {
      EXPECT_LE(pair->datagrams(), whole->datagrams() + 3);
    }
    expect_whole(*pair);
  }
}

TEST_P(EngineLoss, of_everything_for_a_minute_is_survived) {
  const auto pair = this->pair();
  pair->lose([&](int /*number*/) { return pair->elapsed() < Duration(60'000); });
  ASSERT_TRUE(pair->connect()) << why(*pair);
  EXPECT_LE(pair->handshake_time(), Duration(63'000)) << "1 + 2 + 4 + 8 + 16 + 32 s";
  expect_whole(*pair);
}

TEST_P(EngineLoss, is_not_what_an_mtu_causes) {
  for (int mtu = 296; mtu <= 1500; mtu += many("DTLS_TEST_MTU_STEP", 61)) {
    SCOPED_TRACE("MTU " + std::to_string(mtu));
    set_mtu(mtu);
    const auto pair = this->pair();
    pair->alter([&](int /*number*/, const EngineSide::Datagram& datagram) {
      EXPECT_LE(datagram.size(), static_cast<std::size_t>(mtu));
    });
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_EQ(pair->handshake_time(), Duration(0)) << "no timer was needed";
    expect_whole(*pair);
  }
}

}  // namespace
}  // namespace dtls::test
