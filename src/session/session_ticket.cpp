#include "session/session_ticket.hpp"

#include <algorithm>
#include <string>

#include "crypto/hash.hpp"

namespace dtls {
namespace {

using Binding = SessionTicket::Inside::Binding;

crypto::Bytes bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

Binding to_binding(const crypto::Digest& digest) {
  Binding binding{};
  std::ranges::copy(digest.view(), binding.begin());
  return binding;
}

crypto::Digest digest_of(const std::string& text) {
  return crypto::hash(crypto::HashAlgorithm::kSha256, {bytes_of(text)});
}

}  // namespace

std::optional<handshake::Ticket> SessionTicket::Inside::use(const Binding& wanted,
                                                            bool must_verify) {
  if (wanted != binding || (must_verify && !ticket.state.peer_authorized)) return std::nullopt;
  const std::lock_guard lock(mutex);
  if (used && ticket.state.version == wire::kDtls13) return std::nullopt;
  used = true;
  const auto& from = ticket.state;
  handshake::SessionState state;
  state.version = from.version;
  state.suite = from.suite;
  state.secret = from.secret.copy();
  state.issued = from.issued;
  state.lifetime_s = from.lifetime_s;
  state.age_add = from.age_add;
  state.server_name = from.server_name;
  state.alpn = from.alpn;
  state.peer_leaf = from.peer_leaf;
  state.peer_authorized = from.peer_authorized;
  state.binding = from.binding;
  return handshake::Ticket{ticket.ticket, std::move(state)};
}

namespace session {

Binding binding_of(const ClientConfig& config) {
  // Hashes have one size, so that nothing of one text passes for another's.
  const std::array trust{config.load_system_trust ? std::byte{1} : std::byte{0}};
  return to_binding(crypto::hash(crypto::HashAlgorithm::kSha256,
                                 {digest_of(config.server_name).view(), digest_of(config.ca).view(),
                                  trust, digest_of(config.identity.cert).view()}));
}

Binding bind_to_peer(const Binding& binding, const Address& peer) {
  return to_binding(
      crypto::hash(crypto::HashAlgorithm::kSha256, {binding, digest_of(peer.text()).view()}));
}

}  // namespace session
}  // namespace dtls
