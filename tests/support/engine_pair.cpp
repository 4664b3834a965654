#include "support/engine_pair.hpp"

#include <openssl/x509.h>

#include <algorithm>

#include "credentials/pem.hpp"
#include "credentials/verify.hpp"

namespace dtls::test {

handshake::Presented Owner::present(std::string_view server_name) {
  asked_name = server_name;
  return presented;
}

handshake::Verdict Owner::verify(std::span<const handshake::Bytes> chain) {
  ++verified;
  peer_chain.clear();
  for (const auto certificate : chain)
    peer_chain.emplace_back(reinterpret_cast<const char*>(certificate.data()), certificate.size());
  // Nobody is trusted by an empty store; the key is there all the same.
  static X509_STORE* const kNobody = X509_STORE_new();
  return {accepts,
          accepts,
          wire::AlertDescription::kUnknownCa,
          "is not trusted by this test",
          credentials::verify_chain(chain, kNobody, credentials::PeerRole::kServer, "").key,
          valid_for};
}

void Owner::accept_resumed(const handshake::SessionState& state) {
  ++resumed;
  peer_chain.clear();
  if (!state.peer_leaf.empty()) {
    peer_chain.emplace_back(reinterpret_cast<const char*>(state.peer_leaf.data()),
                            state.peer_leaf.size());
  }
}

handshake::PreSharedKey Owner::key() const {
  return {psk_identity, handshake::PskSecret(EnginePair::bytes(psk_key))};
}

handshake::PskAnswer Owner::psk(std::string_view identity) {
  asked_psk = identity;
  if (psk_is_pending) return handshake::PskPending{};
  const bool is_server = presented.identity != nullptr || own == nullptr;
  if (psk_key.empty() || (is_server && !identity.empty() && identity != psk_identity)) {
    return handshake::NoSuchPsk{};
  }
  return key();
}

std::optional<handshake::Ticket> Owner::ticket() {
  return std::exchange(to_resume, std::nullopt);
}

void Owner::log_secret(std::string_view label, handshake::Bytes /*client_random*/,
                       handshake::Bytes secret) {
  secrets[std::string(label)].assign(secret.begin(), secret.end());
}

std::shared_ptr<const handshake::Identity> to_identity(const IdentityConfig& config) {
  auto loaded = std::move(*credentials::load_identity(config));
  auto identity = std::make_shared<handshake::Identity>();
  for (const auto& certificate : loaded.chain) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    const auto* begin = reinterpret_cast<const std::byte*>(der);
    identity->chain.emplace_back(begin, begin + size);
    OPENSSL_free(der);
  }
  identity->key = std::shared_ptr<EVP_PKEY>(loaded.key.release(), EVP_PKEY_free);
  return identity;
}

