#include "association/host_identities.hpp"

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "credentials/names.hpp"
#include "credentials/pem.hpp"
#include "credentials/trust.hpp"
#include "crypto/hash.hpp"
#include "crypto/signature.hpp"

namespace dtls::association {
namespace {

Error refuse_key(const std::string& why) {
  return {ErrorKind::kMisuse, EINVAL, "option `cert`: " + why, {}};
}

// As long as a peer's must be (credentials/verify.cpp).
Result<void> check_rsa_key(const EVP_PKEY* key) {
  constexpr int kLeastBits = 2048;
  const int bits = EVP_PKEY_get_bits(key);
  if (bits >= kLeastBits) return {};
  return refuse_key("no peer would take an RSA key of " + std::to_string(bits) +
                    " bits; give one of at least " + std::to_string(kLeastBits));
}

// A key that no client takes would make every handshake fail.
Result<void> check_server_key(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) return check_rsa_key(key);
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return {};
  if (EVP_PKEY_is_a(key, "EC") != 1) {
    return refuse_key(std::string("no client would take a key of the kind ") +
                      EVP_PKEY_get0_type_name(key) + "; give one of ECDSA P-256, Ed25519 or RSA");
  }
  std::array<char, 64> curve{};
  if (EVP_PKEY_get_group_name(key, curve.data(), curve.size(), nullptr) == 1) {
    const std::string_view name(curve.data());
    if (name == "prime256v1" || name == "secp384r1") return {};
  }
  return refuse_key("no client would take an ECDSA key on the curve " + std::string(curve.data()) +
                    "; give one of P-256 or P-384");
}

// A key that no scheme is for would be left out of every handshake, without a word.
Result<void> check_client_key(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) return check_rsa_key(key);
  std::array<crypto::SignatureScheme, crypto::kMaxSchemesOfKey> schemes{};
  if (crypto::schemes_of(key, true, schemes) > 0 || crypto::schemes_of(key, false, schemes) > 0) {
    return {};
  }
  return refuse_key(std::string("a key of the kind ") + EVP_PKEY_get0_type_name(key) +
                    " signs no handshake; give one of ECDSA P-256, P-384 or P-521, Ed25519 or RSA");
}

bool has(const std::vector<std::string>& addresses, const std::string& wanted) {
  return std::ranges::find(addresses, wanted) != addresses.end();
}

// The hash of all that decides who may resume a session.
std::array<std::byte, 32> binding_of(const HostIdentity& identity, const std::string& ca) {
  const auto bytes = [](const std::string& text) { return std::as_bytes(std::span(text)); };
  const std::array zero{std::byte{0}};
  const auto shown = identity.identity == nullptr
                         ? handshake::Bytes()
                         : handshake::Bytes(identity.identity->chain.front());
  const auto leaf = crypto::hash(crypto::HashAlgorithm::kSha256, {shown});
  const auto digest = crypto::hash(crypto::HashAlgorithm::kSha256,
                                   {leaf.view(), bytes(identity.host), zero, bytes(ca)});
  std::array<std::byte, 32> hash{};
  std::ranges::copy(digest.view(), hash.begin());
  return hash;
}

Result<std::shared_ptr<const HostIdentity>> complete(std::shared_ptr<HostIdentity> loaded,
                                                     const std::string& ca) {
  if (!ca.empty()) {
    auto authority = ClientAuthority::load(ca);
    if (!authority) return std::move(authority).error();
    loaded->authority = std::move(*authority);
  }
  loaded->binding = binding_of(*loaded, ca);
  return std::shared_ptr<const HostIdentity>(std::move(loaded));
}

Result<std::shared_ptr<const HostIdentity>> load_with(std::string host,
                                                      const IdentityConfig& config,
                                                      const std::string& ca) {
  auto identity = load_identity(config, true);
  if (!identity) return std::move(identity).error();
  auto loaded = std::make_shared<HostIdentity>();
  loaded->host = std::move(host);
  loaded->identity = std::move(*identity);
  loaded->addresses = addresses_of(*loaded->identity);
  return complete(std::move(loaded), ca);
}

}  // namespace

Result<std::shared_ptr<const handshake::Identity>> load_identity(const IdentityConfig& config,
                                                                 bool for_server) {
  auto parsed = credentials::load_identity(config);
  if (!parsed) return std::move(parsed).error();
  const auto fine =
      for_server ? check_server_key(parsed->key.get()) : check_client_key(parsed->key.get());
  if (!fine) return fine.error();
  auto identity = std::make_shared<handshake::Identity>();
  for (const auto& certificate : parsed->chain)
    identity->chain.push_back(credentials::to_der(certificate.get()));
  identity->key = std::shared_ptr<EVP_PKEY>(parsed->key.release(), EVP_PKEY_free);
  return std::shared_ptr<const handshake::Identity>(std::move(identity));
}

std::vector<std::string> addresses_of(const handshake::Identity& identity) {
  const auto leaf = credentials::from_der(identity.chain.front());
  return leaf == nullptr ? std::vector<std::string>() : credentials::ip_names(leaf.get());
}

Result<std::shared_ptr<const ClientAuthority>> ClientAuthority::load(const std::string& ca) {
  auto trust = credentials::load_trust(ca, false);
  if (!trust) return std::move(trust).error();
  auto anchors = credentials::parse_certificates(ca, "ca");
  if (!anchors) return std::move(anchors).error();
  auto names = std::make_shared<std::vector<handshake::Buffer>>();
  std::size_t bytes = 0;
  for (const auto& anchor : *anchors) {
    names->push_back(credentials::subject_der(anchor.get()));
    bytes += sizeof(std::uint16_t) + names->back().size();
  }
  // A part of the list would have clients of the other authorities show no certificate; an empty
  // one lets them show any (RFC 5246 §7.4.4, RFC 8446 §4.2.4).
  if (bytes > kMaxNameBytes) names->clear();
  auto authority = std::make_shared<ClientAuthority>();
  authority->trust = std::move(*trust);
  authority->names = std::move(names);
  return std::shared_ptr<const ClientAuthority>(std::move(authority));
}

Result<std::shared_ptr<const HostIdentity>> HostIdentity::load(const HostIdentityConfig& config) {
  auto host = credentials::parse_host_name(config.host, "name", credentials::Wildcard::kAllowed);
  if (!host) return std::move(host).error();
  return load_with(std::move(*host), config.identity, config.ca);
}

Result<std::shared_ptr<const HostIdentity>> HostIdentity::load_own(const IdentityConfig& identity,
                                                                   const std::string& ca) {
  return load_with({}, identity, ca);
}

Result<std::shared_ptr<const HostIdentity>> HostIdentity::without_certificate(
    const std::string& ca) {
  return complete(std::make_shared<HostIdentity>(), ca);
}

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
  if (has(own_->addresses, octets)) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(
      identities_, [&](const Found& identity) { return has(identity->addresses, octets); });
  return found == identities_.end() ? nullptr : *found;
}

}  // namespace dtls::association
