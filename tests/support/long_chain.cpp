#include "support/long_chain.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <stdexcept>
#include <vector>

#include "crypto/owned.hpp"

namespace dtls::test {
namespace {

using crypto::OwnedBio;
using crypto::OwnedCertificate;
using crypto::OwnedKey;

void require(bool fine) {
  if (!fine) throw std::runtime_error("the long chain could not be made");
}

struct Member {
  OwnedKey key;
  OwnedCertificate certificate;
};

void extend(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// issuer: nullptr for a certificate signed by its own key.
Member issue_by(const Member* issuer, const std::string& name, long serial,
                const std::string& alt_names, bool is_authority) {
  Member member{OwnedKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")),
                OwnedCertificate(X509_new())};
  X509* raw = member.certificate.get();
  X509_set_version(raw, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), serial);
  X509_gmtime_adj(X509_getm_notBefore(raw), -3600);
  X509_gmtime_adj(X509_getm_notAfter(raw), 86400);
  X509_set_pubkey(raw, member.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  const Member& signer = issuer == nullptr ? member : *issuer;
  X509_set_issuer_name(raw, X509_get_subject_name(signer.certificate.get()));
  if (is_authority) extend(raw, NID_basic_constraints, "critical,CA:TRUE");
  if (!alt_names.empty()) extend(raw, NID_subject_alt_name, alt_names);
  require(X509_sign(raw, signer.key.get(), EVP_sha256()) > 0);
  return member;
}

std::string kilobyte_of_names(int number) {
  std::string names;
  for (int i = 0; i < 16; ++i) {
    if (i > 0) names += ',';
    names += "DNS:host-" + std::to_string(i) + ".of-authority-" + std::to_string(number) +
             ".an-organisation-with-a-long-name.example";
  }
  return names;
}

template <typename Write>
std::string written(Write write) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  require(write(bio.get()) == 1);
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &start);
  return {start, static_cast<std::size_t>(size)};
}

std::string to_pem(const Member& member) {
  return written([&](BIO* bio) { return PEM_write_bio_X509(bio, member.certificate.get()); });
}

}  // namespace

struct LongChain::Inside {
  std::vector<Member> authorities;  // the root first
};

LongChain::LongChain(int intermediates) : inside_(std::make_unique<Inside>()) {
  auto& authorities = inside_->authorities;
  authorities.push_back(issue_by(nullptr, "long chain's root", 1, "", true));
  anchor_ = to_pem(authorities.front());
  for (int number = 1; number <= intermediates; ++number) {
    authorities.push_back(issue_by(&authorities.back(),
                                   "long chain's authority " + std::to_string(number), number + 1,
                                   kilobyte_of_names(number), true));
  }
}

LongChain::~LongChain() = default;

IdentityConfig LongChain::issue(std::size_t padding) const {
  std::string names = "DNS:localhost,IP:127.0.0.1";
  if (padding > 0) names += ",DNS:" + std::string(padding, 'p');
  const auto& authorities = inside_->authorities;
  const Member leaf = issue_by(&authorities.back(), "localhost", 1000, names, false);
  IdentityConfig identity;
  identity.cert = to_pem(leaf);
  for (std::size_t i = authorities.size() - 1; i > 0; --i)
    identity.cert += to_pem(authorities[i]);
  identity.key = written([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, leaf.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  return identity;
}

}  // namespace dtls::test
