// DTLS 1.2 with OpenSSL, GnuTLS, mbedTLS, wolfSSL and NSS, both ways.
#include "interop/interop_test.hpp"

namespace dtls::interop {
namespace {

using test::KeyKind;
using enum Library;

const std::vector kPeersOf12{kOpenssl, kGnutls, kMbedtls, kWolfssl, kNewWolfssl, kNss};

class Dtls12 : public Interop {};

TEST_P(Dtls12, the_server_shows_an_ecdsa_certificate) {
  use_certificates(KeyKind::kP256);
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified();
}

TEST_P(Dtls12, the_server_shows_an_rsa_certificate) {
  use_certificates(KeyKind::kRsa2048);
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified();
}

TEST_P(Dtls12, both_show_certificates) {
  use_certificates(KeyKind::kP256, true);
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified(true);
}

TEST_P(Dtls12, a_peer_whose_certificate_nobody_knows_is_refused) {
  use_certificates(KeyKind::kP256, true);
  distrust(Whom::kPeer);
  expect_refusal_by_us();
}

TEST_P(Dtls12, a_session_is_resumed_with_its_ticket) {
  use_certificates();
  ASSERT_NO_FATAL_FAILURE(resume());
  if (IsSkipped()) return;
  if (!GetParam().peer_is_server) {
    EXPECT_TRUE(until([&] { return peer_->has_resumed(); })) << story();
  }
}

TEST_P(Dtls12, a_handshake_in_small_datagrams) {
  use_long_certificates();
  ASSERT_NO_FATAL_FAILURE(meet_in_small_datagrams());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified(true);
}

TEST_P(Dtls12, a_handshake_completes_whichever_datagram_is_lost) {
  use_certificates(KeyKind::kP256, true);
  meet_with_each_loss();
}

INSTANTIATE_TEST_SUITE_P(With, Dtls12, testing::ValuesIn(pairings_of(kPeersOf12, false)), name_of);

class Dtls12Refusal : public Interop {};

TEST_P(Dtls12Refusal, we_are_refused_with_a_certificate_that_nobody_knows) {
  use_certificates(KeyKind::kP256, true);
  distrust(Whom::kUs);
  expect_refusal_by_peer();
}

// gnutls-serv 3.7.9 takes any client certificate over UDP: its udp-serv.c never asks for the
// verification's outcome. `gnutls-cli --udp` with a certificate of another authority gets in too.
std::vector<Pairing> refusing() {
  auto pairings = pairings_of(kPeersOf12, false);
  std::erase_if(pairings,
                [](const auto& each) { return each.library == kGnutls && each.peer_is_server; });
  return pairings;
}

INSTANTIATE_TEST_SUITE_P(With, Dtls12Refusal, testing::ValuesIn(refusing()), name_of);

// mbedTLS 2.28 has no Ed25519. A server of OpenSSL 3.0 shows such a certificate in TLS 1.2 only
// (its ssl_set_masks asks for that very version): its own s_client gets handshake_failure too.
class Dtls12Ed25519 : public Interop {};

TEST_P(Dtls12Ed25519, both_show_ed25519_certificates) {
  use_certificates(KeyKind::kEd25519, true);
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  expect_verified(true);
}

std::vector<Pairing> with_ed25519() {
  auto pairings = pairings_of({kOpenssl, kGnutls, kWolfssl, kNewWolfssl}, false);
  std::erase_if(pairings,
                [](const auto& each) { return each.library == kOpenssl && each.peer_is_server; });
  return pairings;
}

INSTANTIATE_TEST_SUITE_P(With, Dtls12Ed25519, testing::ValuesIn(with_ed25519()), name_of);

class Dtls12Psk : public Interop {};

TEST_P(Dtls12Psk, a_pre_shared_key_alone) {
  use_psk(false);
  ASSERT_NO_FATAL_FAILURE(meet());
  EXPECT_TRUE(ours_->negotiated().with_psk);
  EXPECT_EQ(static_cast<int>(ours_->negotiated().group), 0);
  talk();
}

TEST_P(Dtls12Psk, a_pre_shared_key_with_ephemeral_keys) {
  use_psk(true);
  ASSERT_NO_FATAL_FAILURE(meet());
  EXPECT_TRUE(ours_->negotiated().with_psk);
  EXPECT_NE(static_cast<int>(ours_->negotiated().group), 0);
  // gnutls-cli 3.7.9 shakes hands, and crashes when it wants to describe the session: with
  // gnutls-serv as well.
  if (GetParam().library != kGnutls || GetParam().peer_is_server) talk();
}

INSTANTIATE_TEST_SUITE_P(With, Dtls12Psk,
                         testing::ValuesIn(pairings_of({kOpenssl, kGnutls, kMbedtls}, false)),
                         name_of);

// A client takes the identity that it is told.
class Dtls12PskOfClients : public Interop {};

TEST_P(Dtls12PskOfClients, a_client_with_an_unknown_identity_is_refused) {
  use_psk(true);
  our_wishes_.psk->identity = "device 8";
  ASSERT_NO_FATAL_FAILURE(begin());
  ASSERT_TRUE(until([&] { return ours_->failure().has_value(); })) << story();
  EXPECT_EQ(ours_->failure()->kind, ErrorKind::kUntrusted) << story();
  EXPECT_TRUE(until([&] { return peer_->program().has_ended(); })) << story();
}

std::vector<Pairing> with_psk_clients() {
  auto pairings = pairings_of({kOpenssl, kGnutls, kMbedtls}, false);
  std::erase_if(pairings, [](const auto& each) { return each.peer_is_server; });
  return pairings;
}

INSTANTIATE_TEST_SUITE_P(With, Dtls12PskOfClients, testing::ValuesIn(with_psk_clients()), name_of);

// gnutls-serv does not tell.
class Dtls12Exporter : public Interop {};

TEST_P(Dtls12Exporter, both_export_the_same_keying_material) {
  use_certificates();
  ASSERT_NO_FATAL_FAILURE(meet());
  ASSERT_NO_FATAL_FAILURE(talk());
  ASSERT_TRUE(until([&] { return !peer_->exported().empty(); })) << story();
  EXPECT_EQ(peer_->exported(), ours_->exported(kExportLabel, kExportSize));
}

std::vector<Pairing> exporting() {
  auto pairings = pairings_of(kPeersOf12, false);
  std::erase_if(pairings,
                [](const auto& each) { return each.library == kGnutls && each.peer_is_server; });
  return pairings;
}

INSTANTIATE_TEST_SUITE_P(With, Dtls12Exporter, testing::ValuesIn(exporting()), name_of);

}  // namespace
}  // namespace dtls::interop
