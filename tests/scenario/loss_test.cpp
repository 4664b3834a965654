// Handshakes over a network that loses, doubles and reorders datagrams (RFC 6347 §4.2.4).
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "support/bad_network.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

// After a loss there are more datagrams than without; these many more are lost in their turn.
constexpr int kRetransmitted = 3;

using VersionAndMode = std::tuple<ProtocolVersion, bool>;

class Loss : public BadNetwork, public testing::WithParamInterface<VersionAndMode> {
 protected:
  Loss() {
    const auto [version, is_mutual] = GetParam();
    server_config_.versions = client_config_.versions = {version, version};
    if (is_mutual) authenticate_clients();
  }
  [[nodiscard]] static bool ends_with_server_flight() {
    return is_13() && !std::get<1>(GetParam());
  }
  [[nodiscard]] static bool is_13() { return std::get<0>(GetParam()) == ProtocolVersion::kDtls13; }
  static std::string both(int one, int other) {
    return "datagrams " + std::to_string(one) + " and " + std::to_string(other) + " lost";
  }
};

std::string name_of(const testing::TestParamInfo<VersionAndMode>& test) {
  const auto [version, is_mutual] = test.param;
  return std::string(version == ProtocolVersion::kDtls13 ? "dtls13" : "dtls12") +
         (is_mutual ? "_mutual_authentication" : "_server_authentication");
}

INSTANTIATE_TEST_SUITE_P(Of, Loss,
                         testing::Combine(testing::Values(ProtocolVersion::kDtls12,
                                                          ProtocolVersion::kDtls13),
                                          testing::Bool()),
                         name_of);

TEST_P(Loss, without_it_a_handshake_has_as_few_datagrams_as_can_be) {
  // Hello, request for a cookie, hello with cookie, the server's flight. With DTLS 1.3 a client
  // that has no certificate to show is done then; else its own flight and the answer are still to
  // come.
  const int of_keys = has_large_keys(std::get<0>(GetParam())) ? 2 : 0;
  EXPECT_EQ(datagrams_without_loss(), (ends_with_server_flight() ? 4 : 6) + of_keys);
}

TEST_P(Loss, of_any_one_datagram_is_made_up_for) {
  const int count = datagrams_without_loss();
  const auto talks = make_talks(count, [](int lost) {
    return Talk{"datagram " + std::to_string(lost) + " lost",
                lose_if([lost](const Passing& passing) { return passing.number == lost; })};
  });
  for (const auto& told : hold_talks(talks)) {
    EXPECT_EQ(told.lost, 1);
    EXPECT_GT(told.datagrams_of_the_handshake, count);
  }
}

TEST_P(Loss, of_any_two_datagrams_is_made_up_for) {
  const int count = datagrams_without_loss();
  std::vector<Talk> talks;
  for (int one = 0; one < count; ++one) {
    for (int other = one + 1; other < count + kRetransmitted; ++other) {
      talks.push_back({both(one, other), lose_if([one, other](const Passing& passing) {
                         return passing.number == one || passing.number == other;
                       })});
    }
  }
  for (const auto& told : hold_talks(talks)) {
    EXPECT_GE(told.lost, 1);
    EXPECT_LE(told.lost, 2);
  }
}

TEST_P(Loss, of_one_datagram_each_way_again_and_again_is_made_up_for) {
  // The first `times` copies of one flight are lost: its timer doubles each time.
  constexpr int kTimes = 3;
  std::vector<Talk> talks;
  const int flights = ends_with_server_flight() ? 2 : 3;  // of each side, until the client is done
  for (const Way way : {Way::kToServer, Way::kToClient}) {
    for (int first = 0; first < flights; ++first) {
      talks.push_back({"to the " + std::string(way == Way::kToServer ? "server" : "client") +
                           " from " + std::to_string(first),
                       lose_if([way, first](const Passing& passing) {
                         return passing.way == way && passing.number_in_way >= first &&
                                passing.number_in_way < first + kTimes;
                       })});
    }
  }
  for (const auto& told : hold_talks(talks))
    EXPECT_EQ(told.lost, kTimes);
}

TEST_P(Loss, is_none_when_every_datagram_comes_twice) {
  retransmit_after(kNever);
  hold_talks({{"everything twice", [](const Passing&) { return Fate{.copies = 2}; }, false}});
}

TEST_P(Loss, is_none_when_any_one_datagram_comes_twice) {
  retransmit_after(kNever);
  const int count = datagrams_without_loss();
  const auto talks = make_talks(count + 2, [](int doubled) {
    return Talk{"datagram " + std::to_string(doubled) + " doubled",
                [doubled](const Passing& passing) {
                  return Fate{.copies = passing.number == doubled ? 2 : 1};
                },
                false};
  });
  hold_talks(talks);
}

TEST_P(Loss, is_none_when_any_one_datagram_comes_after_its_retransmission) {
  const int count = datagrams_without_loss();
  const auto talks = make_talks(count, [](int late) {
    return Talk{"datagram " + std::to_string(late) + " late",
                [late](const Passing& passing) {
                  if (passing.number != late) return Fate{};
                  // Its retransmission comes before it.
                  return Fate{.delay = 3 * kFirstRetransmission};
                },
                false};
  });
  hold_talks(talks);
}

TEST_P(Loss,
       by_chance_of_a_fifth_of_all_datagrams_with_as_many_doubled_and_delayed_is_made_up_for) {
  constexpr int kSeeds = 100;
  retransmit_after(Duration(20));
  const Chances chances{.lost = 20, .duplicated = 20, .delayed = 20, .longest_delay = Duration(30)};
  const auto talks = make_talks(kSeeds, [&](int seed) {
    return Talk{"seed " + std::to_string(seed),
                by_chance(static_cast<std::uint32_t>(seed), chances)};
  });
  int lost = 0;
  for (const auto& told : hold_talks(talks, 25))
    lost += told.lost;
  EXPECT_GT(lost, is_13() ? kSeeds / 2 : kSeeds) << "of four or six datagrams and more";
}

}  // namespace
}  // namespace dtls::test
