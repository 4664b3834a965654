#include "crypto/libcrypto.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace dtls::crypto {

EVP_MD* fetched(HashAlgorithm algorithm) {
  // Never freed: objects of static storage may still hash while the process ends.
  if (algorithm == HashAlgorithm::kSha256) {
    static EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, OSSL_DIGEST_NAME_SHA2_256, nullptr);
    return kSha256;
  }
  static EVP_MD* const kSha384 = EVP_MD_fetch(nullptr, OSSL_DIGEST_NAME_SHA2_384, nullptr);
  return kSha384;
}

void require(bool done) {
  if (done) [[likely]]
    return;
  std::fputs(
      "dtls: a hash or a key could not be computed: memory is short, no loaded provider of OpenSSL "
      "offers SHA-256 and SHA-384 (see openssl.cnf), or a label is too long\n",
      stderr);
  std::abort();
}

Error libcrypto_failed(const char* what) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  Error error{.kind = ErrorKind::kSystem,
              .sys_errno = EIO,
              .message = std::string("OpenSSL could not ") + what + ": " +
                         (reason == nullptr ? "it gives no reason" : reason),
              .alert = {}};
  ERR_clear_error();
  return error;
}

}  // namespace dtls::crypto
