// The identities of a server by host name and by address.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crypto/owned.hpp"
#include "dtls/address.hpp"
#include "dtls/config.hpp"
#include "dtls/error.hpp"
#include "handshake/settings.hpp"

namespace dtls::association {

// load_identity parses a config's PEM texts, and refuses keys that no peer would take
// (`for_server`) or that no handshake is signed with.
Result<std::shared_ptr<const handshake::Identity>> load_identity(const IdentityConfig& config,
                                                                 bool for_server);

// addresses_of gives the iPAddress names of an identity's own certificate, see
// credentials::ip_names.
std::vector<std::string> addresses_of(const handshake::Identity& identity);

// ClientAuthority is whom client certificates are checked against.
struct ClientAuthority {
  // With their lengths. The CertificateRequest must fit the buffers of small peers for a message
  // (16 KiB in mbedTLS), and costs each handshake its bytes.
  static constexpr std::size_t kMaxNameBytes = std::size_t{8} * 1024;

  crypto::OwnedStore trust;
  // What the CertificateRequest says (RFC 5246 §7.4.4): subjects in DER; empty where all together
  // have more than kMaxNameBytes.
  std::shared_ptr<const std::vector<handshake::Buffer>> names;

  // load parses the option `ca`.
  static Result<std::shared_ptr<const ClientAuthority>> load(const std::string& ca);
};

// HostIdentity is a HostIdentityConfig, parsed; or, with an empty host, the server's own.
// Immutable, so handshakes of any thread share it.
struct HostIdentity {
  std::string host;                                     // in lower case
  std::shared_ptr<const handshake::Identity> identity;  // null: see without_certificate
  std::shared_ptr<const ClientAuthority> authority;     // null: that of the server
  std::vector<std::string> addresses;                   // see addresses_of
  // Keeps a session that began under one identity from being resumed under another, which may
  // require another client certificate (RFC 6066 §3).
  std::array<std::byte, 32> binding{};

  static Result<std::shared_ptr<const HostIdentity>> load(const HostIdentityConfig& config);
  // load_own is for the server itself, which has no host name.
  static Result<std::shared_ptr<const HostIdentity>> load_own(const IdentityConfig& identity,
                                                              const std::string& ca);
  // without_certificate is for the server itself where only pre-shared keys are used.
  static Result<std::shared_ptr<const HostIdentity>> without_certificate(const std::string& ca);
};

// HostIdentities finds the one for a ClientHello. Any thread.
class HostIdentities {
 public:
  using Found = std::shared_ptr<const HostIdentity>;  // null: the server's own

  explicit HostIdentities(Found own) : own_(std::move(own)) {}

  void add(Found identity);
  [[nodiscard]] const Found& own() const { return own_; }
  [[nodiscard]] Found by_name(std::string_view name) const;
  // The server's own certificate comes first among those of an address.
  [[nodiscard]] Found by_address(const Address& local) const;

 private:
  Found own_;
  mutable std::mutex mutex_;  // held for as long as a look-up takes
  std::vector<Found> identities_;
  std::unordered_map<std::string, std::size_t> places_;  // of hosts in identities_
};

}  // namespace dtls::association
