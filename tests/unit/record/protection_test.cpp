#include "record/protection.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string_view>
#include <vector>

#include "unit/wire/hello_bytes.hpp"

namespace dtls::record {
namespace {

using crypto::AeadAlgorithm;
using test::from_hex;
using Record = std::vector<std::byte>;

constexpr std::string_view kText = "hello, record";
constexpr std::size_t kWhole = wire::kMaxPlaintext;

wire::Bytes text() {
  return std::as_bytes(std::span(kText));
}

Record counting(std::size_t size) {
  Record bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::byte>(i);
  return bytes;
}

Record seal(const Protection& keys, RecordNumber number, wire::Bytes content) {
  Record out(content.size() + keys.overhead());
  out.resize(keys.seal(number, wire::kDtls12, wire::ContentType::kApplicationData, content, out));
  return out;
}

// The expected bytes were computed with AES and GHASH written out after FIPS 197 and NIST SP
// 800-38D, without OpenSSL: key 00..0f, salt 10..13, epoch 1, number 5.
TEST(Protection, seals_a_record_of_dtls12_as_rfc_5288_says) {
  const auto keys =
      Protection::tls12(AeadAlgorithm::kAes128Gcm, counting(16), from_hex("10111213"));
  EXPECT_EQ(seal(keys, {.epoch = 1, .sequence = 5}, text()),
            from_hex("17fefd000100000000000500250001000000000005"
                     "cfd2e4e433a9218e76e9766bb8dd1469f546c3cec011f2e516d4997b88"));
}

// Likewise: traffic secret 00..1f, keys by HKDF-Expand-Label with "dtls13", epoch 3, number
// 0x12345, whose low half 2345 the mask turns into 1e80.
TEST(Protection, seals_a_record_of_dtls13_as_rfc_9147_says) {
  const auto keys =
      Protection::tls13(AeadAlgorithm::kAes128Gcm, crypto::HashAlgorithm::kSha256, counting(32));
  EXPECT_EQ(seal(keys, {.epoch = 3, .sequence = 0x12345}, text()),
            from_hex("2f1e80001e"
                     "819e4510d918b574afc3cded7d0a042ff7fade4a5290f245db2e490edd72"));
}

class ProtectionRoundTrip : public testing::TestWithParam<AeadAlgorithm> {
 protected:
  static Protection tls12() {
    return Protection::tls12(GetParam(), counting(crypto::aead_key_size(GetParam())), counting(12));
  }
  static Protection tls13() {
    return Protection::tls13(GetParam(), crypto::HashAlgorithm::kSha384, counting(48));
  }
};

TEST_P(ProtectionRoundTrip, what_dtls12_seals_it_opens) {
  const Protection keys = tls12();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1200}, kWhole}) {
    const Record content = counting(size);
    Record record = seal(keys, {.epoch = 1, .sequence = kMaxSequence}, content);
    ASSERT_EQ(record.size(), size + keys.overhead());
    wire::Reader reader(record);
    const auto header = wire::read_record(reader)->header;
    const auto opened =
        keys.open_tls12(header, std::span(record).subspan(wire::kRecordHeaderSize), kWhole);
    ASSERT_EQ(opened.verdict, Protection::Verdict::kOpened);
    EXPECT_EQ(Record(opened.content.begin(), opened.content.end()), content);
  }
}

TEST_P(ProtectionRoundTrip, what_dtls13_seals_it_opens) {
  const Protection keys = tls13();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1200}, kWhole}) {
    const Record content = counting(size);
    Record record = seal(keys, {.epoch = 2, .sequence = 77}, content);
    ASSERT_LE(record.size(), size + keys.overhead());
    const std::span all(record);
    ASSERT_TRUE(keys.unmask(all.subspan(1, 2), all.subspan(5)));
    EXPECT_EQ(record[2], std::byte{77});
    const auto opened = keys.open_tls13(77, all.first(5), all.subspan(5), kWhole);
    ASSERT_EQ(opened.verdict, Protection::Verdict::kOpened);
    EXPECT_EQ(opened.type, wire::ContentType::kApplicationData);
    EXPECT_EQ(Record(opened.content.begin(), opened.content.end()), content);
  }
}

TEST_P(ProtectionRoundTrip, any_changed_bit_is_a_forgery) {
  const Protection keys = tls12();
  const Record sealed = seal(keys, {.epoch = 1, .sequence = 9}, text());
  wire::Reader reader(sealed);
  const auto header = wire::read_record(reader)->header;
  for (std::size_t at = wire::kRecordHeaderSize; at < sealed.size(); ++at) {
    Record record = sealed;
    record[at] ^= std::byte{0x40};
    const auto fragment = std::span(record).subspan(wire::kRecordHeaderSize);
    EXPECT_EQ(keys.open_tls12(header, fragment, kWhole).verdict, Protection::Verdict::kForged);
  }
}

