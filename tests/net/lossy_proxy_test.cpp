// The tests' bad network, before others rely on it.
#include "support/lossy_proxy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "net/socket_support.hpp"

namespace dtls::test {
namespace {

using net::address;
using net::must;
using Texts = std::vector<std::string>;

constexpr Duration kSoon{10000};

class Proxied : public testing::Test {
 protected:
  // What arrives at `socket` until `done`, or for as long as anything may still come.
  Texts arrivals(net::UdpSocket& socket, std::size_t count) {
    Texts all;
    loop_.run_until(
        [&] {
          for (auto& text : net::texts(net::receive_now(socket)))
            all.push_back(std::move(text));
          return all.size() >= count;
        },
        kSoon);
    return all;
  }
  static void send(net::UdpSocket& from, const Texts& all) {
    for (const auto& text : all)
      must(from.send(net::bytes(text)));
  }
  net::UdpSocket client_of(const LossyProxy& proxy) {
    return must(net::UdpSocket::connect(proxy.address()));
  }

  EventLoop loop_;
  net::UdpSocket server_ = must(net::UdpSocket::bind(address("127.0.0.1")));
  Address server_address_ = must(server_.local_address());
};

TEST_F(Proxied, datagrams_pass_both_ways_and_are_counted) {
  LossyProxy proxy(loop_, server_address_);
  auto client = client_of(proxy);
  send(client, {"question", "second question"});
  std::vector<net::Received> questions;
  ASSERT_TRUE(loop_.run_until(
      [&] {
        for (auto& each : net::receive_now(server_))
          questions.push_back(each);
        return questions.size() == 2;
      },
      kSoon));
  EXPECT_EQ(net::texts(questions), (Texts{"question", "second question"}));
  must(server_.send_to(net::bytes("answer"), questions[0].peer, {}));
  EXPECT_EQ(arrivals(client, 1), Texts{"answer"});
  EXPECT_EQ(proxy.counts(Way::kToServer).arrived, 2);
  EXPECT_EQ(proxy.counts(Way::kToServer).delivered, 2);
  EXPECT_EQ(proxy.counts(Way::kToServer).bytes, 23U);
  EXPECT_EQ(proxy.counts(Way::kToClient).delivered, 1);
  EXPECT_EQ(proxy.arrived(), 3);
  EXPECT_EQ(proxy.lost(), 0);
}

TEST_F(Proxied, each_client_is_another_peer_for_the_server_and_has_numbers_of_its_own) {
  std::vector<std::pair<std::size_t, int>> seen;
  LossyProxy proxy(loop_, server_address_, [&](const Passing& passing) {
    seen.emplace_back(passing.client, passing.number);
    return Fate{};
  });
  auto one = client_of(proxy);
  auto two = client_of(proxy);
  send(one, {"from one"});
  send(two, {"from two"});
  send(one, {"from one"});
  std::vector<net::Received> got;
  ASSERT_TRUE(loop_.run_until(
      [&] {
        for (auto& each : net::receive_now(server_))
          got.push_back(each);
        return got.size() == 3;
      },
      kSoon));
  for (const auto& each : got)
    must(server_.send_to(net::bytes("to " + each.text.substr(5)), each.peer, {}));
  EXPECT_EQ(arrivals(one, 2), (Texts{"to one", "to one"}));
  EXPECT_EQ(arrivals(two, 1), Texts{"to two"});
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<std::pair<std::size_t, int>>{
                      {0, 0}, {0, 1}, {0, 2}, {0, 3}, {1, 0}, {1, 1}}));
}

TEST_F(Proxied, the_rule_loses_and_doubles_by_number) {
  LossyProxy proxy(loop_, server_address_, [](const Passing& passing) {
    return Fate{.copies = passing.number_in_way == 1 ? 0 : passing.number_in_way == 2 ? 2 : 1};
  });
  auto client = client_of(proxy);
  send(client, {"a", "b", "c", "d"});
  EXPECT_EQ(arrivals(server_, 4), (Texts{"a", "c", "c", "d"}));
  EXPECT_EQ(proxy.counts(Way::kToServer).lost, 1);
  EXPECT_EQ(proxy.counts(Way::kToServer).delivered, 4);
}

TEST_F(Proxied, a_new_rule_holds_for_what_comes_from_then_on) {
  LossyProxy proxy(loop_, server_address_, lose_if([](const Passing&) { return true; }));
  auto client = client_of(proxy);
  send(client, {"lost"});
  ASSERT_TRUE(loop_.run_until([&] { return proxy.lost() == 1; }, kSoon));
  proxy.follow({});
  send(client, {"passes"});
  EXPECT_EQ(arrivals(server_, 1), Texts{"passes"});
}

