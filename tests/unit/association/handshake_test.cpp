#include <gtest/gtest.h>

#include <cerrno>
#include <span>

#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

class Handshake : public testing::Test {
 protected:
  Handshake() {
    server_.identity = authority_.issue();
    server_.first_retransmission = Duration(20);
    client_.ca = authority_.certificate();
    client_.server_name = "localhost";
    client_.first_retransmission = Duration(20);
  }

  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
  }

  Authority authority_;
  ServerConfig server_;
  ClientConfig client_;
};

TEST_F(Handshake, both_sides_are_connected_and_the_server_is_authorized) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_TRUE(pair.client().connected);
  EXPECT_TRUE(pair.server().connected);
  EXPECT_TRUE(pair.client().session->verification().authorized);
  EXPECT_FALSE(pair.server().session->verification().authorized);
}

TEST_F(Handshake, one_send_is_one_datagram_and_one_message) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const int before = pair.datagrams();
  ASSERT_TRUE(pair.client().session->send(bytes("one")));
  ASSERT_TRUE(pair.client().session->send(bytes("two")));
  pair.settle([] { return true; });
  EXPECT_EQ(pair.datagrams() - before, 2);
  EXPECT_EQ(pair.server().messages, (std::vector<std::string>{"one", "two"}));
}

TEST_F(Handshake, a_message_of_one_full_record_passes_and_a_larger_one_is_refused) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  const std::string full(kMaxMessage, 'x');
  ASSERT_TRUE(pair.client().session->send(bytes(full)));
  const auto refused = pair.client().session->send(bytes(full + "x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().sys_errno, EMSGSIZE);
  pair.settle([] { return true; });
  ASSERT_EQ(pair.server().messages.size(), 1U);
  EXPECT_EQ(pair.server().messages[0], full);
}

TEST_F(Handshake, close_is_seen_by_the_peer_as_a_clean_end) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  pair.client().session->close();
  pair.settle([] { return true; });
  EXPECT_TRUE(pair.server().closed);
  EXPECT_FALSE(pair.server().failure);
  EXPECT_EQ(pair.server().session->send(bytes("late")).error().sys_errno, EPIPE);
}

TEST_F(Handshake, a_send_before_the_handshake_has_ended_is_refused_with_eagain) {
  auto context = Context::for_client(client_);
  auto session = Session::client(*context, *Address::parse("192.0.2.2", 1), Clock::now());
  EXPECT_EQ(session->send(bytes("early")).error().sys_errno, EAGAIN);
}

// RFC 6347 §4.2.4: every flight is sent again until it is answered. The final flight of the server
// is sent again when the client repeats its own.
class LostDatagram : public Handshake, public testing::WithParamInterface<int> {};

TEST_P(LostDatagram, is_made_up_for) {
  VirtualPair pair(server_, client_, [](int number) { return number == GetParam(); });
  ASSERT_TRUE(pair.connect());
  EXPECT_TRUE(pair.client().connected);
  EXPECT_TRUE(pair.server().connected);
  ASSERT_TRUE(pair.client().session->send(bytes("after")));
  pair.settle([&] { return !pair.server().messages.empty(); });
  EXPECT_EQ(pair.server().messages, std::vector<std::string>{"after"});
}

// Hello, HelloVerifyRequest, hello with cookie, and a flight of each side, all in one datagram
// each, and the server's last.
constexpr int kDatagramsOfAHandshake = 6;

INSTANTIATE_TEST_SUITE_P(EachOfTheHandshake, LostDatagram,
                         testing::Range(0, kDatagramsOfAHandshake));

TEST_F(Handshake, without_loss_nothing_is_sent_twice) {
  // Longer than a slow machine needs: a timer that runs out would be counted.
  server_.first_retransmission = client_.first_retransmission = Duration(10000);
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.datagrams(), kDatagramsOfAHandshake + (has_large_keys() ? 2 : 0));
}

