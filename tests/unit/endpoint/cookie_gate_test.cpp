// What the gate makes of a single datagram and of a cookie that comes back.
#include "endpoint/cookie_gate.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "unit/endpoint/cookie_gate_fixture.hpp"
#include "unit/wire/hello_bytes.hpp"
#include "wire/handshake_header.hpp"
#include "wire/record_header.hpp"

namespace dtls::endpoint {
namespace {

using test::from_hex;

TEST_F(CookieGateTest, a_hello_without_cookie_is_challenged) {
  const auto answer = say(hello_);
  EXPECT_EQ(answer.verdict, Verdict::kChallenge);
  EXPECT_EQ(answer.reply_size, CookieGate::kReplySize);
}

TEST_F(CookieGateTest, a_hello_that_repeats_the_cookie_is_proven) {
  for (const auto hex : {test::kFirstHello, test::kPskHello}) {
    const auto answer = say(answered(from_hex(hex)));
    EXPECT_EQ(answer.verdict, Verdict::kProven);
    EXPECT_EQ(answer.reply_size, 0U);
    EXPECT_EQ(answer.position.record_sequence, 1U);
    EXPECT_EQ(answer.position.message_seq, 1U);
  }
}

// RFC 6347 §4.2.1: "the server MUST use the record sequence number in the ClientHello".
TEST_F(CookieGateTest, the_challenge_repeats_the_record_sequence_number_of_the_hello) {
  Datagram hello = hello_;
  hello[10] = std::byte{0x2a};
  ASSERT_EQ(verdict(hello), Verdict::kChallenge);
  wire::Reader reader(reply_);
  const auto record = wire::read_record(reader);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->header.sequence, 0x2aU);
  EXPECT_TRUE(reader.finished());
}

// OpenSSL's own second hello, with a cookie of somebody else: RFC 6347 §4.2.1 has it treated
// as one without. The client waits for the server's message 1 by now, not for message 0.
TEST_F(CookieGateTest, a_wrong_cookie_is_challenged_anew_as_the_next_message) {
  ASSERT_EQ(verdict(from_hex(test::kSecondHello)), Verdict::kChallenge);
  wire::Reader records(reply_);
  wire::Reader messages(wire::read_record(records)->fragment);
  const auto message = wire::read_handshake(messages);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->header.type, wire::HandshakeType::kHelloVerifyRequest);
  EXPECT_EQ(message->header.message_seq, 1U);
}

TEST_F(CookieGateTest, a_hello_whose_answer_would_not_be_listened_to_is_not_challenged) {
  Datagram hello = hello_;
  auto& message_seq = hello.at(wire::kRecordHeaderSize + 5);
  message_seq = static_cast<std::byte>(handshake::kMaxHelloSeq - 1);
  EXPECT_EQ(verdict(answered(hello)), Verdict::kProven);
  message_seq = static_cast<std::byte>(handshake::kMaxHelloSeq);
  EXPECT_EQ(verdict(hello), Verdict::kDiscard);
}

TEST_F(CookieGateTest, every_bit_of_the_cookie_counts) {
  ASSERT_EQ(verdict(hello_), Verdict::kChallenge);
  const Datagram good(cookie().begin(), cookie().end());
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    Datagram forged = good;
    forged[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    EXPECT_EQ(verdict(test::with_cookie(hello_, forged)), Verdict::kChallenge) << bit;
  }
  EXPECT_EQ(verdict(test::with_cookie(hello_, good)), Verdict::kProven);
}

TEST_F(CookieGateTest, a_cookie_of_another_length_is_not_accepted) {
  ASSERT_EQ(verdict(hello_), Verdict::kChallenge);
  Datagram longer(cookie().begin(), cookie().end());
  const Datagram shorter(cookie().begin(), cookie().end() - 1);
  longer.push_back(std::byte{0});
  EXPECT_EQ(verdict(test::with_cookie(hello_, shorter)), Verdict::kChallenge);
  EXPECT_EQ(verdict(test::with_cookie(hello_, longer)), Verdict::kChallenge);
}

