// Handshakes of two engines over networks that lose, double and reorder: each kind of handshake of
// both versions, whole and in small fragments.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "support/engine_test.hpp"
#include "support/handshake_kinds.hpp"
#include "support/random_network.hpp"

namespace dtls::test {
namespace {

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
    if (kind() == Kind::kRetry) server_.groups = {crypto::Group::kP256};
    if (renegotiates()) server_.renegotiate = client_.renegotiate = true;
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
  static bool renegotiates() { return is_renegotiation(kind()); }

  void set_mtu(int mtu) {
    client_.channel.mtu = server_.channel.mtu = static_cast<std::uint16_t>(mtu);
  }

  // One handshake of the kind, ready to begin. Datagrams and time count from there.
  class Attempt {
   public:
    explicit Attempt(std::unique_ptr<EnginePair> pair)
        : pair_(std::move(pair)), first_(pair_->datagrams()), begun_(pair_->now()) {}

    EnginePair& operator*() { return *pair_; }
    EnginePair* operator->() { return pair_.get(); }

    void lose(const EnginePair::Loses& loses) {
      pair_->lose([loses, first = first_](int number) { return loses(number - first); });
    }
    // run has it end, one way or the other; whether it did as the kind wants it.
    bool run() {
      if (!renegotiates()) return pair_->connect() && note_end(pair_->handshake_time());
      auto& beginner =
          kind() == Kind::kClientRenegotiates ? *pair_->client.engine : *pair_->server.engine;
      if (!beginner.renegotiate(pair_->now())) return false;
      while (!is_renegotiated() && pair_->now() - begun_ < kPatience) {
        if (!pair_->advance()) break;
      }
      const auto took = std::chrono::duration_cast<Duration>(pair_->now() - begun_);
      pair_->settle();
      return is_renegotiated() && note_end(took);
    }
    [[nodiscard]] Duration time() const { return time_; }
    [[nodiscard]] Duration elapsed() const {
      return std::chrono::duration_cast<Duration>(pair_->now() - begun_);
    }
    [[nodiscard]] int datagrams() const { return pair_->datagrams() - first_; }

   private:
    static constexpr Duration kPatience{600'000};

    bool note_end(Duration took) {
      time_ = took;
      return true;
    }
    // A renegotiation has keys of its own.
    [[nodiscard]] bool is_renegotiated() const {
      const auto is_new = [](const EngineSide& side) {
        return side.engine->channel().write_epoch() == 2 &&
               side.engine->channel().read_epoch() == 2 && side.engine->is_established() &&
               !side.engine->is_renegotiating();
      };
      return is_new(pair_->client) && is_new(pair_->server);
    }

    std::unique_ptr<EnginePair> pair_;
    int first_;
    TimePoint begun_;
    Duration time_{0};
  };

  [[nodiscard]] Attempt attempt() const {
    if (kind() == Kind::kPsk) return Attempt(psk_pair());
    auto made = EngineTest::pair();
    if (kind() == Kind::kResumed) made->client.owner.to_resume = copy_of(ticket_);
    if (kind() == Kind::kMutual) {
      made->server.owner.presented.asks_client = true;
      made->server.owner.presented.requires_client = true;
      made->client.owner.own = identity(KeyKind::kEd25519);
    }
    if (renegotiates()) {
      EXPECT_TRUE(made->connect()) << why(*made);
      made->client.sent = made->server.sent = 0;
    }
    return Attempt(std::move(made));
  }
  [[nodiscard]] int datagrams_without_loss() const {
    auto attempt = this->attempt();
    EXPECT_TRUE(attempt.run()) << why(*attempt);
    return attempt.datagrams();
  }
  // expect_whole: once each, as the kind wants it, and with keys that fit.
  static void expect_whole(EnginePair& pair) {
    ASSERT_EQ(pair.client.established, 1) << why(pair);
    ASSERT_EQ(pair.server.established, 1) << why(pair);
    EXPECT_EQ(pair.client.engine->negotiated().resumed, kind() == Kind::kResumed);
    EXPECT_EQ(pair.server.engine->negotiated().with_psk, kind() == Kind::kPsk);
    EXPECT_EQ(pair.server.engine->negotiated().retried, is_13() && kind() == Kind::kRetry);
    EXPECT_EQ(pair.server.owner.verified, kind() == Kind::kMutual ? 1 : 0);
    pair.lose({});
    pair.meet({});
    expect_alive(pair);
  }

