#include "crypto/context_cache.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string_view>

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

const Ciphers& ciphers() {
  static const Ciphers kCiphers;
  return kCiphers;
}

const EVP_CIPHER* cipher_of(CipherUse use) {
  const Ciphers& all = ciphers();
  const bool masks = use.task == CipherUse::Task::kMask;
  switch (use.algorithm) {
    case AeadAlgorithm::kAes128Gcm:
      return masks ? all.aes128_ecb : all.aes128_gcm;
    case AeadAlgorithm::kAes256Gcm:
      return masks ? all.aes256_ecb : all.aes256_gcm;
    case AeadAlgorithm::kChaCha20Poly1305:
      return masks ? all.chacha20 : all.chacha20_poly1305;
    case AeadAlgorithm::kAes128Ccm:
    case AeadAlgorithm::kAes128Ccm8:
      return masks ? all.aes128_ecb : all.aes128_ccm;
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

constexpr std::size_t kGcmTagSize = 16;
using OwnedContext = OwnedBy<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;
using ProbedRecord = std::array<std::byte, kExplicitNonceSize + 1 + kGcmTagSize>;
constexpr std::array<std::byte, kMaxAeadKeySize> kProbeKey{std::byte{1}};
constexpr std::array<std::byte, kAeadNonceSize> kProbeNonce{std::byte{2}, std::byte{3}};
constexpr std::array<std::byte, kTls12AadSize> kProbeAad{std::byte{4}};

// A record of one byte, by the calls that are meant for it.
bool seal_as_usual(EVP_CIPHER_CTX* context, ProbedRecord& record) {
  unsigned char* const text = raw(std::span<std::byte>(record)) + kExplicitNonceSize;
  std::copy_n(kProbeNonce.end() - kExplicitNonceSize, kExplicitNonceSize, record.begin());
  auto aad = kProbeAad;
  aad.back() = std::byte{1};
  int done = 0;
  return EVP_EncryptUpdate(context, nullptr, &done, raw(Bytes(aad)), kTls12AadSize) == 1 &&
         EVP_EncryptUpdate(context, text, &done, text, 1) == 1 &&
         EVP_EncryptFinal_ex(context, text + 1, &done) == 1 &&
         EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kGcmTagSize, text + 1) == 1;
}

// The same in the three ways that there are, and whether they agree.
bool agrees_with_itself(const EVP_CIPHER* cipher, ProbedRecord& sealed) {
  const OwnedContext context(EVP_CIPHER_CTX_new());
  const OSSL_PARAM nonce[] = {nonce_parameter(kProbeNonce), OSSL_PARAM_END};
  std::array<ProbedRecord, 2> records{};
  return context != nullptr &&
         EVP_EncryptInit_ex2(context.get(), cipher, raw(Bytes(kProbeKey)), raw(Bytes(kProbeNonce)),
                             nullptr) == 1 &&
         seal_as_usual(context.get(), records[0]) &&
         EVP_CIPHER_CTX_set_params(context.get(), nonce) == 1 &&
         seal_as_usual(context.get(), records[1]) &&
         seal_record(context.get(), kProbeNonce, kProbeAad, sealed) && records[0] == records[1] &&
         records[1] == sealed;
}

// Whether the record is opened in one call, and one with another tag or other additional data is
// not.
bool opens_what_is_genuine(const EVP_CIPHER* cipher, const ProbedRecord& sealed) {
  const OwnedContext context(EVP_CIPHER_CTX_new());
  if (context == nullptr || EVP_DecryptInit_ex2(context.get(), cipher, raw(Bytes(kProbeKey)),
                                                raw(Bytes(kProbeNonce)), nullptr) != 1) {
    return false;
  }
  auto nonce = kProbeNonce;  // the explicit part is the record's, and not this
  std::fill_n(nonce.end() - kExplicitNonceSize, kExplicitNonceSize, std::byte{9});
  auto other_aad = kProbeAad;
  other_aad[0] ^= std::byte{1};
  auto forged = sealed;
  forged.back() ^= std::byte{1};
  auto genuine = sealed;
  auto genuine_too = sealed;
  return !open_record(context.get(), nonce, kProbeAad, forged) &&
         open_record(context.get(), nonce, kProbeAad, genuine) &&
         genuine[kExplicitNonceSize] == std::byte{0} &&
         !open_record(context.get(), nonce, other_aad, genuine_too);
}

// A provider of somebody else's might take the size of nonce_parameter literally, so only the
// default provider is tried at all, and only one that does the same all ways is believed.
bool has_parameters(const EVP_CIPHER* cipher) {
  if (cipher == nullptr || EVP_CIPHER_get0_provider(cipher) == nullptr ||
      std::string_view(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(cipher))) != "default") {
    return false;
  }
  ProbedRecord sealed{};
  const bool agrees = agrees_with_itself(cipher, sealed) && opens_what_is_genuine(cipher, sealed);
  ERR_clear_error();
  return agrees;
}

}  // namespace

