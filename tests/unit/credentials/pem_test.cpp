#include "credentials/pem.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include "credentials/trust.hpp"
#include "support/certificates.hpp"

namespace dtls::test {
namespace {

using credentials::load_identity;

class Identity : public testing::Test {
 protected:
  // The error of an identity that must not load; every one names the option at fault.
  static std::string refusal(const IdentityConfig& config) {
    auto loaded = load_identity(config);
    if (loaded) return "it was accepted";
    EXPECT_EQ(loaded.error().sys_errno, EINVAL);
    EXPECT_EQ(loaded.error().kind, ErrorKind::kMisuse);
    return loaded.error().message;
  }
  static bool says(const std::string& message, const std::string& part) {
    return message.find(part) != std::string::npos;
  }

  Authority authority_;
  IdentityConfig good_ = authority_.issue();
};

TEST_F(Identity, a_certificate_with_its_key_is_accepted) {
  EXPECT_TRUE(load_identity(good_));
}

TEST_F(Identity, a_key_inside_the_certificate_text_counts) {
  EXPECT_TRUE(load_identity({good_.cert + good_.key, "", ""}));
  EXPECT_TRUE(load_identity({good_.key + good_.cert, "", ""}));
}

TEST_F(Identity, a_chain_keeps_its_order) {
  auto loaded = load_identity({good_.cert + authority_.certificate(), good_.key, ""});
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->chain.size(), 2U);
}

TEST_F(Identity, a_missing_certificate_is_named) {
  EXPECT_TRUE(says(refusal({"", good_.key, ""}), "option `cert`"));
}

TEST_F(Identity, a_missing_key_is_named) {
  EXPECT_TRUE(says(refusal({good_.cert, "", ""}), "option `key`"));
}

TEST_F(Identity, rubbish_is_refused_whichever_option_it_is_in) {
  EXPECT_TRUE(says(refusal({"rubbish", good_.key, ""}), "option `cert`"));
  EXPECT_TRUE(says(refusal({good_.cert, "rubbish", ""}), "option `key`"));
  auto cut = good_.cert;
  cut.erase(cut.size() / 2, 40);
  EXPECT_TRUE(says(refusal({cut, good_.key, ""}), "option `cert`"));
}

TEST_F(Identity, a_key_of_another_certificate_is_refused) {
  const auto other = authority_.issue();
  EXPECT_TRUE(says(refusal({good_.cert, other.key, ""}), "does not belong"));
}

TEST_F(Identity, an_encrypted_key_needs_its_password) {
  const auto encrypted = encrypt_key(good_.key, "correct horse");
  EXPECT_TRUE(load_identity({good_.cert, encrypted, "correct horse"}));
  EXPECT_TRUE(says(refusal({good_.cert, encrypted, ""}), "`passwd`"));
  const auto wrong = refusal({good_.cert, encrypted, "battery staple"});
  EXPECT_TRUE(says(wrong, "`passwd`"));
  EXPECT_FALSE(says(wrong, "battery")) << "a secret in an error";
}

TEST_F(Identity, a_trust_store_takes_several_authorities_and_refuses_rubbish) {
  EXPECT_TRUE(
      credentials::load_trust(authority_.certificate() + Authority("b").certificate(), false));
  const auto refused = credentials::load_trust("rubbish", false);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(says(refused.error().message, "option `ca`"));
}

}  // namespace
}  // namespace dtls::test
