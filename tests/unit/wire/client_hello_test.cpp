#include "wire/client_hello.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "unit/wire/hello_bytes.hpp"

namespace dtls::wire {
namespace {

using dtls::test::from_hex;
using test::Datagram;

constexpr std::uint16_t kServerName = 0;
constexpr std::uint16_t kRenegotiationInfo = 0xff01;

Datagram body_of(std::string_view hex) {
  const Datagram datagram = from_hex(hex);
  return {datagram.begin() + test::kBodyAt, datagram.end()};
}

// A ClientHello's body from its parts, each given as it is encoded.
Datagram body_with(std::string_view session_id, std::string_view cookie, std::string_view suites,
                   std::string_view compression, std::string_view extensions) {
  std::string hex = "fefd" + std::string(64, '5');
  for (const auto part : {session_id, cookie, suites, compression, extensions}) {
    hex += part;
  }
  return from_hex(hex);
}

TEST(ClientHello, of_openssl_is_read_field_by_field) {
  const Datagram body = body_of(test::kFirstHello);
  const auto hello = parse_client_hello(body);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->legacy_version, kDtls12);
  EXPECT_EQ(hello->random.size(), kRandomSize);
  EXPECT_EQ(hello->random.front(), std::byte{0x50});
  EXPECT_TRUE(hello->session_id.empty());
  EXPECT_TRUE(hello->cookie.empty());
  EXPECT_EQ(hello->cipher_suites.size(), 56U);
  EXPECT_TRUE(hello->offers_cipher_suite(0xc02b));
  EXPECT_TRUE(hello->offers_cipher_suite(0x00ff));
  EXPECT_FALSE(hello->offers_cipher_suite(0x1301));
  EXPECT_EQ(hello->compression_methods.size(), 1U);
  EXPECT_EQ(hello->extensions.size(), 105U);
}

TEST(ClientHello, finds_an_extension_by_its_type) {
  const Datagram body = body_of(test::kFirstHello);
  const auto hello = parse_client_hello(body);
  ASSERT_TRUE(hello);
  const auto name = hello->find_extension(kServerName);
  ASSERT_TRUE(name);
  EXPECT_TRUE(std::ranges::equal(*name, from_hex("001100000e6465766963652e6578616d706c65")));
  EXPECT_FALSE(hello->find_extension(kRenegotiationInfo));
}

TEST(ClientHello, an_empty_extension_is_found_and_not_taken_for_an_absent_one) {
  const Datagram body = body_of(test::kFirstHello);
  const auto extended_master_secret = parse_client_hello(body)->find_extension(23);
  ASSERT_TRUE(extended_master_secret);
  EXPECT_TRUE(extended_master_secret->empty());
}

// RFC 6347 §4.2.1: the client repeats everything but the cookie.
TEST(ClientHello, the_parts_that_a_client_repeats_are_the_same_in_both_of_its_hellos) {
  const Datagram first_body = body_of(test::kFirstHello);
  const Datagram second_body = body_of(test::kSecondHello);
  const auto first = parse_client_hello(first_body);
  const auto second = parse_client_hello(second_body);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(std::ranges::equal(first->before_cookie, second->before_cookie));
  EXPECT_TRUE(std::ranges::equal(first->after_cookie, second->after_cookie));
  EXPECT_EQ(first->before_cookie.size(), 2U + 32U + 1U);
  EXPECT_EQ(first->after_cookie.size(), 2U + 56U + 1U + 1U);
  EXPECT_EQ(second->cookie.size(), 32U);
  EXPECT_EQ(second->cookie.back(), std::byte{0x1f});
}

TEST(ClientHello, without_extensions_is_read) {
  const Datagram body = body_with("00", "00", "0002c02b", "0100", "");
  const auto hello = parse_client_hello(body);
  ASSERT_TRUE(hello);
  EXPECT_TRUE(hello->extensions.empty());
}

TEST(ClientHello, cut_short_anywhere_is_refused) {
  // Without its extensions a hello is a hello too (RFC 5246 §7.4.1.2).
  for (const auto hex : {test::kFirstHello, test::kSecondHello, test::kPskHello}) {
    const Datagram body = body_of(hex);
    const std::size_t bare = body.size() - 2 - parse_client_hello(body)->extensions.size();
    for (std::size_t size = 0; size < body.size(); ++size) {
      EXPECT_EQ(parse_client_hello(Bytes(body).first(size)).has_value(), size == bare) << size;
    }
  }
}

TEST(ClientHello, with_bytes_left_over_is_refused) {
  Datagram body = body_of(test::kFirstHello);
  body.push_back(std::byte{0});
  EXPECT_FALSE(parse_client_hello(body));
}

TEST(ClientHello, a_changed_byte_never_leads_out_of_the_message) {
  const Datagram original = body_of(test::kSecondHello);
  for (std::size_t at = 0; at < original.size(); ++at) {
    for (unsigned flip = 1; flip < 256; ++flip) {
      Datagram body = original;
      body[at] ^= static_cast<std::byte>(flip);
      const auto hello = parse_client_hello(body);
      if (!hello) {
        continue;
      }
      const std::size_t extensions = hello->extensions.empty() ? 0 : 2 + hello->extensions.size();
      ASSERT_LE(hello->before_cookie.size() + 1 + hello->cookie.size() +
                    hello->after_cookie.size() + extensions,
                body.size())
          << at;
    }
  }
}

TEST(ClientHello, vectors_outside_their_bounds_are_refused) {
  const std::string session_33 = "21" + std::string(66, 'a');
  EXPECT_FALSE(parse_client_hello(body_with(session_33, "00", "0002c02b", "0100", "")));
  EXPECT_FALSE(parse_client_hello(body_with("00", "00", "0000", "0100", ""))) << "no suite";
  EXPECT_FALSE(parse_client_hello(body_with("00", "00", "0003c02bc0", "0100", ""))) << "odd";
  EXPECT_FALSE(parse_client_hello(body_with("00", "00", "0002c02b", "00", "")))
      << "no compression method";
}

TEST(ClientHello, an_extension_that_is_cut_short_is_refused) {
  EXPECT_TRUE(parse_client_hello(body_with("00", "00", "0002c02b", "0100",
                                           "0005"
                                           "0017000100")));
  EXPECT_FALSE(parse_client_hello(body_with("00", "00", "0002c02b", "0100",
                                            "0005"
                                            "0017000200")));
  EXPECT_FALSE(parse_client_hello(body_with("00", "00", "0002c02b", "0100",
                                            "0003"
                                            "001700")));
}

TEST(ClientHello, a_cookie_of_255_bytes_is_read) {
  const std::string cookie = "ff" + std::string(510, 'c');
  const Datagram body = body_with("00", cookie, "0002c02b", "0100", "");
  const auto hello = parse_client_hello(body);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->cookie.size(), kMaxCookie);
}