handshake::Settings default_settings(bool is_server) {
  using crypto::SignatureScheme;
  handshake::Settings settings;
  settings.is_server = is_server;
  const auto suites = handshake::default_suites();
  settings.suites.assign(suites.begin(), suites.end());
  settings.groups = {crypto::Group::kX25519, crypto::Group::kP256, crypto::Group::kP384};
  settings.schemes = {SignatureScheme::kEcdsaSecp256r1Sha256, SignatureScheme::kEd25519,
                      SignatureScheme::kEcdsaSecp384r1Sha384, SignatureScheme::kRsaPssRsaeSha256,
                      SignatureScheme::kRsaPssRsaeSha384,     SignatureScheme::kRsaPssRsaeSha512,
                      SignatureScheme::kRsaPkcs1Sha256,       SignatureScheme::kRsaPkcs1Sha384,
                      SignatureScheme::kRsaPkcs1Sha512};
  if (is_server) settings.ticket_keys = std::make_shared<handshake::TicketKeys>(Duration(3600'000));
  return settings;
}

EnginePair::EnginePair(handshake::Settings server_settings, handshake::Settings client_settings)
    : server_settings_(std::make_shared<handshake::Settings>(std::move(server_settings))) {
  server.engine = std::make_unique<handshake::Engine>(server_settings_, server.owner);
  client.engine = std::make_unique<handshake::Engine>(
      std::make_shared<handshake::Settings>(std::move(client_settings)), client.owner);
}

void EnginePair::start() {
  client.engine->start(now_);
}

void EnginePair::drain(EngineSide& from, EngineSide& to) {
  while (auto event = from.engine->poll_event()) {
    if (std::holds_alternative<dtls::Connected>(*event)) ++from.established;
    if (std::holds_alternative<dtls::Closed>(*event)) from.closed = true;
    if (std::holds_alternative<dtls::TicketReceived>(*event)) ++from.tickets_came;
    if (const auto* ended = std::get_if<dtls::Failed>(&*event)) from.failure = ended->error;
    if (const auto* wants = std::get_if<dtls::PskWanted>(&*event)) {
      from.psks_wanted.push_back(wants->identity);
    }
    if (const auto* received = std::get_if<dtls::Message>(&*event)) {
      from.messages.emplace_back(reinterpret_cast<const char*>(received->bytes.data()),
                                 received->bytes.size());
    }
  }
  if (established_at_ == TimePoint::max() && client.established > 0 && server.established > 0) {
    established_at_ = now_;
  }
  std::array<std::byte, 18432> out;
  while (const std::size_t size = from.engine->poll_transmit(out, now_)) {
    ++from.sent;
    put_on_wire({out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)}, to);
  }
}

void EnginePair::put_on_wire(EngineSide::Datagram datagram, EngineSide& to) {
  const int number = sent_++;
  if (loses_ && loses_(number)) return;
  if (alters_) alters_(number, datagram);
  if (!fate_) {
    to.wire.push_back(std::move(datagram));
    return;
  }
  for (const Duration delay : fate_(number)) {
    if (delay == Duration(0)) {
      to.wire.push_back(datagram);
    } else {
      to.late.emplace_back(now_ + delay, datagram);
    }
  }
}

void EnginePair::arrive(EngineSide& to) const {
  std::erase_if(to.late, [&](auto& each) {
    if (each.first > now_) return false;
    to.wire.push_back(std::move(each.second));
    return true;
  });
}

void EnginePair::drain() {
  drain(client, server);
  drain(server, client);
}

void EnginePair::guard() {
  gate_.emplace(std::move(*endpoint::CookieGate::create(
      std::move(*endpoint::CookieSecrets::generate()), server_settings_)));
}

bool EnginePair::is_admitted(EngineSide::Datagram& datagram) {
  std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
  const auto answer = gate_->inspect(*Address::parse("192.0.2.1", 40000), datagram, now_, reply);
  if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) {
    ++server.sent;
    put_on_wire({reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(answer.reply_size)},
                client);
  }
  if (answer.verdict != endpoint::CookieGate::Verdict::kProven) return false;
  if (!answer.collected.empty()) {
    datagram.assign(answer.collected.begin(), answer.collected.end());
  }
  gate_.reset();
  server.engine->continue_from(answer.position.record_sequence, answer.position.message_seq);
  return true;
}

bool EnginePair::step(EngineSide& to, EngineSide& from) {
  if (to.wire.empty()) return false;
  auto datagram = std::move(to.wire.front());
  to.wire.pop_front();
  if (&to == &server && gate_ && !is_admitted(datagram)) return true;
  to.engine->receive(datagram, now_);
  drain(to, from);
  return true;
}

void EnginePair::deliver() {
  drain();
  while (step(server, client) || step(client, server)) {
  }
}

bool EnginePair::advance(TimePoint end) {
  deliver();
  std::optional<TimePoint> next;
  for (const auto* side : {&client, &server}) {
    if (const auto due = side->engine->deadline(); due && (!next || *due < *next)) next = due;
    for (const auto& each : side->late) {
      if (!next || each.first < *next) next = each.first;
    }
  }
  if (!next || *next > end) return false;
  now_ = std::max(now_, *next);
  arrive(client);
  arrive(server);
  client.engine->handle_timeout(now_);
  server.engine->handle_timeout(now_);
  deliver();
  return true;
}

bool EnginePair::settle(Duration limit) {
  const TimePoint end = now_ + limit;
  while (advance(end)) {
  }
  const bool is_quiet = client.late.empty() && server.late.empty() && !client.engine->deadline() &&
                        !server.engine->deadline();
  return is_quiet;
}

bool EnginePair::connect() {
  start();
  settle();
  return client.established > 0 && server.established > 0;
}

}  // namespace dtls::test
