#include "harness/scene.hpp"

#include <openssl/x509.h>

#include <array>

#include "credentials/verify.hpp"
#include "handshake/suites.hpp"
#include "handshake/tickets.hpp"
#include "harness/seeded_random.hpp"

namespace dtls::fuzz {
namespace {

using handshake::Settings;
using wire::CipherSuite;

constexpr std::string_view kPskIdentity = "device 7";
constexpr std::uint64_t kSeedOfTickets = 3;

std::vector<CipherSuite> suites_of(Scene::Suites suites, bool has_psk) {
  std::vector<CipherSuite> list;
  switch (suites) {
    case Scene::Suites::kDefault: {
      const auto defaults = handshake::default_suites();
      list.assign(defaults.begin(), defaults.end());
      if (!has_psk) return list;
      const auto psks = handshake::psk_suites();
      list.insert(list.end(), psks.begin(), psks.end());
      return list;
    }
    case Scene::Suites::kAes256:
      return {CipherSuite::kAes256GcmSha384, CipherSuite::kEcdheEcdsaAes256GcmSha384,
              CipherSuite::kPskAes128GcmSha256};
    case Scene::Suites::kChaCha20:
      return {CipherSuite::kChaCha20Poly1305Sha256, CipherSuite::kEcdheEcdsaChaCha20Poly1305Sha256,
              CipherSuite::kPskChaCha20Poly1305Sha256};
    case Scene::Suites::kCcm8:
      break;
  }
  return {CipherSuite::kAes128Ccm8Sha256, CipherSuite::kEcdheEcdsaAes128Ccm8,
          CipherSuite::kPskAes128Ccm8};
}

// The same for both sides of a scene, so that the client has a ticket that the server knows without
// a handshake before.
struct Earlier {
  std::shared_ptr<handshake::TicketKeys> keys;
  handshake::Ticket ticket;
};

Earlier earlier_session(const Scene& scene) {
  RandomStream stream(kSeedOfTickets);
  const UseRandom use(stream);
  Earlier earlier;
  earlier.keys = std::make_shared<handshake::TicketKeys>(Duration(3600'000));
  const bool is_12 = scene.versions == 1;
  handshake::SessionState& state = earlier.ticket.state;
  state.version = is_12 ? wire::kDtls12 : wire::kDtls13;
  for (const CipherSuite each : suites_of(scene.suites, false)) {
    if (handshake::find_suite(each)->version != state.version) continue;
    state.suite = each;
    break;
  }
  const auto hash = handshake::find_suite(state.suite)->hash;
  state.secret = crypto::Secret(is_12 ? 48 : crypto::digest_size(hash));
  state.issued = kBeginning - Duration(60'000);
  state.lifetime_s = 7200;
  if (scene.has_extras) state.server_name = "localhost";
  if (auto sealed = earlier.keys->seal(state, state.issued)) {
    earlier.ticket.ticket = std::move(*sealed);
  }
  return earlier;
}

unsigned bits(std::byte byte, unsigned at, unsigned count) {
  return std::to_integer<unsigned>(byte) >> at & ((1U << count) - 1);
}

}  // namespace

Scene Scene::read(const std::array<std::byte, Input::kSceneSize>& bytes) {
  Scene scene;
  scene.versions = static_cast<std::uint8_t>(bits(bytes[0], 0, 2));
  scene.credentials = static_cast<Credentials>(bits(bytes[0], 2, 2));
  scene.client_auth = static_cast<ClientAuth>(bits(bytes[0], 4, 2));
  scene.renegotiates = bits(bytes[0], 6, 1) != 0;
  scene.resumes = bits(bytes[0], 7, 1) != 0;
  scene.retries = bits(bytes[1], 0, 1) != 0;
  scene.is_proven = bits(bytes[1], 1, 1) != 0;
  scene.is_narrow = bits(bytes[1], 2, 1) != 0;
  scene.has_extras = bits(bytes[1], 3, 1) != 0;
  scene.limits_records = bits(bytes[1], 4, 1) != 0;
  scene.suites = static_cast<Suites>(bits(bytes[1], 5, 2));
  scene.has_no_tickets = bits(bytes[1], 7, 1) != 0;
  scene.psk_alone = bits(bytes[2], 0, 1) != 0;
  return scene;
}

std::array<std::byte, Input::kSceneSize> Scene::write() const {
  const auto put = [](auto value, unsigned at) { return static_cast<unsigned>(value) << at; };
  const unsigned first =
      versions | put(credentials, 2) | put(client_auth, 4) | put(renegotiates, 6) | put(resumes, 7);
  const unsigned second = put(retries, 0) | put(is_proven, 1) | put(is_narrow, 2) |
                          put(has_extras, 3) | put(limits_records, 4) | put(suites, 5) |
                          put(has_no_tickets, 7);
  return {static_cast<std::byte>(first), static_cast<std::byte>(second),
          static_cast<std::byte>(put(psk_alone, 0))};
}

Settings Scene::settings(Role role) const {
  using crypto::Group;
  using crypto::SignatureScheme;
  Settings settings;
  settings.is_server = role == Role::kServer;
  if (versions == 1) settings.max_version = wire::kDtls12;
  if (versions == 2) settings.min_version = wire::kDtls13;
  settings.suites = suites_of(suites, has_psk());
  settings.groups = {Group::kX25519, Group::kP256, Group::kP384};
  if (retries && settings.is_server) settings.groups = {Group::kP256};
  settings.schemes = {SignatureScheme::kEcdsaSecp256r1Sha256, SignatureScheme::kEd25519,
                      SignatureScheme::kEcdsaSecp384r1Sha384, SignatureScheme::kRsaPssRsaeSha256,
                      SignatureScheme::kRsaPkcs1Sha256};
  if (has_extras) {
    settings.alpn = {"coap", "x"};
    settings.srtp_profiles = {0x0007, 0x0001};
  }
  if (limits_records) settings.record_size_limit = 512;
  settings.renegotiate = renegotiates;
  settings.tickets = !has_no_tickets;
  settings.psk_only = psk_alone;
  settings.offers_psk = has_psk();
  if (settings.is_server) settings.ticket_keys = earlier_session(*this).keys;
  if (is_narrow) settings.channel.mtu = 296;
  return settings;
}

handshake::Presented Decider::present(std::string_view server_name) {
  handshake::Presented presented;
  if (!scene_.has_psk()) {
    presented.identity = identity(
        scene_.credentials == Scene::Credentials::kP256 ? KeyKind::kP256 : KeyKind::kEd25519);
  }
  presented.named = server_name == "localhost";
  presented.asks_client = scene_.client_auth != Scene::ClientAuth::kNone;
  presented.requires_client = scene_.client_auth == Scene::ClientAuth::kRequired;
  return presented;
}

std::shared_ptr<const handshake::Identity> Decider::client_identity() {
  const bool shows = scene_.client_auth == Scene::ClientAuth::kShown ||
                     scene_.client_auth == Scene::ClientAuth::kRequired;
  return shows ? identity(KeyKind::kP256) : nullptr;
}

handshake::Verdict Decider::verify(std::span<const handshake::Bytes> chain) {
  // Nobody is trusted by an empty store; the key is there all the same.
  static X509_STORE* const kNobody = X509_STORE_new();
  const bool must = role_ == Role::kClient || scene_.client_auth == Scene::ClientAuth::kRequired;
  handshake::Verdict verdict;
  verdict.goes_on = !chain.empty() || !must;
  verdict.authorized = !chain.empty();
  verdict.alert = wire::AlertDescription::kUnknownCa;
  verdict.reason = "sent no certificate";
  if (!chain.empty()) {
    verdict.key = credentials::verify_chain(chain, kNobody, credentials::PeerRole::kServer, "").key;
  }
  return verdict;
}

void Decider::accept_resumed(const handshake::SessionState& /*state*/) {}

handshake::PreSharedKey Decider::key() {
  static constexpr std::string_view kKey = "sixteen secrets!";
  return {std::string(kPskIdentity), handshake::PskSecret(std::as_bytes(std::span(kKey)))};
}

handshake::PskAnswer Decider::psk(std::string_view identity) {
  if (!scene_.has_psk()) return handshake::NoSuchPsk{};
  if (role_ == Role::kClient) return key();
  if (scene_.credentials == Scene::Credentials::kLatePsk) return handshake::PskPending{};
  if (identity != kPskIdentity) return handshake::NoSuchPsk{};
  return key();
}

std::string Decider::server_name() {
  return scene_.has_extras ? "localhost" : "";
}

std::optional<handshake::Ticket> Decider::ticket() {
  if (!scene_.resumes) return std::nullopt;
  return earlier_session(scene_).ticket;
}

}  // namespace dtls::fuzz
