// Handshakes of two sessions, as programs have them, from the cookie on, over networks that lose.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <tuple>

#include "support/certificates.hpp"
#include "support/handshake_kinds.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

using SessionCase = std::tuple<ProtocolVersion, Kind>;

class SessionLoss : public testing::TestWithParam<SessionCase> {
 protected:
  // As engine_loss_test.cpp explains them.
  static constexpr Duration kOneLoss{1000};
  static constexpr Duration kTwoLosses{3000};

  static ProtocolVersion version() { return std::get<0>(GetParam()); }
  static Kind kind() { return std::get<1>(GetParam()); }
  static bool renegotiates() { return is_renegotiation(kind()); }

  SessionLoss() {
    client_.ca = authority().certificate();
    client_.server_name = "localhost";
    client_.versions = {version(), version()};
    server_.identity = identity();
    if (kind() == Kind::kMutual) {
      client_.identity = identity();
      server_.ca = authority().certificate();
    }
    client_.renegotiate = server_.renegotiate = renegotiates();
    // Six losses in a row take longer than the default, and in some thousands of seeds there are.
    client_.handshake_timeout = server_.handshake_timeout = std::chrono::minutes(10);
    server_context_ = std::move(*Context::for_server(server_));
  }

  // Outcome of one handshake of the kind, of which `loses` says what is lost, counted from its
  // first datagram.
  struct Outcome {
    Duration time{0};
    int datagrams = 0;
  };
  Outcome shake(const VirtualPair::Loses& loses) {
    VirtualPair pair(server_context_, client_);
    if (!renegotiates()) pair.lose(loses);
    TimePoint begun = pair.now();
    int first = 0;
    bool done = pair.connect();
    auto ended = pair.now();
    if (renegotiates()) {
      done = done && pair.settle([&] { return pair.is_quiet(); });
      first = pair.datagrams();
      begun = pair.now();
      pair.lose([&](int number) { return loses && loses(number - first); });
      auto& side = kind() == Kind::kClientRenegotiates ? pair.client() : pair.server();
      done = done && static_cast<bool>(side.session->renegotiate(pair.now())) &&
             pair.settle([&] { return pair.is_quiet(); });
      ended = pair.now();
    } else {
      done = done && pair.settle([&] { return pair.is_quiet(); });
    }
    const int datagrams = pair.datagrams() - first;
    EXPECT_TRUE(done) << why(pair);
    expect_whole(pair);
    return {std::chrono::duration_cast<Duration>(ended - begun), datagrams};
  }

 private:
  static const Authority& authority() {
    static const Authority kAuthority;
    return kAuthority;
  }
  static const IdentityConfig& identity() {
    static const IdentityConfig kIdentity = authority().issue();
    return kIdentity;
  }
  static std::string why(VirtualPair& pair) {
    std::string text;
    for (const auto* side : {&pair.client(), &pair.server()})
      text += side->failure ? side->failure->message + "; " : "is fine; ";
    return text;
  }
  static void expect_whole(VirtualPair& pair) {
    pair.lose({});
    for (auto* side : {&pair.client(), &pair.server()}) {
      EXPECT_EQ(side->connected, 1);
      ASSERT_TRUE(side->session);
      EXPECT_FALSE(side->session->is_renegotiating());
      EXPECT_TRUE(side->session->send(std::as_bytes(std::span("alive", 5)))) << why(pair);
    }
    EXPECT_TRUE(pair.client().session->verification().authorized);
    EXPECT_EQ(pair.server().session->verification().authorized, kind() == Kind::kMutual);
    pair.settle([] { return true; });
    for (const auto* side : {&pair.client(), &pair.server()})
      EXPECT_EQ(side->messages, std::vector<std::string>{"alive"});
  }

  ServerConfig server_;
  ClientConfig client_;
  std::shared_ptr<Context> server_context_;
};

std::string name_of_session_case(const testing::TestParamInfo<SessionCase>& one) {
  const bool is_12 = std::get<0>(one.param) == ProtocolVersion::kDtls12;
  return std::string(is_12 ? "Dtls12" : "Dtls13") + name_of(std::get<1>(one.param));
}

INSTANTIATE_TEST_SUITE_P(Of, SessionLoss,
                         testing::Combine(testing::Values(ProtocolVersion::kDtls12,
                                                          ProtocolVersion::kDtls13),
                                          testing::Values(Kind::kFull, Kind::kMutual)),
                         name_of_session_case);
INSTANTIATE_TEST_SUITE_P(OfRenegotiation, SessionLoss,
                         testing::Combine(testing::Values(ProtocolVersion::kDtls12),
                                          testing::Values(Kind::kClientRenegotiates,
                                                          Kind::kServerRenegotiates)),
                         name_of_session_case);

// A round trip for the cookie (RFC 6347 §4.2.1, RFC 9147 §5.1), then hello, flight, Finished; and
// the server's Finished, or in DTLS 1.3 its ACK. Renegotiations have no cookie; the server's begin
// with a request.
TEST_P(SessionLoss, without_any_the_flights_are_those_of_the_rfc) {
  const auto outcome = shake({});
  const int of_cookie = renegotiates() ? 0 : 2;
  const int of_keys = has_large_keys(version()) ? 2 : 0;
  const int of_request = kind() == Kind::kServerRenegotiates ? 1 : 0;
  EXPECT_EQ(outcome.datagrams, 4 + of_cookie + of_keys + of_request);
  EXPECT_EQ(outcome.time, Duration(0)) << "no timer was needed";
}

TEST_P(SessionLoss, of_any_one_datagram_costs_one_timer) {
  const int count = shake({}).datagrams;
  for (int lost = 0; lost < count; ++lost) {
    SCOPED_TRACE("lost " + std::to_string(lost));
    EXPECT_LE(shake([&](int number) { return number == lost; }).time, kOneLoss);
  }
}

TEST_P(SessionLoss, of_any_two_datagrams_costs_two_timers) {
  const int count = 2 * shake({}).datagrams;
  for (int first = 0; first < count; ++first) {
    for (int second = first + 1; second < count; ++second) {
      SCOPED_TRACE("lost " + std::to_string(first) + " and " + std::to_string(second));
      const auto outcome = shake([&](int number) { return number == first || number == second; });
      EXPECT_LE(outcome.time, kTwoLosses);
    }
  }
}

TEST_P(SessionLoss, of_one_datagram_in_ten_at_random_is_survived) {
  const int seeds = many("DTLS_TEST_SEEDS", 100);
  for (int seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    shake([&](int /*number*/) { return random() % 10 == 0; });
  }
}

}  // namespace
}  // namespace dtls::test
