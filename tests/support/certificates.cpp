#include "support/certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <array>
#include <stdexcept>

#include "crypto/owned.hpp"

namespace dtls::test {
namespace {

using crypto::OwnedBio;
using crypto::OwnedCertificate;
using crypto::OwnedKey;

void require(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(std::string("test certificate: ") + what);
}

OwnedKey make_key(KeyKind kind) {
  EVP_PKEY* key = nullptr;
  switch (kind) {
    case KeyKind::kP256:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
      break;
    case KeyKind::kP384:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384");
      break;
    case KeyKind::kP521:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-521");
      break;
    case KeyKind::kEd25519:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
      break;
    case KeyKind::kEd448:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448");
      break;
    case KeyKind::kRsa1024:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{1024});
      break;
    case KeyKind::kRsa2048:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
      break;
  }
  require(key != nullptr, "no key");
  return OwnedKey(key);
}

template <typename Write>
std::string written(Write write) {
  const OwnedBio bio(BIO_new(BIO_s_mem()));
  require(write(bio.get()) == 1, "not written");
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &start);
  return {start, static_cast<std::size_t>(size)};
}

std::string to_pem(X509* certificate) {
  return written([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}
std::string to_pem(EVP_PKEY* key) {
  return written([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

void add_extension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  require(extension != nullptr, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

OwnedCertificate make_certificate(const std::string& name, EVP_PKEY* key, long from, long until) {
  static long serial = 1;
  OwnedCertificate certificate(X509_new());
  X509* raw = certificate.get();
  X509_set_version(raw, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(raw), from);
  X509_gmtime_adj(X509_getm_notAfter(raw), until);
  X509_set_pubkey(raw, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

}  // namespace

struct Authority::Inside {
  OwnedKey key = make_key(KeyKind::kP256);
  OwnedCertificate certificate;
};

void Authority::certify(const std::string& name, const Inside& issuer) {
  inside_->certificate = make_certificate(name, inside_->key.get(), -7200, 7 * 86400L);
  X509* raw = inside_->certificate.get();
  X509_set_issuer_name(raw, X509_get_subject_name(issuer.certificate.get()));
  add_extension(raw, NID_basic_constraints, "critical,CA:TRUE");
  require(X509_sign(raw, issuer.key.get(), EVP_sha256()) > 0, "not signed");
  pem_ = to_pem(raw);
}

Authority::Authority(const std::string& name) : inside_(new Inside) {
  certify(name, *inside_);
}

Authority::Authority(const std::string& name, const Authority& issuer) : inside_(new Inside) {
  certify(name, *issuer.inside_);
}

Authority::~Authority() {
  delete inside_;
}

IdentityConfig Authority::issue(const Wish& wish) const {
  const auto key = make_key(wish.kind);
  const auto certificate =
      make_certificate(wish.common_name, key.get(), wish.valid_from_s, wish.valid_until_s);
  X509* raw = certificate.get();
  X509_set_issuer_name(raw, X509_get_subject_name(inside_->certificate.get()));
  add_extension(raw, NID_subject_alt_name, wish.alt_names);
  if (!wish.key_usage.empty()) add_extension(raw, NID_key_usage, wish.key_usage);
  if (!wish.extended_key_usage.empty()) {
    add_extension(raw, NID_ext_key_usage, wish.extended_key_usage);
  }
  require(X509_sign(raw, inside_->key.get(), EVP_sha256()) > 0, "not signed");
  return {to_pem(raw), to_pem(key.get()), ""};
}

namespace {

OwnedKey read_key(const std::string& pem) {
  const OwnedBio in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return OwnedKey(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
}

}  // namespace

std::string encrypt_key(const std::string& key_pem, const std::string& password) {
  const auto key = read_key(key_pem);
  return written([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), EVP_aes_256_cbc(), password.data(),
                                         static_cast<int>(password.size()), nullptr, nullptr);
  });
}

std::string encrypt_key_traditionally(const std::string& key_pem, const std::string& password) {
  const auto key = read_key(key_pem);
  return written([&](BIO* bio) {
    return PEM_write_bio_PrivateKey_traditional(
        bio, key.get(), EVP_aes_128_cbc(), reinterpret_cast<const unsigned char*>(password.data()),
        static_cast<int>(password.size()), nullptr, nullptr);
  });
}

std::string common_name_of(const std::string& certificate_pem) {
  const OwnedBio in(
      BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
  const OwnedCertificate certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  require(certificate != nullptr, "no certificate");
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  return name.data();
}

}  // namespace dtls::test