INSTANTIATE_TEST_SUITE_P(Algorithms, ProtectionRoundTrip,
                         testing::Values(AeadAlgorithm::kAes128Gcm, AeadAlgorithm::kAes256Gcm,
                                         AeadAlgorithm::kChaCha20Poly1305,
                                         AeadAlgorithm::kAes128Ccm, AeadAlgorithm::kAes128Ccm8));

TEST(Protection, a_record_too_short_to_be_one_is_a_forgery) {
  const auto keys = Protection::tls12(AeadAlgorithm::kAes128Gcm, counting(16), counting(4));
  Record fragment(23);
  const wire::RecordHeader header{.type = wire::ContentType::kAlert,
                                  .version = wire::kDtls12,
                                  .epoch = 1,
                                  .sequence = 0,
                                  .length = 23};
  EXPECT_EQ(keys.open_tls12(header, fragment, kWhole).verdict, Protection::Verdict::kForged);
  const auto newer =
      Protection::tls13(AeadAlgorithm::kAes128Gcm, crypto::HashAlgorithm::kSha256, counting(32));
  Record number(2);
  EXPECT_FALSE(newer.unmask(number, Record(15)));
}

// RFC 8449 §4: what is longer than we said we take is fatal, not noise.
TEST(Protection, authentic_content_beyond_the_limit_is_told_from_noise) {
  const auto keys =
      Protection::tls13(AeadAlgorithm::kAes128Gcm, crypto::HashAlgorithm::kSha256, counting(32));
  Record record = seal(keys, {.epoch = 3, .sequence = 0}, counting(101));
  const std::span all(record);
  ASSERT_TRUE(keys.unmask(all.subspan(1, 2), all.subspan(5)));
  EXPECT_EQ(keys.open_tls13(0, all.first(5), all.subspan(5), 100).verdict,
            Protection::Verdict::kOverlong);
}

// RFC 8446 §5.4.
TEST(Protection, a_record_of_nothing_but_padding_has_no_type) {
  const auto keys =
      Protection::tls13(AeadAlgorithm::kAes128Gcm, crypto::HashAlgorithm::kSha256, counting(32));
  Record record(100);
  const Record zeros(20);
  record.resize(
      keys.seal({.epoch = 3, .sequence = 0}, wire::kDtls12, wire::ContentType{}, zeros, record));
  const std::span all(record);
  ASSERT_TRUE(keys.unmask(all.subspan(1, 2), all.subspan(5)));
  EXPECT_EQ(keys.open_tls13(0, all.first(5), all.subspan(5), kWhole).verdict,
            Protection::Verdict::kTypeless);
}

TEST(Protection, nothing_is_written_where_there_is_no_room_or_too_much_content) {
  const Protection plain;
  const auto older = Protection::tls12(AeadAlgorithm::kAes128Gcm, counting(16), counting(4));
  const auto newer =
      Protection::tls13(AeadAlgorithm::kAes128Gcm, crypto::HashAlgorithm::kSha256, counting(32));
  for (const Protection* keys : {&plain, &older, &newer}) {
    Record out(text().size() + keys->overhead() - 1);
    EXPECT_EQ(keys->seal({}, wire::kDtls12, wire::ContentType::kAlert, text(), out), 0U);
    out.resize(kWhole + 1 + keys->overhead());
    EXPECT_EQ(keys->seal({}, wire::kDtls12, wire::ContentType::kAlert, counting(kWhole + 1), out),
              0U);
  }
}

TEST(Protection, content_may_already_lie_in_its_place) {
  const auto keys =
      Protection::tls13(AeadAlgorithm::kAes128Gcm, crypto::HashAlgorithm::kSha256, counting(32));
  Record out(text().size() + keys.overhead());
  std::copy(text().begin(), text().end(), out.begin() + static_cast<std::ptrdiff_t>(keys.prefix()));
  const auto content = std::span(out).subspan(keys.prefix(), text().size());
  const RecordNumber number{.epoch = 3, .sequence = 4};
  ASSERT_EQ(keys.seal(number, wire::kDtls12, wire::ContentType::kApplicationData, content, out),
            out.size());
  EXPECT_EQ(out, seal(keys, number, text()));
}

// RFC 9147 §4.5.3, RFC 8446 §5.5.
TEST(Protection, keys_of_dtls13_wear_out) {
  EXPECT_EQ(limits_of(AeadAlgorithm::kAes128Gcm).sealed, 23726566U);
  EXPECT_EQ(limits_of(AeadAlgorithm::kAes256Gcm).forged, std::uint64_t{1} << 36U);
  EXPECT_EQ(limits_of(AeadAlgorithm::kChaCha20Poly1305).sealed, kMaxSequence + 1);
  EXPECT_EQ(limits_of(AeadAlgorithm::kAes128Ccm).forged, 11863283U);
  EXPECT_EQ(limits_of(AeadAlgorithm::kAes128Ccm8).forged, 128U);
}

}  // namespace
}  // namespace dtls::record