TEST_F(CookieGateTest, a_cookie_of_another_port_is_not_accepted) {
  EXPECT_EQ(verdict(answered(hello_), ipv4(1, 40001)), Verdict::kChallenge);
}

TEST_F(CookieGateTest, a_cookie_of_another_address_is_not_accepted) {
  EXPECT_EQ(verdict(answered(hello_), ipv4(2, 40000)), Verdict::kChallenge);
}

TEST_F(CookieGateTest, an_ipv6_address_that_begins_alike_is_another_address) {
  Address ipv6 = kPeer;
  ipv6.family = Address::Family::kIpv6;
  EXPECT_EQ(verdict(answered(hello_), ipv6), Verdict::kChallenge);
  Address other_link = ipv6;
  other_link.scope = 2;
  EXPECT_EQ(verdict(answered(hello_, ipv6), other_link), Verdict::kChallenge);
  EXPECT_EQ(verdict(answered(hello_, ipv6), ipv6), Verdict::kProven);
}

// RFC 6347 §4.2.1: version, random, cipher_suites, compression_method.
TEST_F(CookieGateTest, the_cookie_of_a_hello_is_not_accepted_with_another_one) {
  const Datagram second = answered(hello_);
  const std::size_t suites_at = test::kSessionIdAt + 1 + 1 + CookieGate::kCookieSize;
  const std::size_t compression_at = suites_at + 2 + 56;
  Datagram newer_version = second;
  newer_version[test::kBodyAt + 1] = std::byte{0xfc};
  EXPECT_EQ(verdict(newer_version), Verdict::kChallenge);
  for (const std::size_t at : {test::kRandomAt, suites_at + 2, compression_at + 1}) {
    Datagram changed = second;
    changed[at] ^= std::byte{0x80};
    EXPECT_EQ(verdict(changed), Verdict::kChallenge) << at;
  }
}

// mbedTLS 2.28 makes up a new one for each hello with a ticket, against RFC 6347 §4.2.1.
TEST_F(CookieGateTest, the_session_id_may_change_between_the_hellos) {
  const auto with_session_id = [this](std::byte value) {
    Datagram body(hello_.begin() + test::kBodyAt, hello_.end());
    const auto at = body.begin() + (test::kSessionIdAt - test::kBodyAt);
    *at = std::byte{32};
    body.insert(at + 1, 32, value);
    return test::frame_hello(body);
  };
  ASSERT_EQ(verdict(with_session_id(std::byte{1})), Verdict::kChallenge);
  const Datagram given(cookie().begin(), cookie().end());
  EXPECT_EQ(verdict(test::with_cookie(with_session_id(std::byte{2}), given)), Verdict::kProven);
}

// The extensions are not among what RFC 6347 §4.2.1 has the client repeat.
TEST_F(CookieGateTest, extensions_may_change_between_the_hellos) {
  Datagram second = answered(hello_);
  second.back() ^= std::byte{1};
  EXPECT_EQ(verdict(second), Verdict::kProven);
}