bool takes_nonce_as_parameter(AeadAlgorithm algorithm) {
  static const bool kTakes =
      has_parameters(ciphers().aes128_gcm) && has_parameters(ciphers().aes256_gcm);
  return kTakes &&
         (algorithm == AeadAlgorithm::kAes128Gcm || algorithm == AeadAlgorithm::kAes256Gcm);
}

OSSL_PARAM nonce_parameter(AeadNonce nonce) {
  // Less than the whole would be followed by random bytes; -1 is libcrypto's word for the whole
  // (EVP_CTRL_AEAD_SET_IV_FIXED). What it refers to is only read.
  constexpr auto kWhole = static_cast<std::size_t>(-1);
  return {OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, OSSL_PARAM_OCTET_STRING,
          const_cast<std::byte*>(nonce.data()), kWhole, OSSL_PARAM_UNMODIFIED};
}

namespace {

// One call for a whole record. `length` is what libcrypto is told in the additional data: it takes
// off the explicit nonce, and when it opens also the tag.
bool process_record(EVP_CIPHER_CTX* context, AeadNonce nonce,
                    std::span<const std::byte, kTls12AadSize> aad, std::size_t length,
                    std::span<std::byte> record) {
  std::array<std::byte, kTls12AadSize> told;
  std::ranges::copy(aad, told.begin());
  told[kTls12AadSize - 2] = static_cast<std::byte>(length >> 8U);
  told[kTls12AadSize - 1] = static_cast<std::byte>(length & 0xffU);
  const OSSL_PARAM params[] = {{OSSL_CIPHER_PARAM_AEAD_TLS1_AAD, OSSL_PARAM_OCTET_STRING,
                                told.data(), told.size(), OSSL_PARAM_UNMODIFIED},
                               nonce_parameter(nonce),
                               OSSL_PARAM_END};
  return EVP_CIPHER_CTX_set_params(context, params) == 1 &&
         EVP_Cipher(context, raw(record), raw(Bytes(record)),
                    static_cast<unsigned>(record.size())) > 0;
}

}  // namespace

bool seal_record(EVP_CIPHER_CTX* context, AeadNonce nonce,
                 std::span<const std::byte, kTls12AadSize> aad, std::span<std::byte> record) {
  return process_record(context, nonce, aad, record.size() - kGcmTagSize, record);
}

bool open_record(EVP_CIPHER_CTX* context, AeadNonce nonce,
                 std::span<const std::byte, kTls12AadSize> aad, std::span<std::byte> record) {
  return process_record(context, nonce, aad, record.size(), record);
}

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

// Another key in place of one is all that AES, GCM and their tables hold; it costs half of what it
// takes to free a context and make one for the next key. The others have more in them than that.
bool ContextCache::overwrite_key(EVP_CIPHER_CTX* context, std::size_t index) {
  static constexpr std::array<unsigned char, kMaxCipherKeySize> kNoKey{};
  const auto algorithm = static_cast<AeadAlgorithm>(index % kAlgorithms);
  return (algorithm == AeadAlgorithm::kAes128Gcm || algorithm == AeadAlgorithm::kAes256Gcm) &&
         EVP_CipherInit_ex2(context, nullptr, kNoKey.data(), nullptr, -1, nullptr) == 1;
}

void ContextCache::forget(std::uint64_t id) {
  for (std::size_t index = 0; index < tables_.size(); ++index) {
    const auto& table = tables_[index];
    if (table == nullptr) continue;
    Slot& slot = (*table)[slot_of(id)];
    if (slot.id != id) continue;
    slot.id = 0;
    if (!overwrite_key(slot.context.get(), index)) slot.context.reset();  // wiped as it is freed
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
  leave_thread();
}

void CipherKey::leave_thread() const noexcept {
  if (id_ == 0) return;
  if (auto* const cache = PerThread<ContextCache>::existing()) cache->forget(id_);
}

}  // namespace dtls::crypto
