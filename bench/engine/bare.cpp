#include "engine/bare.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>

namespace dtls::bench {
namespace {

constexpr std::array<unsigned char, 32> kDigest{1};
constexpr std::array<unsigned char, 16> kKey{2};
constexpr std::array<unsigned char, 12> kNonce{3};
constexpr std::array<unsigned char, 13> kAad{4};

unsigned char* raw(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace

BarePublicKey::BarePublicKey()
    : generator_(EVP_PKEY_CTX_new_from_name(nullptr, "X25519", nullptr)),
      peer_(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")),
      signing_key_(EVP_EC_gen("P-256")),
      signer_(EVP_PKEY_CTX_new_from_pkey(nullptr, signing_key_.get(), nullptr)),
      verifier_(EVP_PKEY_CTX_new_from_pkey(nullptr, signing_key_.get(), nullptr)) {
  require(EVP_PKEY_keygen_init(generator_.get()) == 1 && EVP_PKEY_sign_init(signer_.get()) == 1 &&
              EVP_PKEY_verify_init(verifier_.get()) == 1,
          "bare: contexts");
  server();
}

void BarePublicKey::agree() {
  EVP_PKEY* made = nullptr;
  require(EVP_PKEY_generate(generator_.get(), &made) == 1, "bare: keygen");
  const crypto::OwnedKey key(made);
  const OwnedContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
  std::array<unsigned char, 32> secret;
  std::size_t size = secret.size();
  require(EVP_PKEY_derive_init(context.get()) == 1 &&
              EVP_PKEY_derive_set_peer(context.get(), peer_.get()) == 1 &&
              EVP_PKEY_derive(context.get(), secret.data(), &size) == 1,
          "bare: derive");
}

void BarePublicKey::verify() {
  require(EVP_PKEY_verify(verifier_.get(), signature_.data(), signature_.size(), kDigest.data(),
                          kDigest.size()) == 1,
          "bare: verify");
}

void BarePublicKey::server() {
  agree();
  std::array<unsigned char, 80> signature;
  std::size_t size = signature.size();
  require(
      EVP_PKEY_sign(signer_.get(), signature.data(), &size, kDigest.data(), kDigest.size()) == 1,
      "bare: sign");
  signature_.assign(signature.begin(), signature.begin() + static_cast<std::ptrdiff_t>(size));
}

void BarePublicKey::client() {
  agree();
  verify();
  verify();
}

BareAead::BareAead() : sealer_(EVP_CIPHER_CTX_new()), opener_(EVP_CIPHER_CTX_new()) {
  require(
      EVP_EncryptInit_ex(sealer_.get(), EVP_aes_128_gcm(), nullptr, kKey.data(), nullptr) == 1 &&
          EVP_DecryptInit_ex(opener_.get(), EVP_aes_128_gcm(), nullptr, kKey.data(), nullptr) == 1,
      "bare: AES-128-GCM");
}

void BareAead::seal(std::span<std::byte> record) {
  auto* const context = sealer_.get();
  auto* const text = raw(record);
  const int size = static_cast<int>(record.size() - kTagSize);
  int done = 0;
  require(EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, kNonce.data()) == 1 &&
              EVP_EncryptUpdate(context, nullptr, &done, kAad.data(), kAad.size()) == 1 &&
              EVP_EncryptUpdate(context, text, &done, text, size) == 1 &&
              EVP_EncryptFinal_ex(context, text + size, &done) == 1 &&
              EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagSize, text + size) == 1,
          "bare: seal");
}

void BareAead::open(std::span<std::byte> record) {
  auto* const context = opener_.get();
  auto* const text = raw(record);
  const int size = static_cast<int>(record.size() - kTagSize);
  int done = 0;
  require(EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, kNonce.data()) == 1 &&
              EVP_DecryptUpdate(context, nullptr, &done, kAad.data(), kAad.size()) == 1 &&
              EVP_DecryptUpdate(context, text, &done, text, size) == 1 &&
              EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagSize, text + size) == 1 &&
              EVP_DecryptFinal_ex(context, text + size, &done) == 1,
          "bare: open");
}

}  // namespace dtls::bench