TEST(Version, dtls_1_2_and_what_is_newer_are_told_from_what_is_older) {
  EXPECT_TRUE(at_least_dtls12(0xfefd));
  EXPECT_TRUE(at_least_dtls12(0xfefc));
  EXPECT_TRUE(at_least_dtls12(0xfdff));
  EXPECT_FALSE(at_least_dtls12(0xfeff));
  EXPECT_FALSE(at_least_dtls12(0x0303));
  EXPECT_FALSE(at_least_dtls12(0x0100));
}

TEST(ClientHelloStart, says_of_what_has_come_what_the_whole_says) {
  const Datagram body = body_of(test::kSecondHello);
  const auto whole = parse_client_hello(body);
  ASSERT_TRUE(whole);
  const std::size_t head = body.size() - whole->extensions.size() - 2;
  for (std::size_t size = 0; size <= body.size(); ++size) {
    const auto start = parse_client_hello_start(Bytes(body).first(size));
    ASSERT_EQ(start.has_value(), size >= head) << size;
    if (!start) continue;
    EXPECT_TRUE(std::ranges::equal(start->cookie, whole->cookie));
    EXPECT_TRUE(std::ranges::equal(start->before_cookie, whole->before_cookie));
    EXPECT_TRUE(std::ranges::equal(start->after_cookie, whole->after_cookie));
    EXPECT_TRUE(start->offers_cipher_suite(0xc02b));
  }
}

TEST(ClientHelloStart, has_the_extensions_that_have_come_whole) {
  const Datagram body = body_of(test::kFirstHello);
  const auto whole = parse_client_hello(body);
  const std::size_t first_extension_ends = body.size() - whole->extensions.size() + 4 + 0x13;
  const auto name = [&](std::size_t size) {
    const Bytes start = Bytes(body).first(size);
    return parse_client_hello_start(start)->find_extension(kServerName).has_value();
  };
  EXPECT_FALSE(name(first_extension_ends - 1));
  EXPECT_TRUE(name(first_extension_ends));
  EXPECT_TRUE(name(body.size()));
}

TEST(ClientHelloRest, is_any_fragment_but_the_first) {
  Datagram fragment = from_hex(test::kFragmentedHello);
  EXPECT_FALSE(peek_hello_rest(fragment));
  EXPECT_TRUE(peek_hello(fragment));
  constexpr std::size_t kOffsetAt = test::kMessageAt + 6;
  // The message becomes longer as well, else the fragment would reach beyond its end.
  fragment[test::kMessageAt + 2] = std::byte{1};
  fragment[kOffsetAt + 2] = std::byte{9};
  EXPECT_TRUE(peek_hello_rest(fragment));
  EXPECT_FALSE(peek_hello(fragment));
  fragment[test::kEpochAt + 1] = std::byte{1};
  EXPECT_FALSE(peek_hello_rest(fragment)) << "a renegotiation's";
  EXPECT_FALSE(peek_hello_rest(from_hex(test::kFirstHello)));
}

}  // namespace
}  // namespace dtls::wire
