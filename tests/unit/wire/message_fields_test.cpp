// What the fields of messages say, and which of them break the syntax.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "unit/wire/hello_bytes.hpp"
#include "wire/ack.hpp"
#include "wire/certificate.hpp"
#include "wire/certificate_request.hpp"
#include "wire/client_hello.hpp"
#include "wire/key_exchange.hpp"
#include "wire/new_session_ticket.hpp"
#include "wire/server_hello.hpp"
#include "wire/short_messages.hpp"
#include "wire/unified_header.hpp"

namespace dtls::wire {
namespace {

using dtls::test::from_hex;

const auto kRandom = from_hex(std::string(64, '5'));

TEST(ClientHello, that_is_written_says_1_2_and_no_compression) {
  constexpr std::array kSuites{CipherSuite::kChaCha20Poly1305Sha256,
                               CipherSuite::kEcdheEcdsaAes128GcmSha256};
  const auto cookie = from_hex("0102");
  std::array<std::byte, 64> buffer{};
  Writer writer(buffer);
  const auto mark = begin_client_hello(
      writer, {.random = kRandom, .session_id = {}, .cookie = cookie, .cipher_suites = kSuites});
  writer.end_optional_vector(mark);
  const auto hello = parse_client_hello(Bytes(buffer).first(writer.written()));
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->legacy_version, kDtls12);
  EXPECT_TRUE(std::ranges::equal(hello->cookie, cookie));
  EXPECT_TRUE(hello->suites().contains(kSuites[0]));
  EXPECT_TRUE(hello->offers_cipher_suite(kSuites[1]));
  EXPECT_FALSE(hello->offers_cipher_suite(CipherSuite::kAes128GcmSha256));
  EXPECT_TRUE(std::ranges::equal(hello->compression_methods, from_hex("00")));
  EXPECT_TRUE(hello->extensions.empty());
}

TEST(ClientHello, with_a_random_or_session_id_of_a_wrong_size_is_not_written) {
  std::array<std::byte, 256> buffer{};
  Writer short_random(buffer);
  static_cast<void>(begin_client_hello(
      short_random,
      {.random = Bytes(kRandom).first(31), .session_id = {}, .cookie = {}, .cipher_suites = {}}));
  EXPECT_FALSE(short_random.ok());
  const auto session_id = from_hex(std::string(66, 'a'));
  Writer long_id(buffer);
  static_cast<void>(begin_client_hello(
      long_id, {.random = kRandom, .session_id = session_id, .cookie = {}, .cipher_suites = {}}));
  EXPECT_FALSE(long_id.ok());
}

ServerHello hello_with(Bytes random) {
  ServerHello hello;
  hello.random = random;
  hello.cipher_suite = CipherSuite::kEcdheRsaAes128GcmSha256;
  return hello;
}

TEST(ServerHello, without_extensions_is_written_without_their_length) {
  std::array<std::byte, 64> buffer{};
  Writer writer(buffer);
  const auto mark = begin_server_hello(writer, hello_with(kRandom));
  writer.end_optional_vector(mark);
  EXPECT_EQ(writer.written(), 2U + 32U + 1U + 2U + 1U);
  const auto hello = parse_server_hello(Bytes(buffer).first(writer.written()));
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->cipher_suite, CipherSuite::kEcdheRsaAes128GcmSha256);
  EXPECT_FALSE(hello->is_hello_retry_request());
  EXPECT_FALSE(hello->has_downgrade_mark());
}

// RFC 8446 §4.1.3
TEST(ServerHello, is_a_retry_request_by_its_random_alone) {
  EXPECT_TRUE(
      hello_with(std::as_bytes(std::span(kHelloRetryRequestRandom))).is_hello_retry_request());
  auto other = from_hex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339d");
  EXPECT_FALSE(hello_with(other).is_hello_retry_request());
}

TEST(ServerHello, a_downgrade_shows_in_the_end_of_the_random) {
  const std::string start(48, 'a');
  EXPECT_TRUE(hello_with(from_hex(start + "444f574e47524401")).has_downgrade_mark());
  EXPECT_TRUE(hello_with(from_hex(start + "444f574e47524400")).has_downgrade_mark());
  EXPECT_FALSE(hello_with(from_hex(start + "444f574e47524402")).has_downgrade_mark());
  EXPECT_FALSE(hello_with({}).has_downgrade_mark());
}

TEST(CertificateMessage, an_empty_certificate_is_refused) {
  EXPECT_FALSE(
      parse_certificate_12(from_hex("000003"
                                    "000000")));
  EXPECT_FALSE(
      parse_certificate_13(from_hex("00000005"
                                    "0000000000")));
  EXPECT_TRUE(parse_certificate_13(from_hex("00000000"))->entries.empty());
}

TEST(CertificateMessage, extensions_of_an_entry_are_held_to_the_syntax) {
  const auto broken = from_hex(
      "00000009"
      "00000130"
      "0003"
      "000500");
  EXPECT_FALSE(parse_certificate_13(broken));
}

TEST(CertificateRequest, lists_outside_their_bounds_are_refused) {
  EXPECT_TRUE(
      parse_certificate_request_12(from_hex("014000020403"
                                            "0000")));
  EXPECT_FALSE(
      parse_certificate_request_12(from_hex("0000020403"
                                            "0000")))
      << "no type";
  EXPECT_FALSE(
      parse_certificate_request_12(from_hex("014000030403"
                                            "080000")))
      << "half a scheme";
  EXPECT_FALSE(
      parse_certificate_request_12(from_hex("014000020403"
                                            "00020000")))
      << "an empty name";
  EXPECT_FALSE(parse_certificate_request_13(from_hex("000000"))) << "no extension";
}

