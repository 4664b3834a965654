// Whole handshakes through the cookie gate over networks that lose and reorder, where hellos do not
// fit one datagram: because datagrams are small, or because of a share of ML-KEM.
#include <algorithm>
#include <string>
#include <tuple>

#include "support/engine_test.hpp"
#include "support/random_network.hpp"
#include "support/raw_client.hpp"

namespace dtls::test {
namespace {

enum class Keys { kPlain, kHybrid };
using VersionAndKeys = std::tuple<wire::Version, Keys>;

class GuardedLoss : public EngineTest, public testing::WithParamInterface<VersionAndKeys> {
 protected:
  void SetUp() override {
    speak(std::get<0>(GetParam()));
    if (std::get<1>(GetParam()) == Keys::kPlain) return;
    if (!crypto::is_available(kHybrid)) {
      GTEST_SKIP() << "ML-KEM came with OpenSSL 3.5; this is older";
    }
    for (auto* settings : {&client_, &server_})
      settings->groups.insert(settings->groups.begin(), kHybrid);
  }
  void set_mtu(int mtu) {
    client_.channel.mtu = server_.channel.mtu = static_cast<std::uint16_t>(mtu);
  }
  [[nodiscard]] std::unique_ptr<EnginePair> guarded() const {
    auto made = pair();
    made->client.owner.name = "a.name.of.some.length.example";
    made->guard();
    return made;
  }
  static void expect_whole(EnginePair& pair) {
    ASSERT_EQ(pair.client.established, 1) << why(pair);
    ASSERT_EQ(pair.server.established, 1) << why(pair);
    const bool is_hybrid = std::get<1>(GetParam()) == Keys::kHybrid;
    EXPECT_EQ(pair.server.engine->negotiated().group,
              is_hybrid ? wire::NamedGroup::kX25519MlKem768 : wire::NamedGroup::kX25519);
    pair.lose({});
    pair.meet({});
    expect_alive(pair);
  }
  static constexpr auto kHybrid = crypto::Group::kX25519MlKem768;
  static constexpr int kMtus[] = {228, 296, 548, 1232};
};

INSTANTIATE_TEST_SUITE_P(Of, GuardedLoss,
                         testing::Values(VersionAndKeys{wire::kDtls12, Keys::kPlain},
                                         VersionAndKeys{wire::kDtls13, Keys::kPlain},
                                         VersionAndKeys{wire::kDtls13, Keys::kHybrid}),
                         [](const auto& one) {
                           const bool is_12 = std::get<0>(one.param) == wire::kDtls12;
                           const bool is_plain = std::get<1>(one.param) == Keys::kPlain;
                           return std::string(is_12 ? "Dtls12" : "Dtls13") +
                                  (is_plain ? "Plain" : "Hybrid");
                         });

TEST_P(GuardedLoss, is_not_what_small_datagrams_cause) {
  for (const int mtu : kMtus) {
    SCOPED_TRACE("MTU " + std::to_string(mtu));
    set_mtu(mtu);
    const auto pair = guarded();
    pair->alter([&](int /*number*/, const EngineSide::Datagram& datagram) {
      EXPECT_LE(datagram.size(), static_cast<std::size_t>(mtu));
    });
    ASSERT_TRUE(pair->connect()) << why(*pair);
    EXPECT_EQ(pair->handshake_time(), Duration(0)) << "no timer was needed";
    expect_whole(*pair);
  }
}

TEST_P(GuardedLoss, of_any_one_datagram_costs_one_timer) {
  for (const int mtu : kMtus) {
    set_mtu(mtu);
    const auto whole = guarded();
    ASSERT_TRUE(whole->connect()) << why(*whole);
    for (int lost = 0; lost <= whole->datagrams(); ++lost) {
      SCOPED_TRACE("MTU " + std::to_string(mtu) + ", lost " + std::to_string(lost));
      const auto pair = guarded();
      pair->lose([&](int number) { return number == lost; });
      ASSERT_TRUE(pair->connect()) << why(*pair);
      EXPECT_LE(pair->handshake_time(), Duration(1000));
      expect_whole(*pair);
    }
  }
}

// Browsers send every hello in two fragments: a reordering must cost them no retransmission.
TEST_P(GuardedLoss, is_not_what_a_datagram_behind_its_next_ones_causes) {
  constexpr Duration kLate{5};
  for (const int mtu : kMtus) {
    set_mtu(mtu);
    const auto whole = guarded();
    ASSERT_TRUE(whole->connect()) << why(*whole);
    for (int late = 0; late < whole->datagrams(); ++late) {
      SCOPED_TRACE("MTU " + std::to_string(mtu) + ", late " + std::to_string(late));
      const auto pair = guarded();
      pair->meet(
          [&](int number) { return std::vector<Duration>{number == late ? kLate : Duration(0)}; });
      ASSERT_TRUE(pair->connect()) << why(*pair);
      EXPECT_LE(pair->handshake_time(), kLate);
      expect_whole(*pair);
    }
  }
}

// Of the first hello's two fragments the first transmission loses one and the second the other.
TEST_P(GuardedLoss, of_one_half_of_a_hello_and_then_of_its_other_half_costs_one_timer) {
  set_mtu(228);
  for (const int lost : {0, 1}) {
    SCOPED_TRACE("lost " + std::to_string(lost));
    const auto pair = guarded();
    pair->client.owner.name = std::string(60, 'a') + "." + std::string(60, 'b') + ".example";
    pair->lose([&](int number) {
      if (number >= 2 && pair->server.sent > 0) return false;
      return number == lost || number == 3 - lost;
    });
    pair->start();
    pair->drain(pair->client, pair->server);
    ASSERT_EQ(pair->client.sent, 2);
    pair->settle();
    EXPECT_LE(pair->handshake_time(), Duration(1000)) << why(*pair);
    expect_whole(*pair);
  }
}

TEST_P(GuardedLoss, doubling_and_reordering_at_random_are_survived) {
  for (int seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    set_mtu(kMtus[seed % 4]);
    const auto pair = guarded();
    pair->meet(RandomNetwork(static_cast<std::uint64_t>(seed)));
    ASSERT_TRUE(pair->connect()) << why(*pair);
    expect_whole(*pair);
  }
}

// As `openssl s_client -dtls -mtu 256`, and with a name that makes the hello longer.
TEST(SmallDatagrams, of_libssl_get_through_with_both_hellos_in_fragments) {
  const Authority authority;
  ServerConfig config;
  config.identity = authority.issue();
  const auto context = std::move(*Context::for_server(config));
  for (const long mtu : {256L, 296L}) {
    RawClient client("a-name-of-quite-some-length-indeed.of-a-host.somewhere.example", mtu);
    EXPECT_TRUE(client.connect(context)) << mtu;
  }
}

}  // namespace
}  // namespace dtls::test
