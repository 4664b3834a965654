#include "crypto/hmac.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cerrno>

#include "crypto/owned.hpp"

namespace dtls::crypto {
namespace {

Error hmac_failed() {
  ERR_clear_error();
  return Error{.kind = ErrorKind::kSystem,
               .sys_errno = EIO,
               .message =
                   "OpenSSL could not compute HMAC-SHA256: no loaded provider offers it, "
                   "or memory is short; check the provider section of openssl.cnf",
               .alert = {}};
}

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

void HmacSha256::FreeContext::operator()(evp_mac_ctx_st* context) const {
  EVP_MAC_CTX_free(context);
}

Result<HmacSha256> HmacSha256::create(std::span<const std::byte> key) {
  if (key.empty()) {
    return Error{.kind = ErrorKind::kMisuse,
                 .sys_errno = EINVAL,
                 .message = "the key of an HMAC is empty; give one of 1 byte or more",
                 .alert = {}};
  }
  const OwnedBy<EVP_MAC, EVP_MAC_free> algorithm(
      EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr));
  if (!algorithm) {
    return hmac_failed();
  }
  OwnedContext context(EVP_MAC_CTX_new(algorithm.get()));
  if (!context) {
    return hmac_failed();
  }

  char sha256[] = OSSL_DIGEST_NAME_SHA2_256;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
      OSSL_PARAM_construct_end(),
  };
  if (EVP_MAC_init(context.get(), raw(key), key.size(), params) != 1) {
    return hmac_failed();
  }
  return HmacSha256(std::move(context));
}

Result<HmacSha256::Digest> HmacSha256::digest(
    std::initializer_list<std::span<const std::byte>> parts) {
  // Without a key the context starts anew under the one it has.
  if (EVP_MAC_init(context_.get(), nullptr, 0, nullptr) != 1) {
    return hmac_failed();
  }
  for (const auto part : parts) {
    if (EVP_MAC_update(context_.get(), raw(part), part.size()) != 1) {
      return hmac_failed();
    }
  }
  Digest digest;
  std::size_t size = 0;
  if (EVP_MAC_final(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), &size,
                    digest.size()) != 1 ||
      size != digest.size()) {
    return hmac_failed();
  }
  return digest;
}

}  // namespace dtls::crypto
