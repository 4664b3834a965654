// ContextCache: the keyed EVP_CIPHER_CTXs of one thread.
//
// A context costs OpenSSL 1.1 KB and 480 ns to make, 180 ns to give another key, and an
// association needs four. So no association has one: each thread keeps a few, and which key is in
// which is remembered by the key's number. A key that finds another in its place takes over.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "crypto/aead.hpp"
#include "crypto/cipher_key.hpp"
#include "crypto/owned.hpp"

namespace dtls::crypto {

// What a context is set up for, and cannot be changed without being made anew.
struct CipherUse {
  enum class Task : std::uint8_t { kSeal, kOpen, kMask };
  Task task;
  AeadAlgorithm algorithm;
};

// cipher_is_available says whether a provider has what the use needs. Any thread.
bool cipher_is_available(CipherUse use);

// takes_nonce_as_parameter says whether a context of the algorithm gets a nonce by
// EVP_CIPHER_CTX_set_params, as TLS's and SSH's whole nonces do, and has seal_record and
// open_record. That is
// libcrypto's own AES-GCM only; an EVP_CipherInit_ex2 for each record costs 40 ns more there. Any
// thread.
bool takes_nonce_as_parameter(AeadAlgorithm algorithm);
// nonce_parameter is that parameter; it refers to `nonce`.
OSSL_PARAM nonce_parameter(AeadNonce nonce);
// seal_record seals a record of DTLS 1.2 in one call: `record` is the explicit nonce, which is
// written, the text, in place, and the tag. Its text has less than 2^16 - 8 bytes.
bool seal_record(EVP_CIPHER_CTX* context, AeadNonce nonce,
                 std::span<const std::byte, kTls12AadSize> aad, std::span<std::byte> record);
// open_record opens one in the same way; the explicit nonce is the record's own, and the first four
// bytes of `nonce` are the rest.
bool open_record(EVP_CIPHER_CTX* context, AeadNonce nonce,
                 std::span<const std::byte, kTls12AadSize> aad, std::span<std::byte> record);

// ContextCache is direct-mapped: a key has one slot for each use. Bounded, so that a thread with a
// million associations holds no more contexts than one with a hundred.
class ContextCache {
 public:
  // keyed gives a context with that key in it, which keeps it until the next call; only a nonce is
  // missing. Null when libcrypto fails.
  EVP_CIPHER_CTX* keyed(CipherUse use, const CipherKey& key) {
    const std::size_t index = index_of(use);
    if (tables_[index] != nullptr) [[likely]] {
      Slot& slot = (*tables_[index])[slot_of(key.id())];
      if (slot.id == key.id()) [[likely]]
        return slot.context.get();
    }
    return set_key(use, key);
  }

  // forget wipes the key from every context that has it.
  void forget(std::uint64_t id);

 private:
  // At most 75 KB for each use. More peers than that in turn miss, and a miss costs AES-GCM 200 ns
  // and ChaCha20 100 ns more; but a batch of datagrams seldom has that many.
  static constexpr unsigned kSlotBits = 6;
  static constexpr std::size_t kAlgorithms = 5;
  static constexpr std::size_t kUses = 3 * kAlgorithms;

  struct Slot {
    std::uint64_t id = 0;  // of the key; 0 is none
    OwnedBy<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free> context;
  };
  using Table = std::array<Slot, 1U << kSlotBits>;

  static std::size_t index_of(CipherUse use) {
    return static_cast<std::size_t>(use.task) * kAlgorithms +
           static_cast<std::size_t>(use.algorithm);
  }
  // Fibonacci hashing: keys are made in a fixed order, so that those of one direction would share
  // every fourth slot if the low bits were taken.
  static std::size_t slot_of(std::uint64_t id) {
    return (id * 0x9e3779b97f4a7c15U) >> (64U - kSlotBits);
  }
  EVP_CIPHER_CTX* set_key(CipherUse use, const CipherKey& key);
  static bool overwrite_key(EVP_CIPHER_CTX* context, std::size_t index);

  std::array<std::unique_ptr<Table>, kUses> tables_;
};

}  // namespace dtls::crypto
