// Handshakes whose certificates fill many datagrams, also over paths that are narrow.
#include "support/long_chain.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/bad_network.hpp"

namespace dtls::test {
namespace {

// What IPv4 leaves a datagram on a path of this MTU: less 20 bytes of IPv4's header and 8 of UDP's.
constexpr std::size_t of_path(std::size_t mtu) {
  return mtu - 28;
}

// How long the last datagram of a flight waits for a next one to go behind.
constexpr Duration kNoNext{5};

class ManyDatagrams : public BadNetwork {
 protected:
  ManyDatagrams() {
    server_config_.identity = chain_.issue();
    client_config_.ca = chain_.anchor();
  }
  void authenticate_clients_by_the_chain() {
    server_config_.ca = chain_.anchor();
    client_config_.identity = chain_.issue();
  }
  static Rule narrow(std::size_t largest) {
    return lose_if([largest](const Passing& passing) { return passing.bytes.size() > largest; });
  }
  // What the last datagram of a flight holds, encrypted records among it, depends on every byte
  // before it. So there is a client for each of the sizes that a datagram may have.
  std::vector<Talk> talks_of_every_size(std::size_t largest) {
    constexpr std::size_t kFinished = 24;  // bytes of the encrypted message, not to be stepped over
    const LongChain chain(1);
    server_config_.identity = chain.issue();
    server_config_.ca = client_config_.ca = chain.anchor();
    std::vector<Talk> talks;
    for (std::size_t padding = 1; padding < largest; padding += kFinished / 2) {
      talks.push_back(
          {std::to_string(padding) + " bytes more", narrow(largest), true, chain.issue(padding)});
    }
    return talks;
  }

  LongChain chain_{9};
};

TEST_F(ManyDatagrams, carry_ten_kilobytes_of_certificates_each_way) {
  // A client of DTLS 1.3 is established before its own flight has arrived.
  client_config_.versions.max = ProtocolVersion::kDtls12;
  authenticate_clients_by_the_chain();
  retransmit_after(kNever);
  const auto told = hold_talk({});
  EXPECT_GT(told.bytes_to_server, 10000U);
  EXPECT_GT(told.bytes_to_client, 10000U);
  EXPECT_GT(told.datagrams_of_the_handshake, 20);
}

// RFC 8200 §5: every IPv6 link carries 1280 bytes, 48 of them IPv6's header and UDP's.
TEST_F(ManyDatagrams, pass_every_ipv6_path_without_a_retransmission) {
  retransmit_after(kNever);
  for (const auto& told : hold_talks(talks_of_every_size(1280 - 48)))
    EXPECT_EQ(told.lost, 0);
}

// A renegotiation encrypts all records of its flights, not only the last.
TEST_F(ManyDatagrams, of_a_renegotiation_keep_to_the_same_limit) {
  constexpr std::size_t kLargest = 1280 - 48;
  retransmit_after(kNever);
  server_config_.renegotiate = client_config_.renegotiate = true;
  for (const auto& talk : talks_of_every_size(kLargest)) {
    client_config_.identity = server_config_.identity = talk.identity;
    auto server = listen();
    LossyProxy network(loop_, server.local_address(), narrow(kLargest));
    auto client = std::move(*Client::start(loop_, client_config_, network.address()));
    auto accepted = std::move(*server.accept(kSoon));
    ASSERT_TRUE(client.wait_established(kSoon));
    ASSERT_TRUE(client.renegotiate());
    ASSERT_TRUE(client.send("after it", kSoon)) << talk.name;
    EXPECT_EQ(receive(accepted), "after it");
    ASSERT_EQ(network.lost(), 0) << talk.name;
  }
}

TEST_F(ManyDatagrams, pass_ethernet_without_a_retransmission) {
  authenticate_clients_by_the_chain();
  retransmit_after(kNever);
  EXPECT_EQ(hold_talk(narrow(of_path(1500))).lost, 0);
}

// RFC 6347 §4.1.1.1: after repeated retransmissions without an answer, smaller ones.
TEST_F(ManyDatagrams, of_a_server_become_small_enough_for_the_narrowest_ipv4_path) {
  const auto told = hold_talk(narrow(of_path(576)));
  EXPECT_GT(told.lost, 0);
}

TEST_F(ManyDatagrams, of_a_client_become_small_enough_for_the_narrowest_ipv4_path) {
  authenticate_clients_by_the_chain();
  server_config_.identity = authority_.issue();
  client_config_.ca = authority_.certificate();
  const auto told = hold_talk(narrow(of_path(576)));
  EXPECT_GT(told.lost, 0);
}

TEST_F(ManyDatagrams, of_both_sides_become_small_enough_for_the_narrowest_ipv4_path) {
  authenticate_clients_by_the_chain();
  const auto told = hold_talk(narrow(of_path(576)));
  EXPECT_GT(told.lost, 0);
}

TEST_F(ManyDatagrams, of_any_size_become_small_enough_for_the_narrowest_ipv4_path) {
  for (const auto& told : hold_talks(talks_of_every_size(of_path(576))))
    EXPECT_GT(told.lost, 0);
}

TEST_F(ManyDatagrams, may_each_be_lost_once) {
  authenticate_clients_by_the_chain();
  const int count = datagrams_without_loss();
  const auto talks = make_talks(count, [](int lost) {
    return Talk{"datagram " + std::to_string(lost) + " lost",
                lose_if([lost](const Passing& passing) { return passing.number == lost; })};
  });
  for (const auto& told : hold_talks(talks, 4))
    EXPECT_LE(told.lost, 1);  // signatures differ by some bytes: there may be no last one
}

TEST_F(ManyDatagrams, may_each_come_behind_the_next_of_its_flight) {
  authenticate_clients_by_the_chain();
  const int count = datagrams_without_loss();
  const auto talks = make_talks(count, [](int late) {
    return Talk{"datagram " + std::to_string(late) + " behind the next",
                [late](const Passing& passing) {
                  if (passing.number != late) return Fate{};
                  return Fate{.delay = kNoNext, .behind_next = true};
                },
                false};
  });
  hold_talks(talks, 4);
}

TEST_F(ManyDatagrams, may_all_come_twice_and_in_pairs_the_wrong_way_round) {
  authenticate_clients_by_the_chain();
  hold_talks({{"wrong way round",
               [](const Passing& passing) {
                 if (passing.number_in_way % 2 == 1) return Fate{.copies = 2};
                 return Fate{.copies = 2, .delay = kNoNext, .behind_next = true};
               },
               false}});
}

TEST_F(ManyDatagrams, get_through_a_network_that_loses_doubles_and_delays_by_chance) {
  authenticate_clients_by_the_chain();
  const Chances chances{.lost = 5, .duplicated = 10, .delayed = 20, .longest_delay = Duration(10)};
  const auto talks = make_talks(20, [&](int seed) {
    return Talk{"seed " + std::to_string(seed),
                by_chance(static_cast<std::uint32_t>(seed), chances)};
  });
  hold_talks(talks, 4);
}

}  // namespace
}  // namespace dtls::test
