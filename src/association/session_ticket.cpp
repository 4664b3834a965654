#include "association/session_ticket.hpp"

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
  return handshake::Ticket{ticket.ticket, ticket.state.copy()};
}

namespace association {

Binding binding_of(const ClientConfig& config) {
  // Hashes have one size, so that nothing of one text passes for another's.
  const auto flag = [](bool is_on) { return is_on ? std::byte{1} : std::byte{0}; };
  // Where a pre-shared key is all that proves the server, a session that began without it proves
  // nothing, nor does one that began with another.
  const std::array flags{flag(config.load_system_trust), flag(config.verify),
                         flag(config.psk.has_value()),
                         flag(static_cast<bool>(config.psk_callback))};
  const auto identity = digest_of(config.psk ? config.psk->identity() : std::string());
  const auto key = crypto::hash(crypto::HashAlgorithm::kSha256,
                                {config.psk ? config.psk->key() : crypto::Bytes()});
  return to_binding(
      crypto::hash(crypto::HashAlgorithm::kSha256,
                   {digest_of(config.server_name).view(), digest_of(config.ca).view(), flags,
                    digest_of(config.identity.cert).view(), identity.view(), key.view()}));
}

Binding bind_to_peer(const Binding& binding, const Address& peer) {
  return to_binding(
      crypto::hash(crypto::HashAlgorithm::kSha256, {binding, digest_of(peer.text()).view()}));
}

}  // namespace association
}  // namespace dtls