// RFC 8422 §5.4
TEST(ServerKeyExchange, what_is_signed_is_the_curve_and_the_point) {
  const auto body = from_hex(
      "03001d03aabbcc"
      "0403"
      "00021234");
  const auto exchange = parse_server_key_exchange_ecdhe(body);
  ASSERT_TRUE(exchange);
  EXPECT_EQ(exchange->params.group, NamedGroup::kX25519);
  EXPECT_TRUE(std::ranges::equal(exchange->params.encoded, Bytes(body).first(7)));
  EXPECT_EQ(exchange->proof.scheme, SignatureScheme::kEcdsaSecp256r1Sha256);
  EXPECT_EQ(exchange->proof.signature.size(), 2U);
}

TEST(ServerKeyExchange, on_an_explicit_curve_or_without_a_point_is_refused) {
  EXPECT_FALSE(
      parse_server_key_exchange_ecdhe(from_hex("01001d03aabbcc0403"
                                               "00021234")));
  EXPECT_FALSE(
      parse_server_key_exchange_ecdhe(from_hex("03001d000403"
                                               "00021234")));
  EXPECT_FALSE(parse_client_key_exchange_ecdhe(from_hex("00")));
}

TEST(NewSessionTicket, without_a_ticket_is_one_in_1_2_only) {
  EXPECT_TRUE(parse_new_session_ticket_12(from_hex("000000000000")));
  EXPECT_FALSE(
      parse_new_session_ticket_13(from_hex("0000000000000000"
                                           "00"
                                           "0000"
                                           "0000")));
}

TEST(KeyUpdateMessage, of_a_value_without_a_name_is_given_as_it_is) {
  EXPECT_EQ(parse_key_update(from_hex("01")), KeyUpdateRequest::kRequested);
  EXPECT_EQ(static_cast<int>(*parse_key_update(from_hex("02"))), 2);
  EXPECT_FALSE(parse_key_update({}));
}

TEST(AckContent, half_a_record_number_is_refused) {
  EXPECT_FALSE(
      parse_ack(from_hex("0008"
                         "0000000000000002")));
  const auto content = from_hex(
      "0010"
      "0000000000000002"
      "8000000000000007");
  EXPECT_EQ(*parse_ack(content)->begin(), (RecordNumber{2, 0x8000000000000007}));
}

TEST(UnifiedHeader, says_where_the_sequence_number_and_the_ciphertext_are) {
  const auto datagram = from_hex(
      "2f"
      "abcd0003"
      "112233"
      "2355445566");
  Reader reader(datagram);
  const auto first = read_unified_record(reader);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->epoch_bits, 3U);
  EXPECT_EQ(first->header.size(), 5U);
  EXPECT_EQ(first->sequence_at, 1U);
  EXPECT_EQ(first->sequence_size, 2U);
  EXPECT_TRUE(first->has_length);
  EXPECT_EQ(first->ciphertext.size(), 3U);
  const auto second = read_unified_record(reader);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->sequence_size, 1U);
  EXPECT_FALSE(second->has_length);
  EXPECT_EQ(second->header.size(), 2U);
  EXPECT_EQ(second->ciphertext.size(), 3U) << "to the end of the datagram";
  EXPECT_TRUE(reader.finished());
}

// RFC 9147 §9: only ids that were asked for, and of that size.
TEST(UnifiedHeader, a_connection_id_is_read_only_where_one_was_asked_for) {
  const auto datagram = from_hex("38aabb0001ff");
  Reader without(datagram);
  EXPECT_FALSE(read_unified_record(without));
  Reader with(datagram);
  const auto record = read_unified_record(with, 2);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->connection_id.size(), 2U);
  EXPECT_EQ(record->sequence_at, 3U);
  EXPECT_EQ(record->ciphertext.size(), 1U);
}

TEST(UnifiedHeader, other_first_bytes_are_no_unified_header) {
  for (unsigned first = 0; first < 256; ++first) {
    const std::array<std::byte, 24> datagram{static_cast<std::byte>(first)};
    Reader reader(datagram);
    const bool is_one = first >= 0x20 && first < 0x30;
    EXPECT_EQ(read_unified_record(reader).has_value(), is_one) << first;
  }
}

// RFC 8446 §5.2
TEST(UnifiedHeader, a_ciphertext_longer_than_any_may_be_is_refused) {
  std::vector<std::byte> datagram(2 + kMaxCiphertext13 + 1);
  datagram[0] = std::byte{0x20};
  Reader longest(Bytes(datagram).first(2 + kMaxCiphertext13));
  EXPECT_TRUE(read_unified_record(longest));
  Reader longer(datagram);
  EXPECT_FALSE(read_unified_record(longer));
}

TEST(UnifiedHeader, is_written_with_the_low_bits_of_epoch_and_sequence) {
  std::array<std::byte, 8> buffer{};
  Writer writer(buffer);
  write_unified_header(writer, {.epoch = 6, .sequence = 0xabc12345, .length = 0x0102});
  write_unified_header(writer, {.epoch = 3, .sequence = 1, .length = std::nullopt});
  EXPECT_EQ(writer.written(), unified_header_size(true) + unified_header_size(false));
  EXPECT_TRUE(std::ranges::equal(buffer, from_hex("2e234501022b0001")));
}

}  // namespace
}  // namespace dtls::wire
