// Context: a configuration turned into an SSL_CTX that all its sessions share.
#include <openssl/err.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "credentials/openssl_errors.hpp"
#include "credentials/pem.hpp"
#include "credentials/trust.hpp"
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
  STACK_OF(X509)* intermediates = sk_X509_new_null();
  for (std::size_t i = 1; i < identity.chain.size(); ++i) {
    sk_X509_push(intermediates, identity.chain[i].get());
  }
  const int used = SSL_CTX_use_cert_and_key(ssl, identity.chain.front().get(), identity.key.get(),
                                            intermediates, 1);
  sk_X509_free(intermediates);
  if (used == 1) return {};
  return Error{ErrorKind::kMisuse,
               EINVAL,
               "option `cert`: OpenSSL does not accept this certificate or key: " +
                   credentials::take_error_text(),
               {}};
}

}  // namespace

Context::Context(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Context::~Context() = default;

Result<std::shared_ptr<Context>> Context::for_server(const ServerConfig& config) {
  if (auto fine = check_times(config.handshake_timeout, config.first_retransmission); !fine) {
    return std::move(fine).error();
  }
  auto identity = credentials::load_identity(config.identity);
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

  const bool asks_client = !config.ca.empty();
  if (asks_client) {
    auto store = credentials::load_trust(config.ca, false);
    if (!store) return std::move(store).error();
    auto names = credentials::parse_certificates(config.ca, "ca");
    if (!names) return std::move(names).error();
    for (const auto& anchor : *names)
      SSL_CTX_add_client_CA(ssl->get(), anchor.get());
    SSL_CTX_set_cert_store(ssl->get(), store->release());
    SSL_CTX_set_verify(ssl->get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       session::on_certificate);
  }

  auto inside = std::make_unique<Inside>();
  inside->ssl = std::move(*ssl);
  inside->enforce = asks_client;
  inside->asks_peer = asks_client;
  inside->handshake_timeout = config.handshake_timeout;
  inside->first_retransmission = config.first_retransmission;
  return std::shared_ptr<Context>(new Context(std::move(inside)));
}

Result<std::shared_ptr<Context>> Context::for_client(const ClientConfig& config) {
  if (auto fine = check_times(config.handshake_timeout, config.first_retransmission); !fine) {
    return std::move(fine).error();
  }
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

  auto inside = std::make_unique<Inside>();
  inside->ssl = std::move(*ssl);
  inside->enforce = config.verify;
  inside->asks_peer = true;
  inside->server_name = config.server_name;
  inside->handshake_timeout = config.handshake_timeout;
  inside->first_retransmission = config.first_retransmission;
  return std::shared_ptr<Context>(new Context(std::move(inside)));
}

OpensslRuntime openssl_runtime() {
  return {OpenSSL_version(OPENSSL_VERSION), reinterpret_cast<const void*>(&SSL_CTX_new),
          reinterpret_cast<const void*>(&EVP_EncryptUpdate)};
}

}  // namespace dtls