TEST_F(Handshake, an_untrusted_authority_ends_it_and_the_error_names_the_certificate) {
  client_.ca = Authority("another authority").certificate();
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.client().failure);
  EXPECT_EQ(pair.client().failure->kind, ErrorKind::kUntrusted);
  EXPECT_NE(pair.client().failure->message.find("CN=localhost"), std::string::npos)
      << pair.client().failure->message;
  ASSERT_TRUE(pair.server().failure);
  EXPECT_EQ(pair.server().failure->alert, 48) << "unknown_ca, RFC 5246 §7.2.2";
}

TEST_F(Handshake, a_name_the_certificate_is_not_for_ends_it) {
  client_.server_name = "example.org";
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.client().failure);
  EXPECT_NE(pair.client().failure->message.find("\"example.org\""), std::string::npos)
      << pair.client().failure->message;
}

TEST_F(Handshake, an_ip_literal_is_checked_against_the_addresses_of_the_certificate) {
  client_.server_name = "127.0.0.1";
  VirtualPair good(server_, client_);
  ASSERT_TRUE(good.connect());
  EXPECT_TRUE(good.client().connected);
  client_.server_name = "127.0.0.2";
  VirtualPair bad(server_, client_);
  ASSERT_TRUE(bad.connect());
  EXPECT_TRUE(bad.client().failure);
}

TEST_F(Handshake, an_expired_certificate_ends_it_and_the_error_tells_the_date) {
  Authority::Wish wish;
  wish.valid_from_s = -7200;
  wish.valid_until_s = -3600;
  server_.identity = authority_.issue(wish);
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  ASSERT_TRUE(pair.client().failure);
  EXPECT_NE(pair.client().failure->message.find("expired on"), std::string::npos)
      << pair.client().failure->message;
}

TEST_F(Handshake, without_enforcement_the_rejection_is_told_but_not_acted_on) {
  client_.verify = false;
  client_.ca.clear();
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_TRUE(pair.client().connected);
  EXPECT_FALSE(pair.client().session->verification().authorized);
  EXPECT_FALSE(pair.client().session->verification().reason.empty());
  EXPECT_NE(pair.client().session->verification().certificate.find("BEGIN CERTIFICATE"),
            std::string::npos);
}

TEST_F(Handshake, a_server_with_a_ca_requires_a_client_certificate) {
  server_.ca = authority_.certificate();
  VirtualPair without(server_, client_);
  ASSERT_TRUE(without.connect());
  EXPECT_TRUE(without.server().failure);

  client_.identity = authority_.issue({"a client", "DNS:client", KeyKind::kP256, -60, 3600});
  VirtualPair with(server_, client_);
  ASSERT_TRUE(with.connect());
  EXPECT_TRUE(with.server().connected);
  EXPECT_TRUE(with.server().session->verification().authorized);
}

TEST_F(Handshake, an_rsa_certificate_serves_as_well) {
  Authority::Wish wish;
  wish.kind = KeyKind::kRsa2048;
  server_.identity = authority_.issue(wish);
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  EXPECT_TRUE(pair.client().connected);
}

TEST_F(Handshake, silence_ends_it_after_the_handshake_timeout) {
  client_.handshake_timeout = Duration(100);
  VirtualPair pair(server_, client_, [](int) { return true; });
  EXPECT_TRUE(pair.settle([&] { return pair.client().failure.has_value(); }));
  EXPECT_EQ(pair.client().failure->sys_errno, ETIMEDOUT);
}

TEST_F(Handshake, junk_between_records_is_dropped) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  for (std::size_t size : {0U, 1U, 12U, 13U, 40U, 2000U}) {
    pair.server().wire.emplace_back(size, std::byte{0x5a});
    Bytes record(size, std::byte{0});
    if (size > 2) record = {std::byte{23}, std::byte{0xfe}, std::byte{0xfd}};
    pair.server().wire.push_back(record);
  }
  ASSERT_TRUE(pair.client().session->send(bytes("still here")));
  pair.settle([] { return true; });
  EXPECT_EQ(pair.server().messages, std::vector<std::string>{"still here"});
}

}  // namespace
}  // namespace dtls::test
