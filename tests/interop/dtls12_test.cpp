// DTLS 1.2 with OpenSSL, GnuTLS, mbedTLS and wolfSSL, both ways.
#include "interop/interop_test.hpp"

namespace dtls::interop {
namespace {

using test::KeyKind;
using enum Library;

const std::vector kEverybody{kOpenssl, kGnutls, kMbedtls, kWolfssl, kNewWolfssl, kNss};

class Dtls12 : public Interop {
 protected:
  void expect_verified(bool mutual) {
    const bool we_serve = !GetParam().peer_is_server;
    if (!we_serve || mutual) {
      EXPECT_TRUE(ours_->has_verified()) << story();
    }
    if (we_serve || mutual) {
      EXPECT_TRUE(until([&] { return peer_->has_verified(); })) << story();
    }
  }
};

TEST_P(Dtls12, the_server_shows_an_ecdsa_certificate) {
  use_certificates(KeyKind::kP256);
  ASSERT_NO_FATAL_FAILURE(meet());
  talk();
  expect_verified(false);
}

TEST_P(Dtls12, the_server_shows_an_rsa_certificate) {
  use_certificates(KeyKind::kRsa2048);
  ASSERT_NO_FATAL_FAILURE(meet());
  talk();
  expect_verified(false);
}

TEST_P(Dtls12, both_show_certificates) {
  use_certificates(KeyKind::kP256, true);
  ASSERT_NO_FATAL_FAILURE(meet());
  talk();
  expect_verified(true);
}

INSTANTIATE_TEST_SUITE_P(With, Dtls12, testing::ValuesIn(pairings_of(kEverybody, false)), name_of);

}  // namespace
}  // namespace dtls::interop
