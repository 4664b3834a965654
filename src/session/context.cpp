// Context: a configuration turned into an SSL_CTX that all its sessions share.
#include <openssl/err.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "credentials/names.hpp"
#include "credentials/openssl_errors.hpp"
#include "credentials/pem.hpp"
#include "credentials/trust.hpp"
#include "session/host_identities.hpp"
#include "session/key_log.hpp"
#include "session/ssl_types.hpp"

namespace dtls {
namespace {

// Only AEAD suites with ephemeral key exchange (RFC 7525 §4.1, §6.3): no CBC, no RSA key transport.
constexpr const char* kSuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-CCM";
constexpr std::string_view kGroups = "X25519:P-256:P-384";

// A peer's chain may be this long in bytes: room for deep chains, and a bound on what an
// unauthenticated peer makes us hold.
constexpr long kMaxPeerChain = 64L * 1024;

Error from_openssl(const std::string& what) {
  return {ErrorKind::kSystem, ENOMEM, what + ": " + credentials::take_error_text(), {}};
}

Result<void> check_times(Duration handshake_timeout, Duration first_retransmission) {
  if (handshake_timeout <= Duration::zero()) {
    return Error{ErrorKind::kMisuse, EINVAL, "option `handshakeTimeout`: must be above 0 ms", {}};
  }
  if (first_retransmission < Duration(1) || first_retransmission > Duration(60000)) {
    return Error{ErrorKind::kMisuse,
                 EINVAL,
                 "option `first_retransmission`: must be between 1 and 60000 ms",
                 {}};
  }
  return {};
}

// What servers and clients have in common.
Result<OwnedSslContext> make_ssl_context(const SSL_METHOD* method) {
  OwnedSslContext ssl(SSL_CTX_new(method));
  if (ssl == nullptr) return from_openssl("OpenSSL cannot make a DTLS context");
  SSL_CTX* raw = ssl.get();
  std::string groups(kGroups);  // OpenSSL's interface takes it as not const
  if (SSL_CTX_set_min_proto_version(raw, DTLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(raw, kSuites) != 1 ||
      SSL_CTX_ctrl(raw, SSL_CTRL_SET_GROUPS_LIST, 0, groups.data()) != 1) {
    return from_openssl("OpenSSL does not offer the cipher suites or groups needed");
  }
  // The session hands datagrams over itself, so libssl cannot ask a socket for the path MTU; a
  // renegotiation asked by the peer is refused with no_renegotiation (RFC 5746 §4.5).
  SSL_CTX_set_options(raw, SSL_OP_NO_QUERY_MTU | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(raw, kMaxPeerChain);
  SSL_CTX_set_info_callback(raw, session::on_ssl_info);
  return ssl;
}

Result<void> use_identity(SSL_CTX* ssl, const credentials::Identity& identity) {
  const auto intermediates = session::intermediates_of(identity);
  if (SSL_CTX_use_cert_and_key(ssl, identity.chain.front().get(), identity.key.get(),
                               intermediates.get(), 1) == 1) {
    return {};
  }
  return Error{ErrorKind::kMisuse,
               EINVAL,
               "option `cert`: OpenSSL does not accept this certificate or key: " +
                   credentials::take_error_text(),
               {}};
}

// What the client's certificate is checked against, for the server itself.
Result<void> ask_clients(SSL_CTX* ssl, const std::string& ca) {
  auto authority = session::ClientAuthority::load(ca);
  if (!authority) return std::move(authority).error();
  SSL_CTX_set_client_CA_list(ssl, authority->names.release());
  SSL_CTX_set_cert_store(ssl, authority->trust.release());
  SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     session::on_certificate);
  return {};
}

Result<std::shared_ptr<session::KeyLog>> open_key_log(SSL_CTX* ssl, const std::string& path) {
  if (path.empty()) return std::shared_ptr<session::KeyLog>();
  SSL_CTX_set_keylog_callback(ssl, session::on_key_log);
  return session::KeyLog::open(path);
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
  auto identity = session::load_server_identity(config.identity);
  if (!identity) return std::move(identity).error();
  auto ssl = make_ssl_context(DTLS_server_method());
  if (!ssl) return std::move(ssl).error();
  if (auto used = use_identity(ssl->get(), *identity); !used) return std::move(used).error();

  // The cookie was checked before the session was made (see endpoint/cookie_gate); libssl still
  // asks.
  SSL_CTX_set_cookie_verify_cb(ssl->get(),
                               [](SSL*, const unsigned char*, unsigned int) { return 1; });
  static constexpr unsigned char kIdContext[] = "dtls";
  SSL_CTX_set_session_id_context(ssl->get(), kIdContext, sizeof kIdContext - 1);

  SSL_CTX_set_client_hello_cb(ssl->get(), session::on_client_hello, nullptr);
  SSL_CTX_set_tlsext_servername_callback(ssl->get(), session::on_server_name);

  const bool asks_client = !config.ca.empty();
  if (asks_client) {
    if (auto asked = ask_clients(ssl->get(), config.ca); !asked) return std::move(asked).error();
  }
  auto key_log = open_key_log(ssl->get(), config.key_log_file);
  if (!key_log) return std::move(key_log).error();

  auto inside = std::make_unique<Inside>();
  inside->hosts = std::make_unique<session::HostIdentities>(identity->chain.front().get());
  inside->ssl = std::move(*ssl);
  inside->peer_rule = {asks_client, asks_client};
  inside->renegotiate = config.renegotiate;
  inside->select_by_address = config.select_by_address;
  inside->key_log = std::move(*key_log);
  inside->handshake_timeout = config.handshake_timeout;
  inside->first_retransmission = config.first_retransmission;
  return std::shared_ptr<Context>(new Context(std::move(inside)));
}

Result<std::shared_ptr<Context>> Context::for_client(const ClientConfig& config) {
  if (auto fine = check_times(config.handshake_timeout, config.first_retransmission); !fine) {
    return std::move(fine).error();
  }
  if (auto fine = check_server_name(config.server_name); !fine) return std::move(fine).error();
  auto ssl = make_ssl_context(DTLS_client_method());
  if (!ssl) return std::move(ssl).error();
  if (!config.identity.empty()) {
    auto identity = credentials::load_identity(config.identity);
    if (!identity) return std::move(identity).error();
    if (auto used = use_identity(ssl->get(), *identity); !used) return std::move(used).error();
  }
  auto store = credentials::load_trust(config.ca, config.load_system_trust);
  if (!store) return std::move(store).error();
  SSL_CTX_set_cert_store(ssl->get(), store->release());
  SSL_CTX_set_verify(ssl->get(), SSL_VERIFY_PEER, session::on_certificate);
  auto key_log = open_key_log(ssl->get(), config.key_log_file);
  if (!key_log) return std::move(key_log).error();

  auto inside = std::make_unique<Inside>();
  inside->ssl = std::move(*ssl);
  inside->peer_rule = {true, config.verify};
  inside->renegotiate = config.renegotiate;
  inside->key_log = std::move(*key_log);
  inside->server_name = config.server_name;
  inside->handshake_timeout = config.handshake_timeout;
  inside->first_retransmission = config.first_retransmission;
  return std::shared_ptr<Context>(new Context(std::move(inside)));
}

Result<void> Context::add_identity(const HostIdentityConfig& config) {
  if (inside_->hosts == nullptr) {
    return Error{
        ErrorKind::kMisuse, EOPNOTSUPP, "host names belong to servers, and this is a client", {}};
  }
  auto identity = session::HostIdentity::load(config);
  if (!identity) return std::move(identity).error();
  inside_->hosts->add(std::move(*identity));
  return {};
}

OpensslRuntime openssl_runtime() {
  return {OpenSSL_version(OPENSSL_VERSION), reinterpret_cast<const void*>(&SSL_CTX_new),
          reinterpret_cast<const void*>(&EVP_EncryptUpdate)};
}

}  // namespace dtls
