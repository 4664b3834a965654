#include "crypto/aead.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <cstring>

#include "crypto/context_cache.hpp"
#include "crypto/libcrypto.hpp"
#include "crypto/per_thread.hpp"
#include "crypto/wipe.hpp"

namespace dtls::crypto {
namespace {

// EVP counts in int. Records have less than 2^16 bytes, so there is no reason to go to the limit.
constexpr std::size_t kMaxInput = 1U << 24U;
// What the two bytes of length in a record's additional data can say.
constexpr std::size_t kMaxTlsInner = 0xffff;

bool is_ccm(AeadAlgorithm algorithm) {
  return algorithm == AeadAlgorithm::kAes128Ccm || algorithm == AeadAlgorithm::kAes128Ccm8;
}

// OSSL_PARAM_construct_octet_string, but for the tag alone and without the call.
OSSL_PARAM tag_parameter(std::span<std::byte> tag) {
  return {OSSL_CIPHER_PARAM_AEAD_TAG, OSSL_PARAM_OCTET_STRING, tag.data(), tag.size(),
          OSSL_PARAM_UNMODIFIED};
}

// start_seal gives a context its nonce, start_open also the tag that there must be: CCM judges when
// it decrypts.
bool start_seal(EVP_CIPHER_CTX* context, AeadAlgorithm algorithm, AeadNonce nonce) {
  if (!takes_nonce_as_parameter(algorithm)) {
    return EVP_EncryptInit_ex2(context, nullptr, nullptr, raw(nonce), nullptr) == 1;
  }
  const OSSL_PARAM params[] = {nonce_parameter(nonce), OSSL_PARAM_END};
  return EVP_CIPHER_CTX_set_params(context, params) == 1;
}

bool start_open(EVP_CIPHER_CTX* context, AeadAlgorithm algorithm, AeadNonce nonce,
                std::span<std::byte> tag) {
  if (!takes_nonce_as_parameter(algorithm)) {
    const OSSL_PARAM params[] = {tag_parameter(tag), OSSL_PARAM_END};
    return EVP_DecryptInit_ex2(context, nullptr, nullptr, raw(nonce), nullptr) == 1 &&
           EVP_CIPHER_CTX_set_params(context, params) == 1;
  }
  const OSSL_PARAM params[] = {tag_parameter(tag), nonce_parameter(nonce), OSSL_PARAM_END};
  return EVP_CIPHER_CTX_set_params(context, params) == 1;
}

// start_message goes from the nonce to the text. CCM takes the text's size before all else (RFC
// 3610 §2.2).
bool start_message(EVP_CIPHER_CTX* context, AeadAlgorithm algorithm, Bytes aad, std::size_t size) {
  int done = 0;
  if (is_ccm(algorithm) &&
      EVP_CipherUpdate(context, nullptr, &done, nullptr, static_cast<int>(size)) != 1) {
    return false;
  }
  return aad.empty() ||
         EVP_CipherUpdate(context, nullptr, &done, raw(aad), static_cast<int>(aad.size())) == 1;
}

bool run_text(EVP_CIPHER_CTX* context, AeadAlgorithm algorithm, Bytes from, std::byte* to) {
  // CCM works in this call only, also for a text of no bytes, and tells those by their pointers.
  if (from.empty() && !is_ccm(algorithm)) return true;
  std::byte nothing{};
  const bool empty = from.empty();
  int done = 0;
  return EVP_CipherUpdate(context, reinterpret_cast<unsigned char*>(empty ? &nothing : to), &done,
                          reinterpret_cast<const unsigned char*>(empty ? &nothing : from.data()),
                          static_cast<int>(from.size())) == 1;
}

bool finish(EVP_CIPHER_CTX* context) {
  unsigned char rest[EVP_MAX_BLOCK_LENGTH];
  int done = 0;
  return EVP_CipherFinal_ex(context, rest, &done) == 1;
}

// GCM and ChaCha20 have decrypted by now: nobody is to see what is not authentic (RFC 5116 §2.2).
std::nullopt_t refuse(std::span<std::byte> text) {
  wipe(text);
  ERR_clear_error();
  return std::nullopt;
}

}  // namespace

bool aead_is_available(AeadAlgorithm algorithm) {
  return cipher_is_available({CipherUse::Task::kSeal, algorithm});
}

AeadKey::AeadKey(AeadAlgorithm algorithm, Bytes key)
    : key_(key, aead_key_size(algorithm)), algorithm_(algorithm) {}

bool AeadKey::seal(AeadNonce nonce, Bytes aad, Bytes plaintext, std::span<std::byte> out) const {
  const std::size_t tag_size = aead_tag_size(algorithm_);
  if (key_.id() == 0 || plaintext.size() > kMaxInput || aad.size() > kMaxInput ||
      out.size() != plaintext.size() + tag_size) {
    return false;
  }
  const bool sealed = PerThread<ContextCache>::with([&](ContextCache& cache) {
    EVP_CIPHER_CTX* const context = cache.keyed({CipherUse::Task::kSeal, algorithm_}, key_);
    if (context == nullptr) return false;
    OSSL_PARAM tag[] = {tag_parameter(out.last(tag_size)), OSSL_PARAM_END};
    return start_seal(context, algorithm_, nonce) &&
           start_message(context, algorithm_, aad, plaintext.size()) &&
           run_text(context, algorithm_, plaintext, out.data()) && finish(context) &&
           EVP_CIPHER_CTX_get_params(context, tag) == 1;
  });
  if (!sealed) ERR_clear_error();
  return sealed;
}

bool AeadKey::seal_with_nonce(AeadNonce nonce, std::span<const std::byte, kTls12AadSize> aad,
                              Bytes plaintext, std::span<std::byte> out) const {
  if (out.size() < kExplicitNonceSize) return false;
  const std::size_t inner = kExplicitNonceSize + plaintext.size();
  if (!takes_nonce_as_parameter(algorithm_) || inner > kMaxTlsInner || key_.id() == 0 ||
      out.size() != inner + aead_tag_size(algorithm_)) {
    std::ranges::copy(nonce.last<kExplicitNonceSize>(), out.begin());
    return seal(nonce, aad, plaintext, out.subspan(kExplicitNonceSize));
  }
  if (!plaintext.empty() && plaintext.data() != out.data() + kExplicitNonceSize) {
    std::memcpy(out.data() + kExplicitNonceSize, plaintext.data(), plaintext.size());
  }
  const bool sealed = PerThread<ContextCache>::with([&](ContextCache& cache) {
    EVP_CIPHER_CTX* const context = cache.keyed({CipherUse::Task::kSeal, algorithm_}, key_);
    return context != nullptr && seal_record(context, nonce, aad, out);
  });
  if (!sealed) ERR_clear_error();
  return sealed;
}

std::optional<std::size_t> AeadKey::open_with_nonce(AeadNonce nonce,
                                                    std::span<const std::byte, kTls12AadSize> aad,
                                                    std::span<std::byte> sealed) const {
  const std::size_t around = kExplicitNonceSize + aead_tag_size(algorithm_);
  if (key_.id() == 0 || sealed.size() < around) return std::nullopt;
  if (!takes_nonce_as_parameter(algorithm_) || sealed.size() > kMaxTlsInner) {
    std::array<std::byte, kAeadNonceSize> whole;
    std::ranges::copy(nonce, whole.begin());
    std::copy_n(sealed.begin(), kExplicitNonceSize, whole.end() - kExplicitNonceSize);
    return open(whole, aad, sealed.subspan(kExplicitNonceSize));
  }
  const auto text = sealed.subspan(kExplicitNonceSize, sealed.size() - around);
  const bool authentic = PerThread<ContextCache>::with([&](ContextCache& cache) {
    EVP_CIPHER_CTX* const context = cache.keyed({CipherUse::Task::kOpen, algorithm_}, key_);
    return context != nullptr && open_record(context, nonce, aad, sealed);
  });
  if (authentic) return text.size();
  return refuse(text);
}

std::optional<std::size_t> AeadKey::open(AeadNonce nonce, Bytes aad,
                                         std::span<std::byte> sealed) const {
  const std::size_t tag_size = aead_tag_size(algorithm_);
  if (key_.id() == 0 || sealed.size() < tag_size || sealed.size() > kMaxInput ||
      aad.size() > kMaxInput) {
    return std::nullopt;
  }
  const auto text = sealed.first(sealed.size() - tag_size);
  const bool authentic = PerThread<ContextCache>::with([&](ContextCache& cache) {
    EVP_CIPHER_CTX* const context = cache.keyed({CipherUse::Task::kOpen, algorithm_}, key_);
    if (context == nullptr) return false;
    // CCM has no final step.
    return start_open(context, algorithm_, nonce, sealed.last(tag_size)) &&
           start_message(context, algorithm_, aad, text.size()) &&
           run_text(context, algorithm_, text, text.data()) &&
           (is_ccm(algorithm_) || finish(context));
  });
  if (authentic) return text.size();
  return refuse(text);
}

}  // namespace dtls::crypto