  handshake::Ticket ticket_;
};

std::string name_of_case(const testing::TestParamInfo<VersionAndKind>& one) {
  const bool is_12 = std::get<0>(one.param) == wire::kDtls12;
  return std::string(is_12 ? "Dtls12" : "Dtls13") + name_of(std::get<1>(one.param));
}

INSTANTIATE_TEST_SUITE_P(Of, EngineLoss,
                         testing::Combine(testing::Values(wire::kDtls12, wire::kDtls13),
                                          testing::Values(Kind::kFull, Kind::kMutual, Kind::kPsk,
                                                          Kind::kResumed, Kind::kRetry)),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(OfRenegotiation, EngineLoss,
                         testing::Combine(testing::Values(wire::kDtls12),
                                          testing::Values(Kind::kClientRenegotiates,
                                                          Kind::kServerRenegotiates)),
                         name_of_case);

// RFC 6347 §4.2.4, RFC 9147 §5.8.1: a flight of each that fits a datagram is one.
TEST_P(EngineLoss, without_any_the_flights_are_those_of_the_rfc) {
  set_mtu(1472);
  auto attempt = this->attempt();
  ASSERT_TRUE(attempt.run()) << why(*attempt);
  if (is_13()) {
    // Hellos, Finisheds; the ACK with a ticket, which is acknowledged. No tickets for PSKs.
    const int of_ticket = kind() == Kind::kPsk ? 0 : 1;
    const int of_retry = kind() == Kind::kRetry ? 1 : 0;
    EXPECT_EQ(attempt->client.sent, 2 + of_ticket + of_retry);
    EXPECT_EQ(attempt->server.sent, 2 + of_retry);
  } else {
    // A HelloRequest is a datagram of its own.
    const int of_request = kind() == Kind::kServerRenegotiates ? 1 : 0;
    EXPECT_EQ(attempt->client.sent, 2);
    EXPECT_EQ(attempt->server.sent, (kind() == Kind::kResumed ? 1 : 2) + of_request);
  }
  EXPECT_EQ(attempt.time(), Duration(0)) << "no timer was needed";
  EXPECT_EQ(attempt->client.engine->deadline(), std::nullopt);
  EXPECT_EQ(attempt->server.engine->deadline(), std::nullopt);
}

// Where a datagram takes 50 ms, so many of them in turn (RFC 5246 §7.3, RFC 5077 §3.1, RFC 8446
// §2).
TEST_P(EngineLoss, without_any_the_round_trips_are_those_of_the_rfc) {
  constexpr Duration kWay{50};
  for (const int mtu : {1472, 548, 296}) {
    SCOPED_TRACE("MTU " + std::to_string(mtu));
    set_mtu(mtu);
    auto attempt = this->attempt();
    attempt->meet([&](int /*number*/) { return std::vector<Duration>{kWay}; });
    ASSERT_TRUE(attempt.run()) << why(*attempt);
    // Full in 1.2: hello, flight, Finished, Finished; else the client's Finished is the last. A
    // client of 1.3 that shows a certificate waits for its acknowledgement.
    int ways = (is_13() && kind() != Kind::kMutual) || kind() == Kind::kResumed ? 3 : 4;
    if (is_13() && kind() == Kind::kRetry) ways += 2;
    if (kind() == Kind::kServerRenegotiates) ways += 1;
    EXPECT_EQ(attempt.time(), ways * kWay);
  }
}

TEST_P(EngineLoss, of_any_one_datagram_costs_one_timer) {
  for (const int mtu : {1472, 1232, 548, 296}) {
    set_mtu(mtu);
    const int count = datagrams_without_loss();
    for (int lost = 0; lost <= count; ++lost) {
      SCOPED_TRACE("MTU " + std::to_string(mtu) + ", lost " + std::to_string(lost));
      auto attempt = this->attempt();
      attempt.lose([&](int number) { return number == lost; });
      ASSERT_TRUE(attempt.run()) << why(*attempt);
      EXPECT_LE(attempt.time(), kOneLoss + wait_for_ack());
      expect_whole(*attempt);
    }
  }
}

TEST_P(EngineLoss, of_any_two_datagrams_costs_two_timers) {
  for (const int mtu : {1472, 1232, 548, 296}) {
    set_mtu(mtu);
    // Also of what is sent again for the first loss, which is at most as much.
    const int count = 2 * datagrams_without_loss();
    for (int first = 0; first < count; ++first) {
      for (int second = first + 1; second < count; ++second) {
        SCOPED_TRACE("MTU " + std::to_string(mtu) + ", lost " + std::to_string(first) + " and " +
                     std::to_string(second));
        auto attempt = this->attempt();
        attempt.lose([&](int number) { return number == first || number == second; });
        ASSERT_TRUE(attempt.run()) << why(*attempt);
        EXPECT_LE(attempt.time(), kTwoLosses + wait_for_ack());
        expect_whole(*attempt);
      }
    }
  }
}

// DTLS_TEST_SEEDS=10000 is what a release should have seen: 3 minutes.
TEST_P(EngineLoss, doubling_and_reordering_at_random_are_survived) {
  constexpr int kMtus[] = {1232, 548, 296, 1472};
  Duration longest{0};
  const int seeds = many("DTLS_TEST_SEEDS", 100);  // of each version and kind
  for (int seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    set_mtu(kMtus[seed % 4]);
    auto attempt = this->attempt();
    attempt->meet(RandomNetwork(static_cast<std::uint64_t>(seed)));
    ASSERT_TRUE(attempt.run()) << why(*attempt);
    longest = std::max(longest, attempt.time());
    expect_whole(*attempt);
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
    auto made = attempt();
    made->server.owner.presented.identity = long_chain;
    return made;
  };
  auto whole = make();
  ASSERT_TRUE(whole.run()) << why(*whole);
  EXPECT_EQ(whole.time(), Duration(0));
  for (int lost = 0; lost <= whole.datagrams(); ++lost) {
    SCOPED_TRACE("lost " + std::to_string(lost));
    auto attempt = make();
    attempt.lose([&](int number) { return number == lost; });
    ASSERT_TRUE(attempt.run()) << why(*attempt);
    EXPECT_LE(attempt.time(), kOneLoss + wait_for_ack());
    // The server's flight follows the hello; its last datagram is of another, with the ACK. Without
    // the ServerHello nothing of it can be read.
    if (is_13() && lost > 1 && lost < whole->server.sent) {
      EXPECT_LE(attempt.datagrams(), whole.datagrams() + 3);
    }
    expect_whole(*attempt);
  }
}

TEST_P(EngineLoss, of_everything_for_a_minute_is_survived) {
  auto attempt = this->attempt();
  attempt.lose([&](int /*number*/) { return attempt.elapsed() < Duration(60'000); });
  ASSERT_TRUE(attempt.run()) << why(*attempt);
  EXPECT_LE(attempt.time(), Duration(63'000)) << "1 + 2 + 4 + 8 + 16 + 32 s";
  expect_whole(*attempt);
}

// DTLS_TEST_MTU_STEP=1 tries each.
TEST_P(EngineLoss, is_not_what_an_mtu_causes) {
  for (int mtu = 296; mtu <= 1500; mtu += many("DTLS_TEST_MTU_STEP", 43)) {
    SCOPED_TRACE("MTU " + std::to_string(mtu));
    set_mtu(mtu);
    auto attempt = this->attempt();
    attempt->alter([&](int /*number*/, const EngineSide::Datagram& datagram) {
      EXPECT_LE(datagram.size(), static_cast<std::size_t>(mtu));
    });
    ASSERT_TRUE(attempt.run()) << why(*attempt);
    EXPECT_EQ(attempt.time(), Duration(0)) << "no timer was needed";
    expect_whole(*attempt);
  }
}

}  // namespace
}  // namespace dtls::test
