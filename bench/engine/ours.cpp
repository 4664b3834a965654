// Our engine behind the cookie gate, as an endpoint drives it.
#include <openssl/crypto.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <optional>
#include <utility>
#include <variant>

#include "association/engine.hpp"
#include "credentials/pem.hpp"
#include "credentials/trust.hpp"
#include "credentials/verify.hpp"
#include "endpoint/cookie_gate.hpp"
#include "engine/candidate.hpp"
#include "handshake/tickets.hpp"

namespace dtls::bench {
namespace {

// The engine reads no clock, so neither do we.
constexpr TimePoint kNow{std::chrono::hours(1)};

template <typename T>
T must(Result<T> result, const char* what) {
  require(static_cast<bool>(result), what);
  return std::move(*result);
}

handshake::Ticket copy_of(const handshake::Ticket& ticket) {
  const auto& state = ticket.state;
  return {ticket.ticket,
          {.version = state.version,
           .suite = state.suite,
           .secret = state.secret.copy(),
           .issued = state.issued,
           .lifetime_s = state.lifetime_s,
           .age_add = state.age_add,
           .server_name = state.server_name,
           .alpn = state.alpn,
           .peer_leaf = state.peer_leaf,
           .peer_authorized = state.peer_authorized,
           .binding = state.binding}};
}

// Decisions of every association of one side; all of them decide alike.
class Policy final : public handshake::Decisions {
 public:
  std::shared_ptr<const handshake::Identity> identity;  // server
  crypto::OwnedStore anchors;                           // client
  std::optional<handshake::Ticket> session;             // client
  bool resumes = false;

  handshake::Presented present(std::string_view /*server_name*/) override {
    handshake::Presented presented;
    presented.identity = identity;
    return presented;
  }
  std::shared_ptr<const handshake::Identity> client_identity() override { return nullptr; }
  handshake::Verdict verify(std::span<const handshake::Bytes> chain) override {
    auto verdict = credentials::verify_chain(chain, anchors.get(), credentials::PeerRole::kServer,
                                             kServerName);
    return {.goes_on = verdict.trusted,
            .authorized = verdict.trusted,
            .alert = static_cast<wire::AlertDescription>(verdict.alert),
            .reason = std::move(verdict.reason),
            .key = std::move(verdict.key)};
  }
  void accept_resumed(const handshake::SessionState& /*state*/) override {}
  handshake::PskAnswer psk(std::string_view /*identity*/) override {
    return handshake::NoSuchPsk{};
  }
  std::string server_name() override { return kServerName; }
  std::optional<handshake::Ticket> ticket() override {
    if (!resumes || !session) return std::nullopt;
    return copy_of(*session);
  }
  [[nodiscard]] bool is_logged() const override { return false; }
  void log_secret(std::string_view /*label*/, handshake::Bytes /*client_random*/,
                  handshake::Bytes /*secret*/) override {}
};

std::shared_ptr<const handshake::Identity> load_identity(const Material& material) {
  auto loaded = must(credentials::load_identity({material.leaf_pem, material.key_pem, ""}),
                     "ours: the identity");
  auto identity = std::make_shared<handshake::Identity>();
  for (const auto& certificate : loaded.chain) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    require(size > 0, "ours: i2d_X509");
    const auto bytes = std::as_bytes(std::span(der, static_cast<std::size_t>(size)));
    identity->chain.emplace_back(bytes.begin(), bytes.end());
    OPENSSL_free(der);
  }
  identity->key = std::shared_ptr<EVP_PKEY>(loaded.key.release(), EVP_PKEY_free);
  return identity;
}

std::shared_ptr<const handshake::Settings> make_settings(bool is_server, Version version) {
  auto settings = std::make_shared<handshake::Settings>();
  settings->is_server = is_server;
  const bool is_13 = version == Version::kDtls13;
  settings->min_version = is_13 ? wire::kDtls13 : wire::kDtls12;
  settings->max_version = settings->min_version;
  settings->suites = {is_13 ? wire::CipherSuite::kAes128GcmSha256
                            : wire::CipherSuite::kEcdheEcdsaAes128GcmSha256};
  settings->groups = {crypto::Group::kX25519};
  settings->schemes = {crypto::SignatureScheme::kEcdsaSecp256r1Sha256};
  settings->channel.mtu = kMtu;
  if (is_server) {
    settings->ticket_keys = std::make_shared<handshake::TicketKeys>(std::chrono::hours(1));
  }
  return settings;
}

class OurEnd final : public End {
 public:
  OurEnd(std::shared_ptr<const handshake::Settings> settings, Policy& policy,
         endpoint::CookieGate* gate, Wire& in, Wire& out)
      : settings_(std::move(settings)), policy_(&policy), gate_(gate), in_(&in), out_(&out) {}