TEST_F(Proxied, a_delayed_datagram_arrives_after_its_delay_and_is_overtaken) {
  LossyProxy proxy(loop_, server_address_, [](const Passing& passing) {
    return Fate{.delay = Duration(passing.number == 0 ? 30 : 0)};
  });
  auto client = client_of(proxy);
  const auto before = Clock::now();
  send(client, {"slow", "fast", "as fast"});
  EXPECT_EQ(arrivals(server_, 3), (Texts{"fast", "as fast", "slow"}));
  EXPECT_GE(Clock::now() - before, Duration(30));
}

TEST_F(Proxied, one_that_is_to_go_behind_the_next_does_and_without_a_next_after_its_delay) {
  LossyProxy proxy(loop_, server_address_, [](const Passing& passing) {
    if (passing.number % 2 == 1) return Fate{};
    return Fate{.delay = passing.number == 0 ? kSoon : Duration(20), .behind_next = true};
  });
  auto client = client_of(proxy);
  send(client, {"a", "b"});
  EXPECT_EQ(arrivals(server_, 2), (Texts{"b", "a"}));
  send(client, {"c"});
  EXPECT_EQ(arrivals(server_, 1), Texts{"c"});
}

TEST_F(Proxied, what_is_under_way_is_lost_with_the_proxy) {
  {
    LossyProxy proxy(loop_, server_address_,
                     [](const Passing&) { return Fate{.delay = Duration(5)}; });
    auto client = client_of(proxy);
    send(client, {"late"});
    ASSERT_TRUE(loop_.run_until([&] { return proxy.arrived() == 1; }, kSoon));
  }
  bool later = false;
  loop_.add_timer(Clock::now() + Duration(10), [&] { later = true; });
  ASSERT_TRUE(loop_.run_until([&] { return later; }, kSoon));
  EXPECT_TRUE(net::receive_now(server_).empty());
}

TEST_F(Proxied, it_works_on_the_loop_of_another_thread_too) {
  LossyProxy proxy(loop_, server_address_);
  auto client = client_of(proxy);
  std::thread other([this] { loop_.run(); });
  send(client, {"across"});
  EventLoop here;
  Texts got;
  must(here.watch(server_.descriptor(), Interest::kRead,
                  [&] { got = net::texts(net::receive_now(server_)); }));
  EXPECT_TRUE(here.run_until([&] { return !got.empty(); }, kSoon));
  loop_.stop();
  other.join();
  EXPECT_EQ(got, Texts{"across"});
}

// The fates of the first thousand datagrams of both ways.
std::vector<Fate> fates(std::uint32_t seed, const Chances& chances) {
  const Rule rule = by_chance(seed, chances);
  std::vector<Fate> all;
  for (int i = 0; i < 1000; ++i) {
    for (const Way way : {Way::kToServer, Way::kToClient})
      all.push_back(rule({way, 0, 2 * i, i, {}}));
  }
  return all;
}

TEST(ByChance, the_same_seed_is_the_same_weather_and_another_is_another) {
  const Chances chances{.lost = 20, .duplicated = 20, .delayed = 20};
  const auto same = [](const Fate& one, const Fate& two) {
    return one.copies == two.copies && one.delay == two.delay;
  };
  const auto one = fates(1, chances);
  const auto again = fates(1, chances);
  const auto two = fates(2, chances);
  EXPECT_TRUE(std::equal(one.begin(), one.end(), again.begin(), same));
  EXPECT_FALSE(std::equal(one.begin(), one.end(), two.begin(), same));
}

TEST(ByChance, things_happen_about_as_often_as_their_chances_say) {
  const auto all =
      fates(7, {.lost = 20, .duplicated = 10, .delayed = 50, .longest_delay = Duration(9)});
  const auto count = [&](auto what) {
    return static_cast<int>(std::count_if(all.begin(), all.end(), what));
  };
  EXPECT_NEAR(count([](const Fate& fate) { return fate.copies == 0; }), 400, 80);
  EXPECT_NEAR(count([](const Fate& fate) { return fate.copies == 2; }), 160, 50);
  EXPECT_NEAR(count([](const Fate& fate) { return fate.delay > Duration(0); }), 900, 100);
  EXPECT_EQ(count([](const Fate& fate) { return fate.delay > Duration(9); }), 0);
}

}  // namespace
}  // namespace dtls::test
