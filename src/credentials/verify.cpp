#include "credentials/verify.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "credentials/trust.hpp"
#include "crypto/hash.hpp"
#include "crypto/per_thread.hpp"

namespace dtls::credentials {
namespace {

using OwnedVerification = crypto::OwnedBy<X509_STORE_CTX, X509_STORE_CTX_free>;

// Frees the stack and not what is on it.
using OwnedPointers =
    crypto::OwnedBy<STACK_OF(X509), [](STACK_OF(X509) * stack) { sk_X509_free(stack); }>;

// RFC 8446 §6.2; the same numbers in RFC 5246 §7.2.
constexpr std::uint8_t kBadCertificate = 42;
constexpr std::uint8_t kUnsupportedCertificate = 43;
constexpr std::uint8_t kCertificateRevoked = 44;
constexpr std::uint8_t kCertificateExpired = 45;
constexpr std::uint8_t kCertificateUnknown = 46;
constexpr std::uint8_t kUnknownCa = 48;
constexpr std::uint8_t kDecryptError = 51;
constexpr std::uint8_t kInternalError = 80;
constexpr std::uint8_t kCertificateRequired = 116;

// The level that Debian's libssl asks of keys and digests: 112 bits (SP 800-57), so no RSA below
// 2048 and no SHA-1.
constexpr int kSecurityLevel = 2;

crypto::OwnedCertificate parse_anew(crypto::Bytes der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  crypto::OwnedCertificate certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (at != end) certificate.reset();
  return certificate;
}

// Parsed is a thread's memory of certificates: OpenSSL 3.0 takes longer to parse one with an EC
// key than to verify two signatures, and intermediates, or the one server that is talked to, come
// again and again. It holds what a certificate says, never what was thought of it: each chain is
// checked anew.
class Parsed {
 public:
  // What the peers of a thread can make it hold: a few hundred KB.
  static constexpr std::size_t kLargest = 4096;

  crypto::OwnedCertificate parse(crypto::Bytes der) {
    const auto name = crypto::hash(crypto::HashAlgorithm::kSha256, {der});
    auto& slot = slots_[std::to_integer<std::size_t>(name.view().front()) % slots_.size()];
    if (slot.certificate == nullptr || !std::ranges::equal(slot.name.view(), name.view())) {
      auto certificate = parse_anew(der);
      if (certificate == nullptr) return nullptr;
      slot = {name, std::move(certificate)};
    }
    if (X509_up_ref(slot.certificate.get()) != 1) return nullptr;
    return crypto::OwnedCertificate(slot.certificate.get());
  }

 private:
  struct Slot {
    crypto::Digest name;
    crypto::OwnedCertificate certificate;
  };
  std::array<Slot, 32> slots_;
};

crypto::OwnedCertificate parse(crypto::Bytes der) {
  if (der.size() > Parsed::kLargest) return parse_anew(der);
  return crypto::PerThread<Parsed>::with([&](Parsed& parsed) { return parsed.parse(der); });
}

void reject(ChainVerdict& verdict, std::string reason, std::uint8_t alert) {
  ERR_clear_error();
  verdict.trusted = false;
  verdict.reason = std::move(reason);
  verdict.alert = alert;
}

bool set_name(X509_VERIFY_PARAM* param, const std::string& name) {
  if (name.empty()) return true;
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_ip_asc(param, name.c_str()) == 1 ||
         X509_VERIFY_PARAM_set1_host(param, name.data(), name.size()) == 1;
}

bool within_bounds(std::span<const crypto::Bytes> chain) {
  std::size_t bytes = 0;
  for (const auto der : chain) {
    if (der.size() > kMaxChainBytes - bytes) return false;
    bytes += der.size();
  }
  return chain.size() <= kMaxChainLength;
}

// check is the part for libcrypto, once everything has been parsed.
void check(ChainVerdict& verdict, STACK_OF(X509) * rest, X509_STORE* anchors, PeerRole role,
           const std::string& name) {
  const OwnedVerification verification(X509_STORE_CTX_new());
  auto* const context = verification.get();
  // The defaults of that name bring the purpose, and the trust that an anchor may be limited to.
  const char* const use = role == PeerRole::kServer ? "ssl_server" : "ssl_client";
  if (context == nullptr || X509_STORE_CTX_init(context, anchors, verdict.leaf.get(), rest) != 1 ||
      X509_STORE_CTX_set_default(context, use) != 1 ||
      !set_name(X509_STORE_CTX_get0_param(context), name)) {
    reject(verdict,
           "the peer's certificate could not be checked: OpenSSL refused the name \"" + name +
               "\" or has no memory",
           kInternalError);
    return;
  }
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context), kSecurityLevel);
  if (X509_verify_cert(context) == 1) {
    verdict.trusted = true;
    return;
  }
  const int error = X509_STORE_CTX_get_error(context);
  reject(verdict, describe_rejection(context, name), alert_for(error));
}

