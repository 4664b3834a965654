// The identities of a server by host name and by address.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "credentials/pem.hpp"
#include "dtls/address.hpp"
#include "dtls/config.hpp"
#include "dtls/error.hpp"

namespace dtls::session {

inline void free_names(STACK_OF(X509_NAME) * names) {
  sk_X509_NAME_pop_free(names, X509_NAME_free);
}
using OwnedNameList = crypto::OwnedBy<STACK_OF(X509_NAME), free_names>;

inline void free_stack_only(STACK_OF(X509) * certificates) {
  sk_X509_free(certificates);
}
using BorrowedChain = crypto::OwnedBy<STACK_OF(X509), free_stack_only>;

// intermediates_of gives the certificates after the leaf; the identity goes on owning them.
BorrowedChain intermediates_of(const credentials::Identity& identity);

// load_server_identity is credentials::load_identity for servers: a key that libssl cannot serve
// DTLS with fails with EINVAL here rather than with no_shared_cipher in every handshake.
Result<credentials::Identity> load_server_identity(const IdentityConfig& config);

// ClientAuthority is whom client certificates are checked against.
struct ClientAuthority {
  crypto::OwnedStore trust;
  OwnedNameList names;  // what the CertificateRequest says (RFC 5246 §7.4.4)

  // load parses the option `ca`.
  static Result<ClientAuthority> load(const std::string& ca);
};

// HostIdentity is a HostIdentityConfig, parsed. Immutable, so handshakes of any thread share it.
struct HostIdentity {
  std::string host;  // in lower case
  credentials::Identity identity;
  std::optional<ClientAuthority> authority;
  std::vector<std::string> addresses;  // its iPAddress names, see credentials::ip_names
  // Keeps a session that began under one identity from being resumed under another, which may
  // require another client certificate (RFC 6066 §3).
  std::array<unsigned char, 32> session_id_context{};

  static Result<std::shared_ptr<const HostIdentity>> load(const HostIdentityConfig& config);

  // apply makes it the identity of one SSL in place of the SSL_CTX's. False when OpenSSL does not
  // take it.
  [[nodiscard]] bool apply(SSL* ssl) const;
};

// HostIdentities finds the one for a ClientHello. Any thread.
class HostIdentities {
 public:
  using Found = std::shared_ptr<const HostIdentity>;  // null: the server's own

  // `own` is the server's own certificate, which comes first among those of an address.
  explicit HostIdentities(const X509* own);

  void add(Found identity);
  [[nodiscard]] Found by_name(std::string_view name) const;
  [[nodiscard]] Found by_address(const Address& local) const;

 private:
  std::vector<std::string> own_addresses_;
  mutable std::mutex mutex_;  // held for as long as a look-up takes
  std::vector<Found> identities_;
  std::unordered_map<std::string, std::size_t> places_;  // of hosts in identities_
};

}  // namespace dtls::session
