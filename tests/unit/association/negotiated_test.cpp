// What sessions tell about the association that was agreed upon.
#include <gtest/gtest.h>

#include "support/certificates.hpp"
#include "support/virtual_pair.hpp"

namespace dtls::test {
namespace {

class NegotiatedOf : public testing::TestWithParam<ProtocolVersion> {
 protected:
  NegotiatedOf() {
    server_.identity = authority_.issue();
    client_.ca = authority_.certificate();
    client_.server_name = "localhost";
    client_.versions = {GetParam(), GetParam()};
  }

  Authority authority_;
  ServerConfig server_;
  ClientConfig client_;
};
INSTANTIATE_TEST_SUITE_P(Versions, NegotiatedOf,
                         testing::Values(ProtocolVersion::kDtls12, ProtocolVersion::kDtls13),
                         [](const auto& tested) {
                           return tested.param == ProtocolVersion::kDtls12 ? "Dtls12" : "Dtls13";
                         });

TEST_P(NegotiatedOf, both_sides_tell_the_same) {
  VirtualPair pair(server_, client_);
  EXPECT_FALSE(pair.client().session->negotiated());
  ASSERT_TRUE(pair.connect());
  for (auto* side : {&pair.client(), &pair.server()}) {
    const auto agreed = side->session->negotiated();
    ASSERT_TRUE(agreed);
    EXPECT_EQ(agreed->version, GetParam());
    EXPECT_EQ(agreed->cipher_suite, GetParam() == ProtocolVersion::kDtls12
                                        ? "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
                                        : "TLS_AES_128_GCM_SHA256");
    EXPECT_EQ(agreed->group, has_large_keys(GetParam()) ? "X25519MLKEM768" : "x25519");
    EXPECT_FALSE(agreed->resumed);
    EXPECT_EQ(agreed->max_message, kMaxMessage);
  }
}

TEST_P(NegotiatedOf, it_is_still_told_after_the_end) {
  VirtualPair pair(server_, client_);
  ASSERT_TRUE(pair.connect());
  pair.client().session->close();
  pair.settle([&] { return pair.server().closed; });
  EXPECT_TRUE(pair.client().session->negotiated());
  EXPECT_TRUE(pair.server().session->negotiated());
}

TEST_P(NegotiatedOf, nothing_is_told_of_a_handshake_that_failed) {
  client_.server_name = "other.example";
  VirtualPair pair(server_, client_);
  pair.connect();
  EXPECT_TRUE(pair.client().failure);
  EXPECT_FALSE(pair.client().session->negotiated());
}

}  // namespace
}  // namespace dtls::test
