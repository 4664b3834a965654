#include "crypto/context_cache.hpp"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <atomic>

#include "crypto/libcrypto.hpp"
#include "crypto/per_thread.hpp"

namespace dtls::crypto {
namespace {

// Fetched once for the process and never freed, like the digests. AES-GCM and AES-CCM have the
// same mask (RFC 9147 §4.2.3).
struct Ciphers {
  static EVP_CIPHER* fetch(const char* name) { return EVP_CIPHER_fetch(nullptr, name, nullptr); }

  EVP_CIPHER* aes128_gcm = fetch("AES-128-GCM");
  EVP_CIPHER* aes256_gcm = fetch("AES-256-GCM");
  EVP_CIPHER* chacha20_poly1305 = fetch("ChaCha20-Poly1305");
  EVP_CIPHER* aes128_ccm = fetch("AES-128-CCM");
  EVP_CIPHER* aes128_ecb = fetch("AES-128-ECB");
  EVP_CIPHER* aes256_ecb = fetch("AES-256-ECB");
  EVP_CIPHER* chacha20 = fetch("ChaCha20");
};

const EVP_CIPHER* cipher_of(CipherUse use) {
  static const Ciphers kCiphers;
  const bool masks = use.task == CipherUse::Task::kMask;
  switch (use.algorithm) {
    case AeadAlgorithm::kAes128Gcm:
      return masks ? kCiphers.aes128_ecb : kCiphers.aes128_gcm;
    case AeadAlgorithm::kAes256Gcm:
      return masks ? kCiphers.aes256_ecb : kCiphers.aes256_gcm;
    case AeadAlgorithm::kChaCha20Poly1305:
      return masks ? kCiphers.chacha20 : kCiphers.chacha20_poly1305;
    case AeadAlgorithm::kAes128Ccm:
    case AeadAlgorithm::kAes128Ccm8:
      return masks ? kCiphers.aes128_ecb : kCiphers.aes128_ccm;
  }
  return nullptr;
}

bool is_ccm(AeadAlgorithm algorithm) {
  return algorithm == AeadAlgorithm::kAes128Ccm || algorithm == AeadAlgorithm::kAes128Ccm8;
}

// prepare gives a fresh context its cipher. CCM wants the sizes of nonce and tag before the key,
// because both go into the key's first block (RFC 3610 §2.2).
bool prepare(EVP_CIPHER_CTX* context, CipherUse use) {
  const EVP_CIPHER* const cipher = cipher_of(use);
  const int enc = use.task == CipherUse::Task::kOpen ? 0 : 1;
  if (cipher == nullptr || context == nullptr ||
      EVP_CipherInit_ex2(context, cipher, nullptr, nullptr, enc, nullptr) != 1) {
    return false;
  }
  if (use.task == CipherUse::Task::kMask || !is_ccm(use.algorithm)) return true;
  std::size_t nonce_size = kAeadNonceSize;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &nonce_size),
      OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, nullptr,
                                        aead_tag_size(use.algorithm)),
      OSSL_PARAM_construct_end(),
  };
  return EVP_CIPHER_CTX_set_params(context, params) == 1;
}

}  // namespace

bool cipher_is_available(CipherUse use) {
  return cipher_of(use) != nullptr;
}

EVP_CIPHER_CTX* ContextCache::set_key(CipherUse use, const CipherKey& key) {
  auto& table = tables_[index_of(use)];
  if (table == nullptr) table = std::make_unique<Table>();
  Slot& slot = (*table)[slot_of(key.id())];
  slot.id = 0;
  if (slot.context == nullptr) {
    slot.context.reset(EVP_CIPHER_CTX_new());
    if (!prepare(slot.context.get(), use)) {
      slot.context.reset();
      return nullptr;
    }
  }
  if (EVP_CipherInit_ex2(slot.context.get(), nullptr, raw(key.first(aead_key_size(use.algorithm))),
                         nullptr, -1, nullptr) != 1) {
    slot.context.reset();
    return nullptr;
  }
  slot.id = key.id();
  return slot.context.get();
}

void ContextCache::forget(std::uint64_t id) {
  for (const auto& table : tables_) {
    if (table == nullptr) continue;
    Slot& slot = (*table)[slot_of(id)];
    if (slot.id != id) continue;
    slot.id = 0;
    slot.context.reset();  // providers wipe what they free
  }
}

CipherKey::CipherKey(Bytes key, std::size_t size) {
  // 64 bits do not run out: at a billion keys a second it takes 500 years.
  static std::atomic<std::uint64_t> last{0};
  if (key.size() != size || size > bytes_.size()) return;
  id_ = last.fetch_add(1, std::memory_order_relaxed) + 1;
  std::ranges::copy(key, bytes_.begin());
}

CipherKey::~CipherKey() {
  wipe(bytes_);
  if (id_ == 0) return;
  if (auto* const cache = PerThread<ContextCache>::existing()) cache->forget(id_);
}

}  // namespace dtls::crypto
