// The cryptography alone, as cheap as libcrypto gives it: contexts are made and keyed beforehand
// wherever a program could keep them. What an engine costs beyond it is its own.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "crypto/owned.hpp"
#include "engine/candidate.hpp"

namespace dtls::bench {

// BarePublicKey is what a full handshake needs of X25519 and ECDSA P-256.
class BarePublicKey {
 public:
  BarePublicKey();
  // server: a fresh key, one agreement, one signature.
  void server();
  // client: a fresh key, one agreement, and the signatures of the key exchange and of the leaf.
  void client();

 private:
  using OwnedContext = crypto::OwnedBy<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

  void agree();
  void verify();

  OwnedContext generator_;
  crypto::OwnedKey peer_;
  crypto::OwnedKey signing_key_;
  OwnedContext signer_;
  OwnedContext verifier_;
  std::vector<unsigned char> signature_;
};

// BareAead is AES-128-GCM with the nonce and the 13 bytes of additional data of a record.
class BareAead {
 public:
  static constexpr std::size_t kTagSize = 16;

  BareAead();
  // seal encrypts the front of `record` in place; the tag goes to its last kTagSize bytes.
  void seal(std::span<std::byte> record);
  void open(std::span<std::byte> record);

 private:
  using OwnedContext = crypto::OwnedBy<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

  OwnedContext sealer_;
  OwnedContext opener_;
};

}  // namespace dtls::bench
