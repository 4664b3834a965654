// What the engine asks while it shakes hands: identities, verdicts, keys.
#include <openssl/x509.h>

#include <algorithm>

#include "association/key_log.hpp"
#include "association/state.hpp"
#include "credentials/openssl_errors.hpp"
#include "credentials/verify.hpp"
#include "crypto/wipe.hpp"

namespace dtls {
namespace {

bool is_ip(const std::string& name) {
  return name.find(':') != std::string::npos || Address::parse(name, 0);
}

void append_hex(std::string& text, std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const std::byte byte : bytes) {
    const auto value = std::to_integer<unsigned>(byte);
    text += kDigits[value >> 4U];
    text += kDigits[value & 0xfU];
  }
}

handshake::PreSharedKey to_engine(const Psk& psk) {
  return {psk.identity(), handshake::PskSecret(psk.key())};
}

}  // namespace

handshake::Presented Session::State::present(std::string_view server_name) {
  const auto& settings = context->inside();
  if (presented == nullptr) {
    if (!server_name.empty()) {
      presented = settings.hosts->by_name(server_name);
      named = presented != nullptr;
    } else if (settings.select_by_address && local) {
      presented = settings.hosts->by_address(*local);
    }
    if (presented == nullptr) presented = settings.hosts->own();
    if (presented->authority) peer_rule = {true, true};
  }
  const auto issuers = authority();
  return {.identity = presented->identity,
          .named = named,
          .asks_client = peer_rule.asks,
          .requires_client = peer_rule.enforce,
          .authorities = issuers ? issuers->names : nullptr,
          .binding = presented->binding};
}

std::shared_ptr<const association::ClientAuthority> Session::State::authority() const {
  return presented->authority ? presented->authority : context->inside().hosts->own()->authority;
}

std::shared_ptr<const handshake::Identity> Session::State::client_identity() {
  return context->inside().identity;
}

handshake::Verdict Session::State::verify(std::span<const handshake::Bytes> chain) {
  const auto& settings = context->inside();
  pending = std::make_unique<PeerVerification>();
  if (chain.empty()) {
    pending->reason = "the peer sent no certificate";
    return {.goes_on = !peer_rule.enforce,
            .authorized = false,
            .alert = wire::AlertDescription::kHandshakeFailure,
            .reason = "sent no certificate",
            .key = nullptr,
            .valid_for = std::nullopt};
  }
  const bool is_server = settings.hosts != nullptr;
  X509_STORE* anchors = settings.trust.get();
  if (is_server) anchors = authority()->trust.get();
  if (settings.requires_psk) {
    pending->reason = "the peer showed a certificate in place of knowing the pre-shared key";
    return {.goes_on = false,
            .authorized = false,
            .alert = wire::AlertDescription::kHandshakeFailure,
            .reason = "did not use the pre-shared key, and its certificate is not to be verified",
            .key = nullptr};
  }
  auto verdict = credentials::verify_chain(
      chain, anchors, is_server ? credentials::PeerRole::kClient : credentials::PeerRole::kServer,
      settings.server_name);
  pending->authorized = verdict.trusted;
  pending->reason = verdict.reason;
  if (verdict.leaf != nullptr) pending->certificate = credentials::to_pem(chain.front());
  return {.goes_on = verdict.trusted || !peer_rule.enforce,
          .authorized = verdict.trusted,
          .alert = static_cast<wire::AlertDescription>(verdict.alert),
          .reason = "is not trusted: " + verdict.reason,
          .key = std::move(verdict.key),
          .valid_for = verdict.valid_for};
}

void Session::State::accept_resumed(const handshake::SessionState& state) {
  pending = std::make_unique<PeerVerification>();
  if (state.peer_leaf.empty()) return;
  pending->certificate = credentials::to_pem(state.peer_leaf);
  pending->authorized = state.peer_authorized;
  if (!state.peer_authorized) pending->reason = "it was not accepted when the session began";
}

handshake::PskAnswer Session::State::psk(std::string_view identity) {
  const auto& settings = context->inside();
  if (settings.hosts != nullptr) wanted_psk = identity.substr(0, kMaxPskIdentity);
  if (settings.psk) return to_engine(*settings.psk);
  if (const auto known = settings.psks.find(identity); known != settings.psks.end()) {
    return to_engine(known->second);
  }
  // What a stranger can make a program look for is bounded. A client is asked without a name.
  const bool is_nameless = identity.empty() && settings.hosts != nullptr;
  if (!settings.psk_callback || is_nameless || identity.size() > kMaxPskIdentity) {
    return handshake::NoSuchPsk{};
  }
  auto answer = settings.psk_callback(identity);
  if (std::holds_alternative<PskLater>(answer)) return handshake::PskPending{};
  const auto* found = std::get_if<Psk>(&answer);
  if (found == nullptr) return handshake::NoSuchPsk{};
  return name_psk(*found, identity);
}

// A server's answer is about the key that the client has named, whatever the program calls it.
handshake::PreSharedKey Session::State::name_psk(const Psk& found,
                                                 std::string_view identity) const {
  auto key = to_engine(found);
  if (context->inside().hosts != nullptr) key.identity = identity;
  return key;
}

// An IP literal is checked against iPAddress names and never sent as SNI (RFC 6066 §3).
std::string Session::State::server_name() {
  const std::string& name = context->inside().server_name;
  return is_ip(name) ? std::string() : name;
}

std::optional<handshake::Ticket> Session::State::ticket() {
  const auto& settings = context->inside();
  if (!settings.ticket) return std::nullopt;
  return settings.ticket->inside().use(settings.binding_for(peer), settings.peer_rule.enforce);
}

bool Session::State::is_logged() const {
  return context->inside().key_log != nullptr;
}

void Session::State::log_secret(std::string_view label, handshake::Bytes client_random,
                                handshake::Bytes secret) {
  std::string line;
  line.reserve(label.size() + 2 * (client_random.size() + secret.size()) + 3);
  line += label;
  line += ' ';
  append_hex(line, client_random);
  line += ' ';
  append_hex(line, secret);
  line += '\n';
  context->inside().key_log->append(line);
  crypto::wipe(std::as_writable_bytes(std::span(line)));
}

}  // namespace dtls
