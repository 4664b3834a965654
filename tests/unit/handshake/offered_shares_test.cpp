// What a server makes of the key shares and the name in a ClientHello of DTLS 1.3.
#include "handshake/hello/offered_shares.hpp"

#include <chrono>

#include "support/engine_test.hpp"
#include "support/hello_13.hpp"

namespace dtls::test {
namespace {

using wire::AlertDescription;
using wire::NamedGroup;

constexpr NamedGroup kX25519 = NamedGroup::kX25519;
constexpr NamedGroup kP256 = NamedGroup::kSecp256r1;
constexpr NamedGroup kP384 = NamedGroup::kSecp384r1;

class OfferedShares : public EngineTest {
 protected:
  // outcome is the alert that ends the handshake; none: the server answered.
  std::optional<AlertDescription> outcome(const Hello13& hello) {
    const auto pair = this->pair();
    for (auto& datagram : cut(hello.body(), 16'000)) {
      pair->server.engine->receive(datagram, pair->now());
      pair->drain();
    }
    if (!pair->server.failure) {
      EXPECT_GT(pair->server.sent, 0);
      return std::nullopt;
    }
    return static_cast<AlertDescription>(pair->server.failure->alert.value_or(0));
  }
};

TEST_F(OfferedShares, in_the_order_of_the_groups_are_taken) {
  Hello13 hello;
  hello.groups = {kP384, kX25519, kP256};
  EXPECT_EQ(outcome(hello), std::nullopt);
  hello.shares = {{kP384, 97}, {kX25519, 32}, {kP256, 65}};
  EXPECT_EQ(outcome(hello), std::nullopt);
}

// RFC 8446 §4.2.8
TEST_F(OfferedShares, in_another_order_are_refused) {
  Hello13 hello;
  hello.groups = {kP384, kX25519, kP256};
  hello.shares = {{kX25519, 32}, {kP384, 97}};
  EXPECT_EQ(outcome(hello), AlertDescription::kIllegalParameter);
}

TEST_F(OfferedShares, of_one_group_twice_are_refused) {
  Hello13 hello;
  hello.shares = {{kX25519, 32}, {kX25519, 32}};
  EXPECT_EQ(outcome(hello), AlertDescription::kIllegalParameter);
  hello.groups = {kX25519, kX25519};
  EXPECT_EQ(outcome(hello), AlertDescription::kIllegalParameter) << "nor if it is named twice";
}

TEST_F(OfferedShares, of_a_group_that_is_not_offered_are_refused) {
  Hello13 hello;
  hello.shares = {{kX25519, 32}, {kP256, 65}};
  EXPECT_EQ(outcome(hello), AlertDescription::kIllegalParameter);
}

TEST_F(OfferedShares, beyond_a_few_are_refused) {
  Hello13 hello;
  for (std::uint16_t i = 1; i < handshake::kMaxOfferedShares; ++i) {
    hello.groups.push_back(NamedGroup(0x4000 + i));
    hello.shares.emplace_back(hello.groups.back(), 1);
  }
  EXPECT_EQ(outcome(hello), std::nullopt);
  hello.groups.push_back(NamedGroup(0x4000));
  hello.shares.emplace_back(hello.groups.back(), 1);
  EXPECT_EQ(outcome(hello), AlertDescription::kIllegalParameter);
}

// As many groups and shares as a hello holds: what was quadratic took seconds.
TEST_F(OfferedShares, of_the_largest_hello_cost_next_to_nothing) {
  Hello13 hello;
  for (std::uint16_t i = 0; i < 7'000; ++i)
    hello.groups.push_back(NamedGroup(0x4000 + i));
  hello.shares.clear();
  for (std::uint16_t i = 0; i < 8'000; ++i)
    hello.shares.emplace_back(NamedGroup(0x4000 + i), 1);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(outcome(hello), AlertDescription::kIllegalParameter);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(500));
}

using OfferedName = OfferedShares;

// RFC 6066 §3: a name of DNS, which RFC 1035 §2.3.4 has end at 255 bytes.
TEST_F(OfferedName, longer_than_any_name_is_refused) {
  Hello13 hello;
  hello.name = std::string(255, 'a');
  EXPECT_EQ(outcome(hello), std::nullopt);
  hello.name += 'a';
  EXPECT_EQ(outcome(hello), AlertDescription::kUnrecognizedName);
}

}  // namespace
}  // namespace dtls::test