TEST_F(CookieGateTest, a_datagram_cut_short_anywhere_is_discarded) {
  for (const Datagram& whole : {hello_, answered(hello_)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const auto answer = say({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
      EXPECT_EQ(answer.verdict, Verdict::kDiscard) << size;
      EXPECT_EQ(answer.reply_size, 0U);
    }
  }
}

// What the cookie does not cover: the record's version and sequence number, message_seq (within the
// few hellos that a client sends), the extensions, and how much of them is to come. A change there
// still proves the address.
TEST_F(CookieGateTest, a_changed_byte_proves_nothing_unless_the_cookie_leaves_it_out) {
  const Datagram second = answered(hello_);
  const std::size_t extensions_at = second.size() - 0x69;
  for (std::size_t at = 0; at < second.size(); ++at) {
    const bool is_message_seq = at == 17 || at == 18;
    const bool is_length = at >= 14 && at < 17;
    const bool covered = !(at == 2 || (at >= 5 && at < 11) || is_message_seq || is_length);
    for (unsigned flip = 1; flip < 256; ++flip) {
      Datagram changed = second;
      changed[at] ^= static_cast<std::byte>(flip);
      const auto answer = say(changed);
      ASSERT_LE(answer.reply_size, changed.size());
      if (covered && at < extensions_at) {
        ASSERT_NE(answer.verdict, Verdict::kProven) << at;
      }
      if (!covered && !is_message_seq && !is_length) {
        ASSERT_EQ(answer.verdict, Verdict::kProven) << at;
      }
    }
  }
}

TEST_F(CookieGateTest, a_client_that_knows_only_dtls_1_0_is_discarded) {
  EXPECT_EQ(verdict(from_hex(test::kDtls10Hello)), Verdict::kDiscard);
}

// RFC 5246 App. E.1: any minor version in the record of a ClientHello.
TEST_F(CookieGateTest, the_version_of_the_record_does_not_matter) {
  Datagram hello = hello_;
  hello[2] = std::byte{0xfd};
  EXPECT_EQ(verdict(hello), Verdict::kChallenge);
  hello[1] = std::byte{0x03};
  EXPECT_EQ(verdict(hello), Verdict::kDiscard) << "but it must be DTLS";
}

TEST_F(CookieGateTest, an_epoch_that_is_not_the_first_is_discarded) {
  Datagram hello = hello_;
  hello[test::kEpochAt + 1] = std::byte{1};
  EXPECT_EQ(verdict(hello), Verdict::kDiscard);
}

TEST_F(CookieGateTest, another_content_or_message_is_discarded) {
  Datagram hello = hello_;
  hello[0] = std::byte{23};
  EXPECT_EQ(verdict(hello), Verdict::kDiscard);
  hello = hello_;
  hello[test::kMessageAt] = std::byte{2};
  EXPECT_EQ(verdict(hello), Verdict::kDiscard);
}

TEST_F(CookieGateTest, rubbish_behind_the_hello_is_discarded) {
  Datagram with_rubbish = hello_;
  with_rubbish.insert(with_rubbish.end(), 20, std::byte{0x99});
  EXPECT_EQ(verdict(with_rubbish), Verdict::kDiscard);

  // Inside the record, behind the message.
  Datagram longer_record = hello_;
  longer_record.push_back(std::byte{0});
  longer_record[test::kRecordLengthAt + 1] = static_cast<std::byte>(0xd8);
  EXPECT_EQ(verdict(longer_record), Verdict::kDiscard);
}

TEST_F(CookieGateTest, whole_records_behind_the_hello_do_no_harm) {
  Datagram with_record = hello_;
  const auto record = from_hex(
      "15fefd0000000000000001"
      "0002"
      "0100");
  with_record.insert(with_record.end(), record.begin(), record.end());
  EXPECT_EQ(verdict(with_record), Verdict::kChallenge);
  with_record.pop_back();
  EXPECT_EQ(verdict(with_record), Verdict::kDiscard);
}

// What goes out to an unproven address must never be more than came from it.
TEST_F(CookieGateTest, the_answer_to_the_shortest_hello_is_shorter_than_it) {
  const Datagram shortest = test::shortest_hello();
  const auto answer = say(shortest);
  EXPECT_EQ(answer.verdict, Verdict::kChallenge);
  EXPECT_EQ(shortest.size(), 67U);
  EXPECT_EQ(answer.reply_size, 60U);
  EXPECT_EQ(verdict(answered(shortest)), Verdict::kProven);
}

TEST_F(CookieGateTest, without_room_for_the_reply_nobody_is_challenged) {
  const auto small = std::span(reply_).first(CookieGate::kReplySize - 1);
  EXPECT_EQ(gate_.inspect(kPeer, hello_, now_, small).verdict, Verdict::kDiscard);
  const Datagram second = answered(hello_);
  EXPECT_EQ(gate_.inspect(kPeer, second, now_, {}).verdict, Verdict::kProven);
}

TEST(CookieGate, refuses_to_be_made_without_secrets) {
  const auto gate = CookieGate::create(nullptr);
  ASSERT_FALSE(gate);
  EXPECT_EQ(gate.error().sys_errno, EINVAL);
}

}  // namespace
}  // namespace dtls::endpoint
