#include "credentials/openssl_errors.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "crypto/owned.hpp"

namespace dtls::credentials {
namespace {

std::string text_of(const crypto::OwnedBio& bio) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &start);
  return size > 0 ? std::string(start, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

std::string take_error_text() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "no reason given by OpenSSL" : reason;
}

std::string subject_of(X509* certificate) {
  const crypto::OwnedBio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  const std::string text = text_of(bio);
  return text.empty() ? "no subject" : text;
}

std::string to_pem(std::span<const std::byte> der) {
  const crypto::OwnedBio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio(bio.get(), PEM_STRING_X509, "", reinterpret_cast<const unsigned char*>(der.data()),
                static_cast<long>(der.size()));
  return text_of(bio);
}

}  // namespace dtls::credentials
