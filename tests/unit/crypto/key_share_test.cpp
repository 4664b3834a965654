#include "crypto/key_share.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "unit/wire/hello_bytes.hpp"

namespace dtls::crypto {
namespace {

using test::from_hex;
using enum Group;
using Buffer = std::vector<std::byte>;

class EveryGroup : public testing::TestWithParam<Group> {
 protected:
  void SetUp() override {
    if (!is_available(GetParam())) GTEST_SKIP() << "ML-KEM came with OpenSSL 3.5; this is older";
  }
};
INSTANTIATE_TEST_SUITE_P(KeyShare, EveryGroup,
                         testing::Values(kX25519, kP256, kP384, kX25519MlKem768));

Buffer own(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

void expect_malformed(const Error& error) {
  EXPECT_EQ(error.kind, ErrorKind::kMalformed);
  EXPECT_EQ(error.alert, 47);  // illegal_parameter, RFC 8446 §4.2.8.2
}

TEST_P(EveryGroup, both_sides_get_the_same_secret) {
  const auto first = KeyShare::generate(GetParam());
  ASSERT_TRUE(first);
  const auto answer = agree(GetParam(), first->public_key());
  ASSERT_TRUE(answer);
  const auto secret = first->derive(answer->public_key);
  ASSERT_TRUE(secret);
  EXPECT_FALSE(secret->empty());
  EXPECT_TRUE(std::ranges::equal(secret->view(), answer->secret.view()));
}

TEST_P(EveryGroup, no_key_is_made_twice) {
  const auto one = KeyShare::generate(GetParam());
  const auto other = KeyShare::generate(GetParam());
  ASSERT_TRUE(one);
  ASSERT_TRUE(other);
  EXPECT_NE(own(one->public_key()), own(other->public_key()));
}

TEST_P(EveryGroup, a_share_of_another_size_is_malformed) {
  const auto first = KeyShare::generate(GetParam());
  ASSERT_TRUE(first);
  auto answer = agree(GetParam(), first->public_key());
  ASSERT_TRUE(answer);
  for (const int change : {-1, 1}) {
    auto share = own(first->public_key());
    share.resize(share.size() + static_cast<std::size_t>(change));
    const auto agreed = agree(GetParam(), share);
    ASSERT_FALSE(agreed);
    expect_malformed(agreed.error());
    share = answer->public_key;
    share.resize(share.size() + static_cast<std::size_t>(change));
    const auto derived = first->derive(share);
    ASSERT_FALSE(derived);
    expect_malformed(derived.error());
  }
  EXPECT_FALSE(agree(GetParam(), {}));
  EXPECT_FALSE(first->derive({}));
}

TEST_P(EveryGroup, sizes_are_those_of_the_rfcs) {
  const auto first = KeyShare::generate(GetParam());
  ASSERT_TRUE(first);
  const auto answer = agree(GetParam(), first->public_key());
  ASSERT_TRUE(answer);
  struct Sizes {
    std::size_t first, answer, secret;
    bool operator==(const Sizes&) const = default;
  };
  const Sizes sizes{first->public_key().size(), answer->public_key.size(), answer->secret.size()};
  switch (GetParam()) {
    case kP256:
      EXPECT_EQ(sizes, (Sizes{65, 65, 32}));
      break;
    case kP384:
      EXPECT_EQ(sizes, (Sizes{97, 97, 48}));
      break;
    case kX25519:
      EXPECT_EQ(sizes, (Sizes{32, 32, 32}));
      break;
    case kX25519MlKem768:  // draft-ietf-tls-ecdhe-mlkem §4.1, §4.2, §4.3
      EXPECT_EQ(sizes, (Sizes{1216, 1120, 64}));
      break;
  }
}

class Curve : public testing::TestWithParam<Group> {};
INSTANTIATE_TEST_SUITE_P(KeyShare, Curve, testing::Values(kP256, kP384));

// RFC 8446 §4.2.8.2, and the attack with points of a weaker curve.
TEST_P(Curve, a_point_beside_the_curve_is_malformed) {
  const auto first = KeyShare::generate(GetParam());
  ASSERT_TRUE(first);
  auto share = own(first->public_key());
  share.back() ^= std::byte{1};
  const auto agreed = agree(GetParam(), share);
  ASSERT_FALSE(agreed);
  expect_malformed(agreed.error());
  EXPECT_FALSE(first->derive(share));
}

TEST_P(Curve, a_good_share_is_taken_after_a_bad_one) {
  const auto first = KeyShare::generate(GetParam());
  const auto other = KeyShare::generate(GetParam());
  ASSERT_TRUE(first);
  ASSERT_TRUE(other);
  const auto expected = first->derive(other->public_key());
  ASSERT_TRUE(expected);
  auto bad = own(other->public_key());
  bad.back() ^= std::byte{1};
  EXPECT_FALSE(first->derive(bad));
  EXPECT_FALSE(first->derive(Bytes(bad).first(1)));
  const auto secret = first->derive(other->public_key());
  ASSERT_TRUE(secret);
  EXPECT_TRUE(std::ranges::equal(secret->view(), expected->view()));
}

TEST_P(Curve, coordinates_beyond_the_field_are_malformed) {
  const auto first = KeyShare::generate(GetParam());
  ASSERT_TRUE(first);
  Buffer share(first->public_key().size(), std::byte{0xff});
  share[0] = std::byte{4};
  EXPECT_FALSE(agree(GetParam(), share));
  std::fill(share.begin() + 1, share.end(), std::byte{0});
  EXPECT_FALSE(agree(GetParam(), share));
}

TEST_P(Curve, only_the_uncompressed_form_is_taken) {
  const auto first = KeyShare::generate(GetParam());
  ASSERT_TRUE(first);
  auto share = own(first->public_key());
  // The hybrid form (X9.62) names the same point.
  share[0] = std::byte{6} | (share.back() & std::byte{1});
  EXPECT_FALSE(agree(GetParam(), share));
  // The compressed one, and the point at infinity.
  auto compressed = own(first->public_key().first((first->public_key().size() + 1) / 2));
  compressed[0] = std::byte{2} | (share.back() & std::byte{1});
  EXPECT_FALSE(agree(GetParam(), compressed));
  EXPECT_FALSE(agree(GetParam(), Buffer(1)));
}

// RFC 7748 §6.1, RFC 8446 §7.4.2: points of small order give zero whatever the own key is.
TEST(X25519, a_share_that_makes_the_secret_zero_is_malformed) {
  const auto first = KeyShare::generate(kX25519);
  ASSERT_TRUE(first);
  for (const auto* const hex :
       {"0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    const auto share = from_hex(hex);
    const auto agreed = agree(kX25519, share);
    ASSERT_FALSE(agreed) << hex;
    expect_malformed(agreed.error());
    const auto derived = first->derive(share);
    ASSERT_FALSE(derived) << hex;
    expect_malformed(derived.error());
  }
}

// The private key of RFC 7748 §6.1 on the other side, with libcrypto's bare functions.
TEST(X25519, agrees_with_an_implementation_that_has_the_rfcs_key) {
  const auto private_key =
      from_hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const OwnedKey peer(EVP_PKEY_new_raw_private_key(
      EVP_PKEY_X25519, nullptr, reinterpret_cast<const unsigned char*>(private_key.data()),
      private_key.size()));
  ASSERT_NE(peer, nullptr);
  Buffer peer_public(32);
  std::size_t size = peer_public.size();
  EVP_PKEY_get_raw_public_key(peer.get(), reinterpret_cast<unsigned char*>(peer_public.data()),
                              &size);
  EXPECT_EQ(peer_public,
            from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
  const auto agreed = agree(kX25519, peer_public);
  ASSERT_TRUE(agreed);

  const OwnedKey ours(EVP_PKEY_new_raw_public_key(
      EVP_PKEY_X25519, nullptr, reinterpret_cast<const unsigned char*>(agreed->public_key.data()),
      32));
  const OwnedBy<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(peer.get(), nullptr));
  Buffer secret(32);
  ASSERT_EQ(EVP_PKEY_derive_init(context.get()), 1);
  ASSERT_EQ(EVP_PKEY_derive_set_peer(context.get(), ours.get()), 1);
  ASSERT_EQ(EVP_PKEY_derive(context.get(), reinterpret_cast<unsigned char*>(secret.data()), &size),
            1);
  EXPECT_TRUE(std::ranges::equal(agreed->secret.view(), secret));
}

// ML-KEM rejects implicitly: a changed ciphertext gives a secret that nobody else has.
TEST(X25519MlKem768, a_changed_answer_gives_another_secret) {
  if (!is_available(kX25519MlKem768)) {
    GTEST_SKIP() << "ML-KEM came with OpenSSL 3.5; this is older";
  }
  const auto first = KeyShare::generate(kX25519MlKem768);
  ASSERT_TRUE(first);
  auto answer = agree(kX25519MlKem768, first->public_key());
  ASSERT_TRUE(answer);
  answer->public_key[100] ^= std::byte{1};
  const auto secret = first->derive(answer->public_key);
  ASSERT_TRUE(secret);
  EXPECT_FALSE(std::ranges::equal(secret->view(), answer->secret.view()));
}

TEST(X25519MlKem768, an_answer_whose_x25519_half_is_zero_is_malformed) {
  if (!is_available(kX25519MlKem768)) {
    GTEST_SKIP() << "ML-KEM came with OpenSSL 3.5; this is older";
  }
  const auto first = KeyShare::generate(kX25519MlKem768);
  ASSERT_TRUE(first);
  auto answer = agree(kX25519MlKem768, first->public_key());
  ASSERT_TRUE(answer);
  std::fill(answer->public_key.end() - 32, answer->public_key.end(), std::byte{0});
  EXPECT_FALSE(first->derive(answer->public_key));
  auto share = own(first->public_key());
  std::fill(share.end() - 32, share.end(), std::byte{0});
  EXPECT_FALSE(agree(kX25519MlKem768, share));
}

TEST(KeyShare, a_group_that_is_not_there_is_reported) {
  if (is_available(kX25519MlKem768)) GTEST_SKIP() << "this OpenSSL has every group";
  const auto share = KeyShare::generate(kX25519MlKem768);
  ASSERT_FALSE(share);
  EXPECT_EQ(share.error().kind, ErrorKind::kSystem);
  EXPECT_FALSE(agree(kX25519MlKem768, Buffer(1216)));
}

}  // namespace
}  // namespace dtls::crypto
