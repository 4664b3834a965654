// What the fields of extensions say, and which of them break the syntax.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "unit/wire/hello_bytes.hpp"
#include "wire/client_hello.hpp"
#include "wire/key_share.hpp"
#include "wire/parameter_lists.hpp"
#include "wire/pre_shared_key.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::wire {
namespace {

using dtls::test::Datagram;
using dtls::test::from_hex;

TEST(ExtensionList, finds_the_first_of_a_type_and_an_empty_one) {
  const auto bytes = from_hex(
      "00170000"
      "001c00024000"
      "001c00020100");
  const auto extensions = ExtensionList::parse(bytes);
  ASSERT_TRUE(extensions);
  EXPECT_TRUE(extensions->find(ExtensionType::kExtendedMasterSecret)->empty());
  EXPECT_EQ(parse_record_size_limit(*extensions->find(ExtensionType::kRecordSizeLimit)), 0x4000);
  EXPECT_FALSE(extensions->has(ExtensionType::kCookie));
  EXPECT_EQ(extensions->last(), ExtensionType::kRecordSizeLimit);
}

TEST(ExtensionList, without_extensions_has_no_last_one) {
  const auto extensions = ExtensionList::parse({});
  ASSERT_TRUE(extensions);
  EXPECT_TRUE(extensions->empty());
  EXPECT_FALSE(extensions->last());
  EXPECT_FALSE(extensions->has_duplicate());
}

// RFC 8446 §4.2
TEST(ExtensionList, a_duplicate_is_noticed_whatever_its_type) {
  for (const auto* const type : {"0000", "0017", "0040", "ff01", "ffff"}) {
    const auto twice = from_hex(std::string(type) + "0000" + "1234000100" + type + "000100");
    EXPECT_TRUE(ExtensionList::parse(twice)->has_duplicate()) << type;
    EXPECT_FALSE(ExtensionList::parse(Bytes(twice).first(9))->has_duplicate()) << type;
  }
}

TEST(ExtensionList, as_many_as_fit_into_a_hello_are_no_duplicates) {
  constexpr std::uint16_t kCount = 0x3fff;  // of four bytes each
  Datagram bytes(std::size_t{4} * kCount);
  Writer writer(bytes);
  for (std::uint16_t type = 0; type < kCount; ++type) {
    write_extension(writer, static_cast<ExtensionType>(type));
  }
  ASSERT_TRUE(writer.ok());
  EXPECT_FALSE(ExtensionList::parse(bytes)->has_duplicate());
  bytes[bytes.size() - 4] = std::byte{0};
  bytes[bytes.size() - 3] = std::byte{0};
  EXPECT_TRUE(ExtensionList::parse(bytes)->has_duplicate());
}

TEST(ListView, over_bytes_that_parse_refuses_ends_before_what_is_broken) {
  const auto bytes = from_hex(
      "00170000"
      "001c000240");
  EXPECT_FALSE(ExtensionList::parse(bytes));
  std::size_t count = 0;
  for (const Extension extension : ExtensionList(bytes)) {
    EXPECT_EQ(extension.type, ExtensionType::kExtendedMasterSecret);
    ++count;
  }
  EXPECT_EQ(count, 1U);
}

TEST(ListView, of_numbers_knows_which_it_contains) {
  const auto bytes = from_hex("0004001d0017");
  const auto groups = parse_supported_groups(bytes);
  ASSERT_TRUE(groups);
  EXPECT_TRUE(groups->contains(NamedGroup::kX25519));
  EXPECT_TRUE(groups->contains(NamedGroup::kSecp256r1));
  EXPECT_FALSE(groups->contains(NamedGroup::kSecp384r1));
}

TEST(Extensions, lists_outside_their_bounds_are_refused) {
  EXPECT_FALSE(parse_supported_groups(from_hex("0000"))) << "none";
  EXPECT_FALSE(parse_supported_groups(from_hex("000300170a"))) << "half a group";
  EXPECT_FALSE(parse_signature_algorithms(from_hex("0000")));
  EXPECT_FALSE(parse_supported_versions(from_hex("00")));
  EXPECT_FALSE(parse_supported_versions(from_hex("01fe"))) << "half a version";
  EXPECT_FALSE(parse_ec_point_formats(from_hex("00")));
  EXPECT_FALSE(parse_psk_key_exchange_modes(from_hex("00")));
  EXPECT_FALSE(parse_use_srtp(from_hex("000000"))) << "no profile";
  EXPECT_FALSE(parse_cookie(from_hex("0000")));
  EXPECT_FALSE(parse_certificate_authorities(from_hex("0000")));
  EXPECT_FALSE(parse_certificate_authorities(from_hex("00020000"))) << "an empty name";
  EXPECT_FALSE(parse_key_share(from_hex("001d0000"))) << "an empty key";
}

// RFC 6066 §3
TEST(ServerNameExtension, of_an_unknown_kind_is_passed_over_and_a_second_host_name_refused) {
  EXPECT_EQ(parse_server_name(from_hex("0005"
                                       "0000026162")),
            "ab");
  EXPECT_EQ(parse_server_name(from_hex("0004"
                                       "070001aa")),
            "");
  EXPECT_FALSE(
      parse_server_name(from_hex("0008"
                                 "0000016100000162")));
  EXPECT_FALSE(
      parse_server_name(from_hex("0003"
                                 "000000")))
      << "an empty name";
  EXPECT_FALSE(parse_server_name(from_hex("0000"))) << "no name";
}

TEST(AlpnExtension, names_are_read_in_order_and_a_selection_is_exactly_one) {
  const auto two = from_hex("000804636f6170026832");
  std::vector<std::string_view> names;
  const auto parsed = parse_alpn(two);
  ASSERT_TRUE(parsed);
  for (const auto name : *parsed) {
    names.push_back(name);
  }
  EXPECT_EQ(names, (std::vector<std::string_view>{"coap", "h2"}));
  EXPECT_FALSE(parse_alpn_selection(two));
  EXPECT_FALSE(parse_alpn(from_hex("00020000"))) << "an empty name";

  std::array<std::byte, 16> buffer{};
  Writer writer(buffer);
  write_alpn(writer, std::array<std::string, 1>{"coap"});
  EXPECT_EQ(parse_alpn_selection(Bytes(buffer).subspan(4, writer.written() - 4)), "coap");
}

TEST(KeyShareExtension, of_a_client_may_be_none_at_all) {
  const auto shares = parse_key_shares(from_hex("0000"));
  ASSERT_TRUE(shares);
  EXPECT_TRUE(shares->empty());
  EXPECT_FALSE(parse_key_shares(from_hex("0004001d0000"))) << "an empty key";
}

// RFC 8446 §4.2.11
TEST(PreSharedKeyExtension, must_have_a_binder_for_each_identity) {
  const std::string binder = "20" + std::string(64, 'b');
  const auto offer = [](const std::string& identities, const std::string& binders) {
    std::array<char, 2> digits{};
    std::string hex;
    for (const auto& part : {identities, binders}) {
      const std::size_t size = part.size() / 2;
      digits = {"0123456789abcdef"[size / 16], "0123456789abcdef"[size % 16]};
      hex += "00" + std::string(digits.data(), 2) + part;
    }
    return parse_offered_psks(from_hex(hex)).has_value();
  };
  const std::string identity = "00016100000000";
  EXPECT_TRUE(offer(identity, binder));
  EXPECT_TRUE(offer(identity + identity, binder + binder));
  EXPECT_FALSE(offer(identity + identity, binder));
  EXPECT_FALSE(offer(identity, binder + binder));
  EXPECT_FALSE(offer("", "")) << "none";
  EXPECT_FALSE(offer("000000000000", binder)) << "an empty identity";
  EXPECT_FALSE(offer(identity, "1f" + std::string(62, 'b'))) << "a binder of 31 bytes";
}

// RFC 8446 §4.2.11.2: the transcript of a binder ends where the binders begin.
TEST(PreSharedKeyExtension, binders_are_filled_into_the_end_of_a_hello) {
  const auto random = from_hex(std::string(64, '5'));
  const auto ticket = from_hex("7469636b6574");
  const std::array identities{PskIdentity{ticket, 7}, PskIdentity{random, 0}};
  constexpr std::size_t kHashSize = 32;
  constexpr std::array kSuites{CipherSuite::kAes128GcmSha256};
  std::array<std::byte, 256> buffer{};
  Writer writer(buffer);
  const auto mark = begin_client_hello(
      writer, {.random = random, .session_id = {}, .cookie = {}, .cipher_suites = kSuites});
  write_extension(writer, ExtensionType::kExtendedMasterSecret);
  write_offered_psks(writer, identities, kHashSize);
  writer.end_optional_vector(mark);
  ASSERT_TRUE(writer.ok());
  const auto hello = std::span(buffer).first(writer.written());
  const std::vector<std::byte> before(hello.begin(),
                                      hello.end() - static_cast<int>(binders_size(2, kHashSize)));
  const Datagram first(kHashSize, std::byte{0xb1});
  const Datagram second(kHashSize, std::byte{0xb2});
  EXPECT_TRUE(fill_binder(hello, 0, 2, first));
  EXPECT_TRUE(fill_binder(hello, 1, 2, second));
  EXPECT_FALSE(fill_binder(hello, 2, 2, second));
  EXPECT_FALSE(fill_binder(hello.first(60), 0, 2, first));

  const auto parsed = parse_client_hello(hello);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->extension_list().last(), ExtensionType::kPreSharedKey);
  const auto content = parsed->extension_list().find(ExtensionType::kPreSharedKey);
  const auto offered = parse_offered_psks(*content);
  ASSERT_TRUE(offered);
  EXPECT_EQ(binders_at(hello, *offered), before.size());
  EXPECT_TRUE(std::ranges::equal(hello.first(binders_at(hello, *offered)), before));
  auto binder = offered->binders.begin();
  EXPECT_TRUE(std::ranges::equal(*binder, first));
  EXPECT_TRUE(std::ranges::equal(*++binder, second));
  EXPECT_EQ((*offered->identities.begin()).obfuscated_ticket_age, 7U);
}

}  // namespace
}  // namespace dtls::wire