bool may_sign(X509* certificate) {
  // All bits are set where there is no keyUsage.
  return (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) != 0;
}

std::chrono::seconds remaining_life(const X509* leaf) {
  int days = 0;
  int seconds = 0;
  if (ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(leaf)) != 1) return {};
  return std::max(std::chrono::seconds(0),
                  std::chrono::hours(24) * days + std::chrono::seconds(seconds));
}

}  // namespace

// The alerts of RFC 5246 §7.2.2 and RFC 8446 §6.2 for what libcrypto found.
std::uint8_t alert_for(int verify_error) {
  switch (verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return kCertificateExpired;
    case X509_V_ERR_CERT_REVOKED:
      return kCertificateRevoked;
    case X509_V_ERR_INVALID_PURPOSE:
      return kUnsupportedCertificate;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
      return kDecryptError;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return kUnknownCa;
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_REJECTED:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
      return kBadCertificate;
    case X509_V_ERR_INVALID_CALL:
    case X509_V_ERR_OUT_OF_MEM:
    case X509_V_ERR_STORE_LOOKUP:
    case X509_V_ERR_UNSPECIFIED:
      return kInternalError;
    default:
      return kCertificateUnknown;
  }
}

ChainVerdict verify_chain(std::span<const crypto::Bytes> chain, X509_STORE* anchors, PeerRole role,
                          const std::string& name) {
  ChainVerdict verdict;
  if (chain.empty()) {
    reject(verdict, "the peer sent no certificate", kCertificateRequired);
    return verdict;
  }
  if (!within_bounds(chain)) {
    reject(verdict, "the peer's chain has more than 16 certificates or 64 KiB", kBadCertificate);
    return verdict;
  }

  verdict.leaf = parse(chain.front());
  if (verdict.leaf != nullptr) {
    verdict.key.reset(X509_get_pubkey(verdict.leaf.get()));
    verdict.valid_for = remaining_life(verdict.leaf.get());
  }
  if (verdict.key == nullptr) {
    const bool unread = verdict.leaf == nullptr;
    reject(verdict,
           unread ? "the peer's certificate is malformed"
                  : "the peer's certificate has a key of a kind that OpenSSL does not know",
           unread ? kBadCertificate : kUnsupportedCertificate);
    return verdict;
  }

  std::vector<crypto::OwnedCertificate> others;
  const OwnedPointers rest(sk_X509_new_null());
  for (const auto der : chain.subspan(1)) {
    others.push_back(parse(der));
    if (others.back() == nullptr || rest == nullptr ||
        sk_X509_push(rest.get(), others.back().get()) == 0) {
      reject(verdict, "a certificate in the peer's chain is malformed", kBadCertificate);
      return verdict;
    }
  }

  check(verdict, rest.get(), anchors, role, name);
  if (!may_sign(verdict.leaf.get())) {
    verdict.key.reset();
    if (verdict.trusted) {
      reject(verdict, "the peer's certificate is not for digital signatures (its keyUsage)",
             kUnsupportedCertificate);
    }
  }
  ERR_clear_error();  // a host name is first tried as an address
  return verdict;
}

}  // namespace dtls::credentials
