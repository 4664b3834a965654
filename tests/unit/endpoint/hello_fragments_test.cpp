// What the gate makes of hellos that come in fragments, of peers that have proven nothing.
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>

#include "endpoint/cookie_gate.hpp"
#include "support/engine_pair.hpp"
#include "support/hello_13.hpp"
#include "unit/endpoint/cookie_gate_fixture.hpp"
#include "unit/wire/hello_bytes.hpp"
#include "wire/record_header.hpp"

namespace dtls::endpoint {
namespace {

using test::cut;
using test::from_hex;
using test::Hello13;
using wire::NamedGroup;
using Datagram = std::vector<std::byte>;
using Datagrams = std::vector<Datagram>;
using Verdict = CookieGate::Verdict;

constexpr std::size_t kHeaders = wire::kRecordHeaderSize + wire::kHandshakeHeaderSize;

Datagram body_of(const Datagram& hello) {
  return {hello.begin() + kHeaders, hello.end()};
}

class HelloFragments : public testing::Test {
 protected:
  CookieGate::Answer say(const Datagram& datagram, const Address& peer = kPeer) {
    reply_.fill(std::byte{0xdd});
    if (peer == kPeer) last_ = datagram;
    return gate_.inspect(peer, datagram, now_, reply_);
  }
  // is_collecting: fragments of the hello wait of which the peer has sent something last.
  bool is_collecting() { return gate_.is_collecting(kPeer, last_, now_); }
  Verdict verdict(const Datagram& datagram, const Address& peer = kPeer) {
    return say(datagram, peer).verdict;
  }
  // verdicts of one datagram after the other.
  std::vector<Verdict> verdicts(const Datagrams& datagrams) {
    std::vector<Verdict> all;
    for (const auto& each : datagrams)
      all.push_back(verdict(each));
    return all;
  }
  // A hello as large as one with a share of ML-KEM, whatever libcrypto knows.
  static Hello13 large() {
    Hello13 hello;
    hello.groups = {NamedGroup::kX25519MlKem768, NamedGroup::kX25519};
    hello.shares = {{NamedGroup::kX25519MlKem768, 1216}, {NamedGroup::kX25519, 32}};
    hello.suites.assign(20, wire::CipherSuite::kAes128GcmSha256);
    return hello;
  }
  // The large hello that answers a HelloRetryRequest.
  Hello13 second(bool cookie_is_last) {
    Hello13 hello = large();
    const auto answer = say(cut(hello.body(), 16'000).front());
    EXPECT_EQ(answer.verdict, Verdict::kChallenge);
    hello.cookie = cookie_in_reply(answer.reply_size);
    hello.cookie_is_last = cookie_is_last;
    return hello;
  }
  [[nodiscard]] Datagram cookie_in_reply(std::size_t size) const {
    auto cookie = test::cookie_of_retry(std::span(reply_).first(size));
    EXPECT_FALSE(cookie.empty());
    return cookie;
  }
  // strangers send `count` fragments, the first one or another, from addresses of their own.
  void strangers(int count, std::size_t which = 0) {
    for (int i = 0; i < count; ++i) {
      const auto from = ipv4(static_cast<std::uint8_t>(2 + i / 60'000),
                             static_cast<std::uint16_t>(1 + i % 60'000));
      Hello13 hello = large();
      hello.random = static_cast<std::byte>(i);
      EXPECT_EQ(verdict(cut(hello.body(), 400)[which], from), Verdict::kDiscard);
    }
  }

  CookieGate gate_ = *CookieGate::create(
      secrets_with(1), std::make_shared<const handshake::Settings>(test::default_settings(true)));
  std::array<std::byte, CookieGate::kMaxReplySize> reply_{};
  TimePoint now_{std::chrono::hours(1000)};
  Datagram last_;
};

// ---- DTLS 1.2: the first fragment says enough ----

TEST_F(HelloFragments, of_dtls_12_are_answered_when_the_first_has_come) {
  const auto first = from_hex(test::kFirstHello);
  const auto answer = say(cut(body_of(first), 150).front());
  ASSERT_EQ(answer.verdict, Verdict::kChallenge);
  EXPECT_EQ(answer.reply_size, CookieGate::kReplySize);
  const Datagram cookie(reply_.begin() + CookieGate::kReplySize - CookieGate::kCookieSize,
                        reply_.begin() + CookieGate::kReplySize);
  const auto second = test::with_cookie(first, cookie);
  const auto fragments = cut(body_of(second), 150, 7, 1);
  const auto proven = say(fragments.front());
  EXPECT_EQ(proven.verdict, Verdict::kProven);
  EXPECT_EQ(proven.position.record_sequence, 7U);
  EXPECT_EQ(proven.position.message_seq, 1U);
  EXPECT_TRUE(proven.collected.empty()) << "the association puts the rest together itself";
  EXPECT_EQ(verdict(fragments.front(), ipv4(2, 1)), Verdict::kChallenge) << "of this peer only";
  EXPECT_FALSE(is_collecting());
}

// `openssl s_client -dtls -mtu 256`
TEST_F(HelloFragments, of_libssl_with_a_cookie_of_somebody_else_are_challenged_anew) {
  EXPECT_EQ(verdict(from_hex(test::kFragmentedHello)), Verdict::kChallenge);
}

TEST_F(HelloFragments, of_dtls_12_that_overtake_the_first_are_forgotten_with_the_answer) {
  const auto fragments = cut(body_of(from_hex(test::kFirstHello)), 150);
  ASSERT_EQ(fragments.size(), 2U);
  EXPECT_EQ(verdict(fragments[1]), Verdict::kDiscard);
  EXPECT_TRUE(is_collecting());
  EXPECT_EQ(say(fragments[0]).reply_size, CookieGate::kReplySize);
  EXPECT_FALSE(is_collecting());
}

TEST_F(HelloFragments, of_dtls_12_that_overtake_the_first_go_to_the_association_with_it) {
  const auto first = from_hex(test::kFirstHello);
  ASSERT_EQ(verdict(first), Verdict::kChallenge);
  const Datagram cookie(reply_.begin() + CookieGate::kReplySize - CookieGate::kCookieSize,
                        reply_.begin() + CookieGate::kReplySize);
  const auto body = body_of(test::with_cookie(first, cookie));
  const auto two = cut(body, 150, 7, 1);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(verdict(two[1]), Verdict::kDiscard);
  const auto answer = say(two[0]);
  ASSERT_EQ(answer.verdict, Verdict::kProven);
  EXPECT_TRUE(std::ranges::equal(answer.collected, cut(body, 16'000, 7, 1).front()));
}

TEST_F(HelloFragments, that_come_without_the_first_are_never_answered) {
  for (const auto& hello : {from_hex(test::kFirstHello), cut(large().body(), 16'000).front()}) {
    auto fragments = cut(body_of(hello), 150);
    fragments.erase(fragments.begin());
    for (const auto each : verdicts(fragments))
      EXPECT_EQ(each, Verdict::kDiscard);
  }
}

// ---- DTLS 1.3: the first hello has to be whole ----

TEST_F(HelloFragments, of_dtls_13_are_answered_as_the_whole_is) {
  const auto body = large().body();
  const auto fragments = cut(body, 300, 3);
  const auto size = fragments.size();
  ASSERT_EQ(size, 5U);
  std::vector<Verdict> expected(size - 1, Verdict::kDiscard);
  EXPECT_EQ(verdicts({fragments.begin(), fragments.end() - 1}), expected);
  EXPECT_TRUE(is_collecting());
  const auto answer = say(fragments.back());
  ASSERT_EQ(answer.verdict, Verdict::kChallenge);
  EXPECT_FALSE(is_collecting());
  const auto of_fragments = reply_;
  const auto of_whole = say(cut(body, 16'000, 3 + size - 1).front());
  EXPECT_EQ(of_whole.reply_size, answer.reply_size);
  EXPECT_EQ(of_fragments, reply_);
}

// Browsers send every hello in two fragments.
TEST_F(HelloFragments, that_come_the_wrong_way_round_are_answered_as_the_whole_is) {
  const auto body = large().body();
  const auto fragments = cut(body, 1200, 3);
  ASSERT_EQ(fragments.size(), 2U);
  EXPECT_EQ(verdict(fragments[1]), Verdict::kDiscard);
  EXPECT_TRUE(is_collecting());
  const auto answer = say(fragments[0]);
  ASSERT_EQ(answer.verdict, Verdict::kChallenge);
  EXPECT_FALSE(is_collecting());
  const auto of_fragments = reply_;
  EXPECT_EQ(say(cut(body, 16'000, 3).front()).reply_size, answer.reply_size);
  EXPECT_EQ(of_fragments, reply_);
}

TEST_F(HelloFragments, of_two_transmissions_are_joined_whichever_half_of_each_was_lost) {
  const auto body = large().body();
  for (const std::size_t lost_first : {0U, 1U}) {
    const auto once = cut(body, 1200, 0);
    const auto again = cut(body, 1200, 2);
    EXPECT_EQ(verdict(once[1 - lost_first]), Verdict::kDiscard);
    now_ += Duration(4000);
    EXPECT_EQ(verdict(again[lost_first]), Verdict::kChallenge);
  }
}

TEST_F(HelloFragments, of_two_transmissions_cut_in_different_ways_are_joined) {
  const auto body = large().body();
  EXPECT_EQ(verdict(cut(body, 1200)[1]), Verdict::kDiscard);
  const auto again = cut(body, 500);
  EXPECT_EQ(verdicts({again[0], again[1], again[2]}),
            (std::vector{Verdict::kDiscard, Verdict::kDiscard, Verdict::kChallenge}));
}

TEST_F(HelloFragments, after_the_first_may_come_in_any_order_twice_and_cut_anew) {
  const auto body = large().body();
  auto fragments = cut(body, 200);
  std::reverse(fragments.begin() + 1, fragments.end() - 1);
  const auto last = fragments.back();
  fragments.pop_back();
  for (const auto& again : {fragments, cut(body, 170), fragments}) {
    for (const auto& each : again) {
      const auto answer = say(each);
      // What was cut in another way may complete it.
      if (answer.verdict == Verdict::kChallenge) return;
      EXPECT_EQ(answer.verdict, Verdict::kDiscard);
    }
  }
  EXPECT_EQ(verdict(last), Verdict::kChallenge);
}

TEST_F(HelloFragments, in_one_datagram_are_answered_at_once) {
  const auto body = large().body();
  const auto fragments = cut(body, 500);
  Datagram records;
  for (const auto& each : fragments)
    records.insert(records.end(), each.begin(), each.end());
  EXPECT_EQ(verdict(records), Verdict::kChallenge) << "several records";

  Datagram one(wire::kRecordHeaderSize);
  for (const auto& each : fragments)
    one.insert(one.end(), each.begin() + wire::kRecordHeaderSize, each.end());
  wire::Writer header(one);
  wire::write_record_header(header,
                            {wire::ContentType::kHandshake, wire::kDtls12, 0, 0,
                             static_cast<std::uint16_t>(one.size() - wire::kRecordHeaderSize)});
  EXPECT_EQ(verdict(one), Verdict::kChallenge) << "one record";
  one.push_back(std::byte{0});
  EXPECT_EQ(verdict(one), Verdict::kDiscard) << "and rubbish";
}

// ---- the second hello ----

TEST_F(HelloFragments, with_the_cookie_in_front_are_proven_by_the_first) {
  const auto fragments = cut(second(false).body(), 300, 5, 1);
  const auto answer = say(fragments.front());
  EXPECT_EQ(answer.verdict, Verdict::kProven);
  EXPECT_TRUE(answer.collected.empty());
  EXPECT_EQ(answer.position.record_sequence, 5U);
  EXPECT_FALSE(is_collecting());
  EXPECT_EQ(verdict(fragments.front(), ipv4(2, 1)), Verdict::kDiscard) << "of this peer only";
}

TEST_F(HelloFragments, that_overtake_the_one_with_the_cookie_go_to_the_association_with_it) {
  const auto body = second(false).body();
  const auto fragments = cut(body, 400, 5, 1);
  ASSERT_EQ(fragments.size(), 4U);
  EXPECT_EQ(verdicts({fragments[3], fragments[1]}),
            (std::vector{Verdict::kDiscard, Verdict::kDiscard}));
  const auto answer = say(fragments[0]);
  ASSERT_EQ(answer.verdict, Verdict::kProven);
  EXPECT_FALSE(is_collecting());
  // One record, with the two fragments that are there: bytes 0 to 800, and the last ones.
  wire::Reader records(answer.collected);
  const auto record = wire::read_record(records);
  ASSERT_TRUE(record && records.empty());
  EXPECT_EQ(record->header.sequence, 5U);
  wire::Reader messages(record->fragment);
  for (const auto& [begin, end] : {std::pair<std::size_t, std::size_t>{0, 800},
                                   std::pair<std::size_t, std::size_t>{1200, body.size()}}) {
    const auto fragment = wire::read_handshake(messages);
    ASSERT_TRUE(fragment);
    EXPECT_EQ(fragment->header.fragment_offset, begin);
    EXPECT_EQ(fragment->header.message_seq, 1U);
    EXPECT_TRUE(std::ranges::equal(fragment->body, std::span(body).subspan(begin, end - begin)));
  }
  EXPECT_TRUE(messages.empty());
}

TEST_F(HelloFragments, that_contradict_the_first_are_forgotten) {
  const auto body = second(false).body();
  auto other = body;
  other[40] ^= std::byte{1};
  EXPECT_EQ(verdict(cut(other, 30, 5, 1)[1]), Verdict::kDiscard);
  const auto first = cut(body, 500, 5, 1).front();
  const auto answer = say(first);
  ASSERT_EQ(answer.verdict, Verdict::kProven);
  EXPECT_TRUE(std::ranges::equal(answer.collected, first));
}

TEST_F(HelloFragments, with_a_wrong_cookie_in_front_are_turned_away_and_not_kept) {
  auto hello = second(false);
  hello.cookie.back() ^= std::byte{1};
  const auto fragments = cut(hello.body(), 300, 5, 1);
  EXPECT_EQ(verdict(fragments.front()), Verdict::kDiscard);
  EXPECT_FALSE(is_collecting());
  for (const auto each : verdicts({fragments.begin() + 1, fragments.end()}))
    EXPECT_EQ(each, Verdict::kDiscard);
  EXPECT_EQ(verdict(fragments.front()), Verdict::kDiscard);
  EXPECT_FALSE(is_collecting());
}

// As BoringSSL writes it: behind the key share.
TEST_F(HelloFragments, with_the_cookie_behind_are_put_together_and_handed_over_whole) {
  const auto body = second(true).body();
  const auto fragments = cut(body, 300, 5, 1);
  for (std::size_t i = 0; i + 1 < fragments.size(); ++i)
    EXPECT_EQ(verdict(fragments[i]), Verdict::kDiscard);
  const auto answer = say(fragments.back());
  ASSERT_EQ(answer.verdict, Verdict::kProven);
  const auto whole = cut(body, 16'000, 5 + fragments.size() - 1, 1).front();
  EXPECT_TRUE(std::ranges::equal(answer.collected, whole));
  EXPECT_EQ(answer.position.message_seq, 1U);
}

// ---- bounds ----

TEST_F(HelloFragments, are_kept_of_the_64_newest_hellos) {
  const auto fragments = cut(large().body(), 800);
  ASSERT_EQ(fragments.size(), 2U);
  EXPECT_EQ(verdict(fragments[0]), Verdict::kDiscard);
  strangers(HelloCollector::kMost - 1);
  EXPECT_EQ(verdict(fragments[1]), Verdict::kChallenge);

  for (const std::size_t which : {0U, 2U}) {
    EXPECT_EQ(verdict(fragments[0]), Verdict::kDiscard);
    strangers(HelloCollector::kMost, which);
    EXPECT_EQ(verdict(fragments[1]), Verdict::kDiscard);
    now_ += HelloCollector::kLife + Duration(1);
  }
}

TEST_F(HelloFragments, of_strangers_disturb_nobody_whose_first_fragment_says_enough) {
  const auto of_ours = cut(second(false).body(), 300, 5, 1);
  const auto first_12 = from_hex(test::kFirstHello);
  strangers(1000);
  EXPECT_EQ(verdict(of_ours.front()), Verdict::kProven);
  EXPECT_EQ(verdict(cut(body_of(first_12), 150).front()), Verdict::kChallenge);
  EXPECT_EQ(verdict(cut(large().body(), 16'000).front()), Verdict::kChallenge) << "or who is whole";
}

TEST_F(HelloFragments, of_a_hundred_thousand_strangers_cost_what_those_of_one_do) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer's allocator does not count";
#endif
  const auto nothing = mallinfo2().uordblks;
  strangers(1);
  const auto one = mallinfo2().uordblks;
  EXPECT_GT(one, nothing) << "this is what is measured";
  const auto all = HelloCollector::kMost * (HelloCollector::kMaxHello + 200);
  EXPECT_LT(mallinfo2().uordblks + mallinfo2().hblkhd, nothing + mallinfo2().hblkhd + all);
  strangers(50'000);
  strangers(50'000, 1);
  EXPECT_EQ(mallinfo2().uordblks, one);
}

TEST_F(HelloFragments, of_a_hello_that_is_too_long_are_not_kept) {
  Hello13 hello = large();
  hello.padding = HelloCollector::kMaxHello - hello.body().size() - 4;
  ASSERT_EQ(hello.body().size(), HelloCollector::kMaxHello);
  EXPECT_EQ(verdicts(cut(hello.body(), 2048)),
            (std::vector{Verdict::kDiscard, Verdict::kChallenge}));
  ++hello.padding;
  for (const auto each : verdicts(cut(hello.body(), 2048)))
    EXPECT_EQ(each, Verdict::kDiscard);
  EXPECT_FALSE(is_collecting());
}

TEST_F(HelloFragments, with_more_gaps_than_any_network_makes_are_not_kept) {
  const auto body = large().body();
  const auto fragments = cut(body, 70);
  for (std::size_t i = 0; i < fragments.size(); i += 2)
    EXPECT_EQ(verdict(fragments[i]), Verdict::kDiscard);
  // The first eight parts are there; the rest of the hello comes in order.
  Verdict last{};
  for (std::size_t i = 1; i < fragments.size(); ++i)
    last = verdict(fragments[i]);
  EXPECT_EQ(last, Verdict::kChallenge);
}

TEST_F(HelloFragments, of_another_hello_of_the_peer_begin_anew) {
  auto hello = large();
  const auto old = cut(hello.body(), 800);
  hello.random = std::byte{0x77};
  const auto anew = cut(hello.body(), 800);
  hello.padding = 50;
  const auto longer = cut(hello.body(), 800);
  EXPECT_EQ(verdicts({old[0], anew[0], anew[1]}),
            (std::vector{Verdict::kDiscard, Verdict::kDiscard, Verdict::kChallenge}));
  EXPECT_EQ(verdicts({old[0], longer[0], longer[1]}),
            (std::vector{Verdict::kDiscard, Verdict::kDiscard, Verdict::kChallenge}));
}

TEST_F(HelloFragments, that_wait_longer_than_their_sender_does_are_forgotten) {
  const auto fragments = cut(large().body(), 800);
  EXPECT_EQ(verdict(fragments[0]), Verdict::kDiscard);
  now_ += HelloCollector::kLife;
  EXPECT_TRUE(is_collecting());
  now_ += Duration(1);
  EXPECT_FALSE(is_collecting());
  EXPECT_EQ(verdict(fragments[1]), Verdict::kDiscard);
}

// ---- amplification ----

// A client that sends no key at all, for us to ask for one, and nothing else that it could leave
// out. RFC 9147 §5.1 has servers send no more than they were sent; what it lacks is padding (RFC
// 7685), which RFC 8446 §4.1.2 lets it add.
TEST_F(HelloFragments, and_hellos_shorter_than_the_answer_get_none) {
  Hello13 hello;
  hello.shares = {};
  const auto shortest = cut(hello.body(), 16'000).front();
  EXPECT_EQ(verdict(shortest), Verdict::kDiscard);
  hello.padding = 1;
  Datagram padded;
  for (; padded.size() < CookieGate::kMaxReplySize; ++hello.padding) {
    padded = cut(hello.body(), 16'000).front();
    const auto answer = say(padded);
    ASSERT_LE(answer.reply_size, padded.size());
    if (answer.verdict == Verdict::kChallenge) break;
  }
  EXPECT_EQ(padded.size(), 136U);
}

// With one key and one algorithm of each kind.
TEST_F(HelloFragments, and_the_smallest_hello_with_a_key_are_answered) {
  const auto answer = say(cut(Hello13{}.body(), 16'000).front());
  EXPECT_EQ(answer.verdict, Verdict::kChallenge);
}

TEST_F(HelloFragments, are_answered_with_no_more_than_all_of_them_together) {
  Hello13 hello;
  hello.shares = {};
  const auto fragments = cut(hello.body(), 60);
  std::size_t asked = 0;
  for (const auto& each : fragments) {
    asked += each.size();
    const auto answer = say(each);
    EXPECT_LE(answer.reply_size, asked);
    if (answer.verdict == Verdict::kChallenge) asked -= answer.reply_size;
  }
}

}  // namespace
}  // namespace dtls::endpoint
