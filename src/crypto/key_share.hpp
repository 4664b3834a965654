// Key agreement: ephemeral ECDH, and the hybrid of X25519 and ML-KEM.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "crypto/owned.hpp"
#include "crypto/secret.hpp"
#include "dtls/error.hpp"

namespace dtls::crypto {

// The numbers of the supported_groups extension (RFC 8446 §4.2.7, draft-ietf-tls-ecdhe-mlkem §4).
enum class Group : std::uint16_t {
  kP256 = 23,
  kP384 = 24,
  kX25519 = 29,
  kX25519MlKem768 = 0x11ec,
};

// is_available says whether libcrypto, as it is here and now, has the group: ML-KEM came with
// OpenSSL 3.5. Any thread.
bool is_available(Group group);

// KeyShare is the ephemeral key of the side that speaks first. It is used once. One thread at a
// time.
class KeyShare {
 public:
  // generate makes a fresh key. Fails with kSystem when libcrypto does or has no such group.
  static Result<KeyShare> generate(Group group);

  // public_key is what the peer is sent: an uncompressed point (RFC 8446 §4.2.8.2, RFC 8422
  // §5.4.1), 32 bytes for X25519, or the ML-KEM encapsulation key with those of X25519 after it.
  [[nodiscard]] Bytes public_key() const { return public_; }
  [[nodiscard]] Group group() const { return group_; }

  // derive agrees with what the peer sent. Fails with kMalformed, alert illegal_parameter, when
  // that has the wrong size, is no point of the curve, or gives zero (RFC 7748 §6.1, RFC 8446
  // §7.4.2).
  [[nodiscard]] Result<SharedSecret> derive(Bytes peer_public) const;

 private:
  KeyShare(Group group, OwnedKey key, std::vector<std::byte> public_key);

  OwnedKey key_;
  std::vector<std::byte> public_;
  Group group_;
};

// Agreed is all of a key agreement: what is sent to the peer, and what is then shared with it.
struct Agreed {
  std::vector<std::byte> public_key;
  SharedSecret secret;
};

// agree answers a peer that spoke first: makes a key and derives, or encapsulates. Fails like
// generate and derive. Any thread.
Result<Agreed> agree(Group group, Bytes peer_public);

}  // namespace dtls::crypto
