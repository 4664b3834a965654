#include "session/host_identities.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "credentials/names.hpp"
#include "credentials/openssl_errors.hpp"
#include "credentials/trust.hpp"
#include "session/ssl_types.hpp"

namespace dtls::session {
namespace {

using OwnedDigest = crypto::OwnedBy<EVP_MD_CTX, EVP_MD_CTX_free>;

Error from_openssl(const std::string& what) {
  return {ErrorKind::kSystem, ENOMEM, what + ": " + credentials::take_error_text(), {}};
}

// The hash of all that decides who may resume a session.
bool hash_of(const HostIdentity& identity, const std::string& ca,
             std::array<unsigned char, 32>& hash) {
  const OwnedDigest digest(EVP_MD_CTX_new());
  std::array<unsigned char, EVP_MAX_MD_SIZE> leaf{};
  unsigned int leaf_size = 0;
  return digest != nullptr &&
         X509_digest(identity.identity.chain.front().get(), EVP_sha256(), leaf.data(),
                     &leaf_size) == 1 &&
         EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) == 1 &&
         EVP_DigestUpdate(digest.get(), leaf.data(), leaf_size) == 1 &&
         EVP_DigestUpdate(digest.get(), identity.host.c_str(), identity.host.size() + 1) == 1 &&
         EVP_DigestUpdate(digest.get(), ca.data(), ca.size()) == 1 &&
         EVP_DigestFinal_ex(digest.get(), hash.data(), nullptr) == 1;
}

bool has(const std::vector<std::string>& addresses, const std::string& wanted) {
  return std::ranges::find(addresses, wanted) != addresses.end();
}

}  // namespace

BorrowedChain intermediates_of(const credentials::Identity& identity) {
  BorrowedChain chain(sk_X509_new_null());
  for (std::size_t i = 1; i < identity.chain.size(); ++i)
    sk_X509_push(chain.get(), identity.chain[i].get());
  return chain;
}

Result<credentials::Identity> load_server_identity(const IdentityConfig& config) {
  auto identity = credentials::load_identity(config);
  if (!identity) return identity;
  // libssl chooses EdDSA (RFC 8422 §5.10) for a server's TLS 1.2, but not for its DTLS 1.2.
  const EVP_PKEY* key = identity->key.get();
  if (EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1) {
    return Error{
        ErrorKind::kMisuse,
        EINVAL,
        std::string("option `cert`: OpenSSL cannot serve DTLS 1.2 with a key of the kind ") +
            EVP_PKEY_get0_type_name(key) + "; give one of ECDSA P-256 or RSA",
        {}};
  }
  // RFC 8422 §5.1.1: an ECDSA certificate's curve must be a group that is offered, see context.cpp.
  std::array<char, 64> curve{};
  if (EVP_PKEY_is_a(key, "EC") == 1 &&
      EVP_PKEY_get_group_name(key, curve.data(), curve.size(), nullptr) == 1) {
    const std::string_view name(curve.data());
    if (name != "prime256v1" && name != "secp384r1") {
      return Error{ErrorKind::kMisuse,
                   EINVAL,
                   "option `cert`: no client would take an ECDSA key on the curve " +
                       std::string(name) + "; give one of P-256 or P-384",
                   {}};
    }
  }
  return identity;
}

Result<ClientAuthority> ClientAuthority::load(const std::string& ca) {
  auto trust = credentials::load_trust(ca, false);
  if (!trust) return std::move(trust).error();
  auto anchors = credentials::parse_certificates(ca, "ca");
  if (!anchors) return std::move(anchors).error();
  ClientAuthority authority{std::move(*trust), OwnedNameList(sk_X509_NAME_new_null())};
  for (const auto& anchor : *anchors) {
    X509_NAME* name = X509_NAME_dup(X509_get_subject_name(anchor.get()));
    if (name == nullptr || sk_X509_NAME_push(authority.names.get(), name) == 0) {
      X509_NAME_free(name);
      return from_openssl("the names of the authorities in `ca` cannot be kept");
    }
  }
  return authority;
}

Result<std::shared_ptr<const HostIdentity>> HostIdentity::load(const HostIdentityConfig& config) {
  auto host = credentials::parse_host_name(config.host, "name", credentials::Wildcard::kAllowed);
  if (!host) return std::move(host).error();
  auto identity = load_server_identity(config.identity);
  if (!identity) return std::move(identity).error();

  auto loaded = std::make_shared<HostIdentity>();
  loaded->host = std::move(*host);
  loaded->identity = std::move(*identity);
  loaded->addresses = credentials::ip_names(loaded->identity.chain.front().get());
  if (!config.ca.empty()) {
    auto authority = ClientAuthority::load(config.ca);
    if (!authority) return std::move(authority).error();
    loaded->authority = std::move(*authority);
  }
  if (!hash_of(*loaded, config.ca, loaded->session_id_context)) {
    return from_openssl("OpenSSL cannot hash a certificate");
  }
  return std::shared_ptr<const HostIdentity>(std::move(loaded));
}

bool HostIdentity::apply(SSL* ssl) const {
  // Certificates of another kind of key would go on standing beside this one.
  SSL_certs_clear(ssl);
  const auto intermediates = intermediates_of(identity);
  if (SSL_use_cert_and_key(ssl, identity.chain.front().get(), identity.key.get(),
                           intermediates.get(), 1) != 1 ||
      SSL_set_session_id_context(ssl, session_id_context.data(),
                                 static_cast<unsigned int>(session_id_context.size())) != 1) {
    return false;
  }
  if (!authority) return true;  // the rule of the SSL_CTX stays
  STACK_OF(X509_NAME)* names = SSL_dup_CA_list(authority->names.get());
  if (names == nullptr) return false;
  SSL_set_client_CA_list(ssl, names);
  SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, on_certificate);
  return SSL_set1_verify_cert_store(ssl, authority->trust.get()) == 1;
}

HostIdentities::HostIdentities(const X509* own) : own_addresses_(credentials::ip_names(own)) {}

void HostIdentities::add(Found identity) {
  const std::lock_guard lock(mutex_);
  const auto [place, is_new] = places_.try_emplace(identity->host, identities_.size());
  if (is_new) {
    identities_.push_back(std::move(identity));
  } else {
    identities_[place->second] = std::move(identity);
  }
}

HostIdentities::Found HostIdentities::by_name(std::string_view name) const {
  const std::string exact = credentials::lower_case(name);
  const std::lock_guard lock(mutex_);
  auto found = places_.find(exact);
  if (found == places_.end()) found = places_.find(credentials::wildcard_for(exact));
  return found == places_.end() ? nullptr : identities_[found->second];
}

HostIdentities::Found HostIdentities::by_address(const Address& local) const {
  const std::string octets = credentials::ip_octets(local);
  if (has(own_addresses_, octets)) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(
      identities_, [&](const Found& identity) { return has(identity->addresses, octets); });
  return found == identities_.end() ? nullptr : *found;
}

}  // namespace dtls::session