  void handshake() override {
    if (!engine_ && !settings_->is_server) {
      engine_.emplace(settings_, *policy_);
      engine_->start(now_);
      drain();
    }
    while (!in_->empty()) {
      const auto datagram = in_->pop();
      if (!engine_ && !admit(datagram)) continue;
      engine_->receive(datagram, now_);
      drain();
    }
  }
  [[nodiscard]] bool is_established() const override {
    return engine_ && engine_->is_established();
  }
  [[nodiscard]] bool is_resumed() const override { return engine_->negotiated().resumed; }

  void send(std::span<const std::byte> message) override {
    require(static_cast<bool>(engine_->send(message)), "ours: send");
    drain();
  }
  std::span<const std::byte> receive() override {
    engine_->receive(in_->pop(), now_);
    return drain();
  }
  // A delayed ACK is sent. The last flight is kept until the peer cannot ask for it any more, and
  // let go with the first datagram after that.
  void fall_silent() override {
    now_ += std::chrono::hours(1);
    engine_->handle_timeout(now_);
    drain();
  }
  bool keep_session() override {
    policy_->session = engine_->take_ticket();
    return policy_->session.has_value();
  }

 private:
  // A stranger's datagram: an engine is made only for one whose cookie has come back.
  bool admit(std::span<const std::byte> datagram) {
    if (gate_ == nullptr) {
      engine_.emplace(settings_, *policy_);
      return true;
    }
    const auto answer = gate_->inspect({}, datagram, now_, out_->room());
    if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) {
      out_->commit(answer.reply_size);
    }
    if (answer.verdict != endpoint::CookieGate::Verdict::kProven) return false;
    engine_.emplace(settings_, *policy_);
    engine_->continue_from(answer.position.record_sequence, answer.position.message_seq);
    return true;
  }

  std::span<const std::byte> drain() {
    std::span<const std::byte> received;
    while (auto event = engine_->poll_event()) {
      if (const auto* message = std::get_if<Message>(&*event)) {
        received = message->bytes;
      }
      if (const auto* ended = std::get_if<Failed>(&*event)) {
        require(false, ended->error.message.c_str());
      }
    }
    while (const std::size_t size = engine_->poll_transmit(out_->room(), now_))
      out_->commit(size);
    return received;
  }

  std::shared_ptr<const handshake::Settings> settings_;
  Policy* policy_;
  endpoint::CookieGate* gate_;
  std::optional<handshake::Engine> engine_;
  Wire* in_;
  Wire* out_;
  TimePoint now_ = kNow;
};

class Ours final : public Candidate {
 public:
  explicit Ours(const Material& material)
      : gate_(must(endpoint::CookieGate::create(
                       must(endpoint::CookieSecrets::generate(), "ours: secrets")),
                   "ours: gate")) {
    for (auto& side : sides_) {
      side.server.identity = load_identity(material);
      side.client.anchors = must(credentials::load_trust(material.root_pem, false), "ours: trust");
      const auto version = &side == sides_.data() ? Version::kDtls12 : Version::kDtls13;
      side.server_settings = make_settings(true, version);
      side.client_settings = make_settings(false, version);
    }
  }

  [[nodiscard]] std::string name() const override { return "ours"; }
  [[nodiscard]] std::string release() const override {
    return std::string("libcrypto ") + OpenSSL_version(OPENSSL_VERSION_STRING);
  }
  [[nodiscard]] bool speaks(Version /*version*/) const override { return true; }

  std::unique_ptr<End> make_server(Version version, Wire& in, Wire& out) override {
    auto& side = side_of(version);
    auto* gate = version == Version::kDtls12 ? &gate_ : nullptr;
    return std::make_unique<OurEnd>(side.server_settings, side.server, gate, in, out);
  }
  std::unique_ptr<End> make_client(Version version, bool resumes, Wire& in, Wire& out) override {
    auto& side = side_of(version);
    side.client.resumes = resumes;
    return std::make_unique<OurEnd>(side.client_settings, side.client, nullptr, in, out);
  }
  std::size_t challenge(std::span<const std::byte> hello, Wire& out) override {
    const std::size_t size = gate_.inspect({}, hello, kNow, out.room()).reply_size;
    if (size != 0) out.commit(size);
    return size;
  }

 private:
  struct Sides {
    Policy server;
    Policy client;
    std::shared_ptr<const handshake::Settings> server_settings;
    std::shared_ptr<const handshake::Settings> client_settings;
  };
  Sides& side_of(Version version) { return sides_[static_cast<std::size_t>(version)]; }

  endpoint::CookieGate gate_;
  std::array<Sides, 2> sides_;
};

}  // namespace

std::unique_ptr<Candidate> make_ours(const Material& material) {
  return std::make_unique<Ours>(material);
}

}  // namespace dtls::bench
