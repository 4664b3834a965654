#include "credentials/leaf.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <string>

namespace dtls::credentials {
namespace {

Error unusable(const std::string& why) {
  ERR_clear_error();
  return {ErrorKind::kMalformed, EPROTO, "sent a certificate that cannot be used: " + why, {}};
}

}  // namespace

Result<Leaf> parse_leaf(std::span<const std::byte> der) {
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* end = begin;
  Leaf leaf;
  leaf.certificate.reset(d2i_X509(nullptr, &end, static_cast<long>(der.size())));
  if (leaf.certificate == nullptr || end != begin + der.size()) {
    return unusable("it is not a certificate in DER");
  }
  leaf.key.reset(X509_get_pubkey(leaf.certificate.get()));
  if (leaf.key == nullptr) return unusable("its key is of an unknown kind");
  // All bits where there is no keyUsage.
  if ((X509_get_key_usage(leaf.certificate.get()) & KU_DIGITAL_SIGNATURE) == 0) {
    return unusable("its keyUsage does not allow digitalSignature");
  }
  return leaf;
}

}  // namespace dtls::credentials
