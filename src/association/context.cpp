// Context: a configuration turned into what all its sessions share.
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cerrno>
#include <string>
#include <utility>

#include "association/inside.hpp"
#include "association/key_log.hpp"
#include "association/protocol_options.hpp"
#include "credentials/names.hpp"
#include "credentials/trust.hpp"
#include "handshake/tickets.hpp"

namespace dtls {
namespace {

using crypto::SignatureScheme;

// How long a session can be resumed, and how long a key seals tickets.
constexpr Duration kTicketLife = std::chrono::hours(2);

Result<void> check_times(Duration handshake_timeout, Duration first_retransmission) {
  if (auto fine = association::check_handshake_timeout(handshake_timeout); !fine) return fine;
  if (first_retransmission < Duration(1) || first_retransmission > Duration(60000)) {
    return Error{ErrorKind::kMisuse,
                 EINVAL,
                 "option `first_retransmission`: must be between 1 and 60000 ms",
                 {}};
  }
  return {};
}

// What servers and clients have in common.
handshake::Settings common_settings(Duration first_retransmission, bool renegotiate) {
  handshake::Settings settings;
  // The hybrid counts where libcrypto has it, and in DTLS 1.3 only.
  settings.groups = {crypto::Group::kX25519MlKem768, crypto::Group::kX25519, crypto::Group::kP256,
                     crypto::Group::kP384};
  settings.schemes = {SignatureScheme::kEcdsaSecp256r1Sha256, SignatureScheme::kEd25519,
                      SignatureScheme::kEcdsaSecp384r1Sha384, SignatureScheme::kRsaPssRsaeSha256,
                      SignatureScheme::kRsaPssRsaeSha384,     SignatureScheme::kRsaPssRsaeSha512,
                      SignatureScheme::kRsaPkcs1Sha256,       SignatureScheme::kRsaPkcs1Sha384,
                      SignatureScheme::kRsaPkcs1Sha512};
  settings.renegotiate = renegotiate;
  settings.channel.first_timeout = first_retransmission;
  return settings;
}

Result<std::shared_ptr<association::KeyLog>> open_key_log(const std::string& path) {
  if (path.empty()) return std::shared_ptr<association::KeyLog>();
  return association::KeyLog::open(path);
}

// The name that is sent must be one that certificates and servers can have.
Result<void> check_server_name(const std::string& name) {
  const bool is_ip = name.find(':') != std::string::npos || Address::parse(name, 0);
  if (name.empty() || is_ip) return {};
  auto parsed = credentials::parse_host_name(name, "server", credentials::Wildcard::kRefused);
  if (!parsed) return std::move(parsed).error();
  return {};
}

}  // namespace

Context::Context(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Context::~Context() = default;

Result<std::shared_ptr<Context>> Context::for_server(const ServerConfig& config) {
  if (auto fine = check_times(config.handshake_timeout, config.first_retransmission); !fine) {
    return std::move(fine).error();
  }
  const bool has_psk = !config.psks.empty() || config.psk_callback;
  auto own = has_psk && config.identity.empty()
                 ? association::HostIdentity::without_certificate(config.ca)
                 : association::HostIdentity::load_own(config.identity, config.ca);
  if (!own) return std::move(own).error();
  auto key_log = open_key_log(config.key_log_file);
  if (!key_log) return std::move(key_log).error();

  auto settings = common_settings(config.first_retransmission, config.renegotiate);
  settings.is_server = true;
  if (auto applied = association::apply_protocol(settings, config); !applied) {
    return std::move(applied).error();
  }
  settings.ticket_keys = std::make_shared<handshake::TicketKeys>(kTicketLife);
  settings.ticket_lifetime_s = static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(kTicketLife).count());

  auto inside = std::make_unique<Inside>();
  inside->settings = std::make_shared<const handshake::Settings>(std::move(settings));
  const bool asks_client = !config.ca.empty();
  inside->peer_rule = {asks_client, asks_client};
  inside->hosts = std::make_unique<association::HostIdentities>(std::move(*own));
  for (const auto& psk : config.psks) {
    if (!inside->psks.emplace(psk.identity(), psk).second) {
      return Error{ErrorKind::kMisuse,
                   EINVAL,
                   "option `psks`: there are two keys of the identity \"" + psk.identity() + "\"",
                   {}};
    }
  }
  inside->psk_callback = config.psk_callback;
  inside->select_by_address = config.select_by_address;
  inside->key_log = std::move(*key_log);
  inside->handshake_timeout = config.handshake_timeout;
  return std::shared_ptr<Context>(new Context(std::move(inside)));
}

Result<std::shared_ptr<Context>> Context::for_client(const ClientConfig& config) {
  if (auto fine = check_times(config.handshake_timeout, config.first_retransmission); !fine) {
    return std::move(fine).error();
  }
  if (auto fine = check_server_name(config.server_name); !fine) return std::move(fine).error();
  auto inside = std::make_unique<Inside>();
  if (!config.identity.empty()) {
    auto identity = association::load_identity(config.identity, false);
    if (!identity) return std::move(identity).error();
    inside->identity = std::move(*identity);
  }
  auto store = credentials::load_trust(config.ca, config.load_system_trust);
  if (!store) return std::move(store).error();
  auto key_log = open_key_log(config.key_log_file);
  if (!key_log) return std::move(key_log).error();

  auto settings = common_settings(config.first_retransmission, config.renegotiate);
  if (auto applied = association::apply_protocol(settings, config); !applied) {
    return std::move(applied).error();
  }
  inside->settings = std::make_shared<const handshake::Settings>(std::move(settings));
  inside->trust = std::move(*store);
  inside->peer_rule = {true, config.verify};
  inside->psk = config.psk;
  inside->psk_callback = config.psk_callback;
  inside->requires_psk = inside->settings->offers_psk && !config.verify;
  inside->ticket = config.session;
  inside->ticket_binding = association::binding_of(config);
  inside->key_log = std::move(*key_log);
  inside->server_name = config.server_name;
  inside->handshake_timeout = config.handshake_timeout;
  return std::shared_ptr<Context>(new Context(std::move(inside)));
}

Result<void> Context::add_identity(const HostIdentityConfig& config) {
  if (inside_->hosts == nullptr) {
    return Error{
        ErrorKind::kMisuse, EOPNOTSUPP, "host names belong to servers, and this is a client", {}};
  }
  auto identity = association::HostIdentity::load(config);
  if (!identity) return std::move(identity).error();
  inside_->hosts->add(std::move(*identity));
  return {};
}

OpensslRuntime openssl_runtime() {
  return {OpenSSL_version(OPENSSL_VERSION), reinterpret_cast<const void*>(&EVP_EncryptUpdate)};
}

}  // namespace dtls
