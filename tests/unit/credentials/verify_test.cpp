#include "credentials/verify.hpp"

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include <string>
#include <vector>

#include "credentials/pem.hpp"
#include "credentials/trust.hpp"
#include "crypto/signature.hpp"
#include "support/certificates.hpp"

namespace dtls::credentials {
namespace {

using Der = std::vector<std::byte>;
using test::Authority;

Der der_of(const std::string& pem) {
  const auto certificates = parse_certificates(pem, "cert");
  EXPECT_TRUE(certificates);
  Der der(static_cast<std::size_t>(i2d_X509(certificates->front().get(), nullptr)));
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(certificates->front().get(), &at);
  return der;
}

class Verify : public testing::Test {
 protected:
  [[nodiscard]] ChainVerdict verify(const std::vector<Der>& chain,
                                    PeerRole role = PeerRole::kServer,
                                    const std::string& name = "localhost") const {
    const std::vector<crypto::Bytes> views(chain.begin(), chain.end());
    return verify_chain(views, anchors_->get(), role, name);
  }
  [[nodiscard]] Der issue(const Authority::Wish& wish = {}) const {
    return der_of(authority_.issue(wish).cert);
  }

  Authority authority_;
  Result<crypto::OwnedStore> anchors_ = load_trust(authority_.certificate(), false);
};

void expect_refused(const ChainVerdict& verdict, int alert, const std::string& reason) {
  EXPECT_FALSE(verdict.trusted);
  EXPECT_EQ(verdict.alert, alert);
  EXPECT_NE(verdict.reason.find(reason), std::string::npos) << verdict.reason;
}

TEST_F(Verify, a_leaf_of_the_anchor_is_trusted_and_its_key_is_given) {
  const auto verdict = verify({issue()});
  EXPECT_TRUE(verdict.trusted) << verdict.reason;
  EXPECT_TRUE(verdict.reason.empty());
  ASSERT_NE(verdict.leaf, nullptr);
  EXPECT_TRUE(
      crypto::fits(verdict.key.get(), crypto::SignatureScheme::kEcdsaSecp256r1Sha256, true));
}

TEST_F(Verify, a_chain_over_an_intermediate_is_trusted_only_with_it) {
  const Authority intermediate("intermediate", authority_);
  const auto leaf = der_of(intermediate.issue().cert);
  EXPECT_TRUE(verify({leaf, der_of(intermediate.certificate())}).trusted);
  expect_refused(verify({leaf}), 48, "not issued by any certificate authority trusted here");
}

TEST_F(Verify, a_stranger_is_unknown_ca) {
  const Authority stranger("stranger");
  const auto verdict = verify({der_of(stranger.issue().cert), der_of(stranger.certificate())});
  expect_refused(verdict, 48, "not issued by any certificate authority trusted here");
  EXPECT_NE(verdict.leaf, nullptr);
  EXPECT_NE(verdict.key, nullptr);
}

TEST_F(Verify, a_certificate_that_was_seen_before_is_judged_anew) {
  const auto leaf = issue();
  ASSERT_TRUE(verify({leaf}).trusted);
  expect_refused(verify({leaf}, PeerRole::kServer, "elsewhere"), 42, "elsewhere");
  const Authority stranger("stranger");
  const auto others = load_trust(stranger.certificate(), false);
  const std::vector<crypto::Bytes> chain{leaf};
  expect_refused(verify_chain(chain, others->get(), PeerRole::kServer, "localhost"), 48,
                 "not issued by any certificate authority trusted here");
  EXPECT_TRUE(verify({leaf}).trusted);
}

TEST_F(Verify, more_certificates_than_are_remembered_are_never_taken_for_another) {
  std::vector<Der> leaves;
  std::vector<crypto::OwnedKey> keys;
  for (int i = 0; i < 80; ++i)
    leaves.push_back(issue());
  for (const auto& leaf : leaves)
    keys.push_back(verify({leaf}).key);
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const auto again = verify({leaves[i]});
    ASSERT_TRUE(again.trusted) << again.reason;
    Der encoded(static_cast<std::size_t>(i2d_X509(again.leaf.get(), nullptr)));
    auto* at = reinterpret_cast<unsigned char*>(encoded.data());
    i2d_X509(again.leaf.get(), &at);
    EXPECT_EQ(encoded, leaves[i]);
    EXPECT_EQ(EVP_PKEY_eq(again.key.get(), keys[i].get()), 1);
  }
}

TEST_F(Verify, a_key_below_112_bits_is_not_trusted) {
  EXPECT_TRUE(verify({issue({.kind = test::KeyKind::kRsa2048})}).trusted);
  EXPECT_FALSE(verify({issue({.kind = test::KeyKind::kRsa1024})}).trusted);
}

TEST_F(Verify, dates_are_checked) {
  expect_refused(verify({issue({.valid_from_s = -200, .valid_until_s = -100})}), 45, "expired on");
  expect_refused(verify({issue({.valid_from_s = 100})}), 42, "not valid before");
}

TEST_F(Verify, names_and_addresses_are_checked_where_asked_for) {
  const auto leaf = issue({.alt_names = "DNS:*.example.org,IP:192.0.2.1,IP:2001:db8::1"});
  for (const auto* const name : {"a.example.org", "192.0.2.1", "2001:db8::1", ""})
    EXPECT_TRUE(verify({leaf}, PeerRole::kServer, name).trusted) << name;
  for (const auto* const name : {"localhost", "example.org", "a.b.example.org", "192.0.2.2"})
    expect_refused(verify({leaf}, PeerRole::kServer, name), 42, name);
}

TEST_F(Verify, a_wildcard_within_a_label_is_none) {
  const auto leaf = issue({.alt_names = "DNS:a*.example.org"});
  expect_refused(verify({leaf}, PeerRole::kServer, "ab.example.org"), 42, "ab.example.org");
}

TEST_F(Verify, the_purpose_is_checked) {
  const auto for_clients = issue({.extended_key_usage = "clientAuth"});
  const auto for_servers = issue({.extended_key_usage = "serverAuth"});
  EXPECT_TRUE(verify({for_clients}, PeerRole::kClient, "").trusted);
  EXPECT_TRUE(verify({for_servers}, PeerRole::kServer).trusted);
  expect_refused(verify({for_clients}, PeerRole::kServer), 43, "purpose");
  expect_refused(verify({for_servers}, PeerRole::kClient, ""), 43, "purpose");
}

// RFC 5246 §7.4.2, RFC 8446 §4.4.2.2.
TEST_F(Verify, a_key_usage_without_digital_signature_is_refused) {
  EXPECT_TRUE(verify({issue({.key_usage = "digitalSignature"})}).trusted);
  const auto verdict = verify({issue({.key_usage = "keyAgreement"})});
  expect_refused(verdict, 43, "keyUsage");
  EXPECT_EQ(verdict.key, nullptr);
}

TEST_F(Verify, an_empty_chain_is_no_certificate) {
  const auto verdict = verify({});
  expect_refused(verdict, 116, "no certificate");
  EXPECT_EQ(verdict.leaf, nullptr);
}

TEST_F(Verify, what_is_no_certificate_is_malformed) {
  auto leaf = issue();
  expect_refused(verify({Der()}), 42, "malformed");
  expect_refused(verify({Der(100, std::byte{0x30})}), 42, "malformed");
  expect_refused(verify({leaf, Der(3)}), 42, "chain is malformed");
  auto longer = leaf;
  longer.push_back(std::byte{0});
  expect_refused(verify({longer}), 42, "malformed");
  for (std::size_t size = 0; size < leaf.size(); size += 7) {
    const Der cut(leaf.begin(), leaf.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(verify({cut}).trusted);
  }
}

TEST_F(Verify, a_changed_signature_is_refused) {
  auto leaf = issue();
  leaf.back() ^= std::byte{1};
  EXPECT_FALSE(verify({leaf}).trusted);
}

TEST_F(Verify, a_chain_beyond_the_bounds_is_not_even_parsed) {
  const std::vector<Der> many(kMaxChainLength + 1, issue());
  expect_refused(verify(many), 42, "more than 16");
  EXPECT_EQ(verify(many).leaf, nullptr);
  expect_refused(verify({issue(), Der(kMaxChainBytes)}), 42, "64 KiB");
  const std::vector<Der> most(kMaxChainLength, issue());
  EXPECT_TRUE(verify(most).trusted);
}

TEST(AlertFor, says_what_libssl_says) {
  EXPECT_EQ(alert_for(X509_V_ERR_CERT_REVOKED), 44);
  EXPECT_EQ(alert_for(X509_V_ERR_EE_KEY_TOO_SMALL), 42);
  EXPECT_EQ(alert_for(X509_V_ERR_CERT_SIGNATURE_FAILURE), 51);
  EXPECT_EQ(alert_for(X509_V_ERR_OUT_OF_MEM), 80);
  EXPECT_EQ(alert_for(X509_V_ERR_SUBTREE_MINMAX), 46);
}

}  // namespace
}  // namespace dtls::credentials
