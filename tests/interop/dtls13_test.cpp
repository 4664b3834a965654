// DTLS 1.3 with wolfSSL (of a newer Debian) and NSS, both ways.
#include "interop/interop_test.hpp"

namespace dtls::interop {
namespace {

using test::KeyKind;
using enum Library;

const std::vector kPeersOf13{kNewWolfssl, kNewNss};

class Dtls13 : public Interop {};

TEST_P(Dtls13, the_server_shows_an_ecdsa_certificate) {
  use_certificates();
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified();
  ASSERT_TRUE(until([&] { return !peer_->exported().empty(); })) << story();
  EXPECT_EQ(peer_->exported(), ours_->exported(kExportLabel, kExportSize));
}

TEST_P(Dtls13, both_show_rsa_certificates) {
  use_certificates(KeyKind::kRsa2048, true);
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified(true);
}

TEST_P(Dtls13, both_show_certificates) {
  use_certificates(KeyKind::kP256, true);
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified(true);
}

TEST_P(Dtls13, a_peer_whose_certificate_nobody_knows_is_refused) {
  use_certificates(KeyKind::kP256, true);
  distrust(Whom::kPeer);
  expect_refusal_by_us();
}

TEST_P(Dtls13, we_are_refused_with_a_certificate_that_nobody_knows) {
  use_certificates(KeyKind::kP256, true);
  distrust(Whom::kUs);
  // A client has sent its last flight by then, and is established until the alert comes.
  expect_refusal_by_peer();
}

// The client's share is of a group that the server does not have, and it knows one that it has.
TEST_P(Dtls13, a_hello_retry_request_asks_for_another_group) {
  use_certificates();
  if (GetParam().peer_is_server) {
    our_wishes_.settings.groups = {crypto::Group::kX25519, crypto::Group::kP384};
    peer_wishes_.groups = "P-384";
  } else {
    our_wishes_.settings.groups = {crypto::Group::kP384};
    peer_wishes_.groups = "P-256:P-384";
  }
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified();
  EXPECT_TRUE(ours_->negotiated().retried);
  EXPECT_EQ(ours_->negotiated().group, wire::NamedGroup::kSecp384r1);
}

TEST_P(Dtls13, a_session_is_resumed_with_its_ticket) {
  use_certificates();
  ASSERT_NO_FATAL_FAILURE(resume());
  if (IsSkipped()) return;
  EXPECT_TRUE(until([&] { return peer_->has_resumed(); })) << story();
}

// RFC 8446 §4.2.9: psk_ke. wolfSSL's server takes it, and its client offers it beside psk_dhe_ke.
TEST_P(Dtls13, a_session_is_resumed_without_a_key_agreement) {
  if (GetParam().library == kNewNss) GTEST_SKIP() << "NSS knows psk_dhe_ke only";
  our_wishes_.settings.psk_only = true;
  our_wishes_.settings.psk_with_dhe = false;
  use_certificates();
  ASSERT_NO_FATAL_FAILURE(resume());
  if (IsSkipped()) return;
  EXPECT_EQ(ours_->negotiated().group, wire::NamedGroup{}) << story();
  EXPECT_TRUE(until([&] { return peer_->has_resumed(); })) << story();
}

TEST_P(Dtls13, we_update_our_keys_and_have_the_peer_update_its_own) {
  use_certificates();
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  const auto read = ours_->engine().channel().read_epoch();
  const auto write = ours_->engine().channel().write_epoch();
  ours_->update_keys(true);
  ASSERT_TRUE(until([&] {
    return ours_->engine().channel().write_epoch() == write + 1 &&
           ours_->engine().channel().read_epoch() == read + 1;
  })) << story();
  ASSERT_NO_FATAL_FAILURE(talk("question under new keys", "answer under new keys"));
}

TEST_P(Dtls13, the_peer_updates_its_keys) {
  use_certificates();
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  const auto read = ours_->engine().channel().read_epoch();
  if (peer_->echoes()) {
    ours_->send("update");
  } else {
    peer_->send("update");
  }
  ASSERT_TRUE(until([&] { return ours_->engine().channel().read_epoch() == read + 1; })) << story();
  ASSERT_NO_FATAL_FAILURE(talk("question under new keys", "answer under new keys"));
}

TEST_P(Dtls13, a_handshake_in_small_datagrams) {
  use_long_certificates();
  ASSERT_NO_FATAL_FAILURE(meet_in_small_datagrams());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified(true);
}

TEST_P(Dtls13, a_handshake_completes_whichever_datagram_is_lost) {
  use_certificates(KeyKind::kP256, true);
  meet_with_each_loss();
}

INSTANTIATE_TEST_SUITE_P(With, Dtls13, testing::ValuesIn(pairings_of(kPeersOf13, true)), name_of);

// NSS has no Ed25519 certificates.
class Dtls13Ed25519 : public Interop {};

TEST_P(Dtls13Ed25519, both_show_ed25519_certificates) {
  use_certificates(KeyKind::kEd25519, true);
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified(true);
}

INSTANTIATE_TEST_SUITE_P(With, Dtls13Ed25519, testing::ValuesIn(pairings_of({kNewWolfssl}, true)),
                         name_of);

}  // namespace
}  // namespace dtls::interop
