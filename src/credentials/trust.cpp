#include "credentials/trust.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <cerrno>

#include "credentials/openssl_errors.hpp"
#include "credentials/pem.hpp"

namespace dtls::credentials {
namespace {

std::string date_text(const ASN1_TIME* time) {
  const crypto::OwnedBio bio(BIO_new(BIO_s_mem()));
  if (ASN1_TIME_print(bio.get(), time) != 1) return "an unreadable date";
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &start);
  return {start, static_cast<std::size_t>(size)};
}

}  // namespace

Result<crypto::OwnedStore> load_trust(const std::string& ca, bool with_system) {
  crypto::OwnedStore store(X509_STORE_new());
  if (store == nullptr || (with_system && X509_STORE_set_default_paths(store.get()) != 1)) {
    return Error{ErrorKind::kSystem,
                 ENOMEM,
                 "the store of trusted certificates cannot be made: " + take_error_text(),
                 {}};
  }
  ERR_clear_error();  // a missing default file or folder is not an error
  if (!ca.empty()) {
    auto anchors = parse_certificates(ca, "ca");
    if (!anchors) return std::move(anchors).error();
    for (const auto& anchor : *anchors)
      X509_STORE_add_cert(store.get(), anchor.get());
    ERR_clear_error();  // the same certificate twice is harmless
  }
  return store;
}

std::string describe_rejection(X509_STORE_CTX* verification, const std::string& name) {
  const int code = X509_STORE_CTX_get_error(verification);
  const int depth = X509_STORE_CTX_get_error_depth(verification);
  X509* certificate = X509_STORE_CTX_get_current_cert(verification);

  std::string text = depth == 0 ? "the peer's certificate" : "a certificate in the peer's chain";
  if (certificate != nullptr) text += " (" + subject_of(certificate) + ")";
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      text += " expired on " + date_text(X509_get0_notAfter(certificate));
      break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      text += " is not valid before " + date_text(X509_get0_notBefore(certificate));
      break;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      text += " is not for \"" + name + "\", the name in option `server`";
      break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      text += " was not issued by any certificate authority trusted here (option `ca`): ";
      text += X509_verify_cert_error_string(code);
      break;
    default:
      text += " was not accepted: ";
      text += X509_verify_cert_error_string(code);
  }
  return text;
}

}  // namespace dtls::credentials
