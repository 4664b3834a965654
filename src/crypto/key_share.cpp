#include "crypto/key_share.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "crypto/libcrypto.hpp"
#include "crypto/per_thread.hpp"

namespace dtls::crypto {
namespace {

using OwnedContext = OwnedBy<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

constexpr std::uint8_t kIllegalParameter = 47;  // RFC 8446 §6.2
constexpr std::byte kUncompressed{4};           // RFC 8446 §4.2.8.2
// Both halves give 32 bytes, ML-KEM first (draft-ietf-tls-ecdhe-mlkem §4.3).
constexpr std::size_t kHybridSecretSize = 64;

// What OpenSSL calls a group, and the sizes of its public values: of the side that speaks first,
// and of the side that answers.
struct GroupTraits {
  const char* algorithm;
  const char* name;
  std::size_t first_size;
  std::size_t answer_size;
  bool is_curve_of_points;
  bool is_kem;
};

const GroupTraits& traits_of(Group group) {
  static constexpr GroupTraits kP256{"EC", "P-256", 65, 65, true, false};
  static constexpr GroupTraits kP384{"EC", "P-384", 97, 97, true, false};
  static constexpr GroupTraits kX25519{"X25519", "X25519", 32, 32, false, false};
  // ML-KEM-768's encapsulation key or ciphertext, then X25519's share (draft-ietf-tls-ecdhe-mlkem
  // §4.1, §4.2). libcrypto has the hybrid as one algorithm, in that order. Nothing of it can run
  // under OpenSSL 3.0; the tests of it are skipped there.
  static constexpr GroupTraits kHybrid{
      "X25519MLKEM768", "X25519MLKEM768", 1184 + 32, 1088 + 32, false, true};
  switch (group) {
    case Group::kP256:
      return kP256;
    case Group::kP384:
      return kP384;
    case Group::kX25519:
      return kX25519;
    case Group::kX25519MlKem768:
      break;
  }
  return kHybrid;
}

EVP_PKEY* make_parameters(Group group) {
  const auto& traits = traits_of(group);
  const OwnedContext context(EVP_PKEY_CTX_new_from_name(nullptr, traits.algorithm, nullptr));
  EVP_PKEY* key = nullptr;
  if (context == nullptr || EVP_PKEY_paramgen_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_group_name(context.get(), traits.name) != 1 ||
      EVP_PKEY_paramgen(context.get(), &key) != 1) {
    ERR_clear_error();
    return nullptr;
  }
  return key;
}

// parameters_of gives the key without numbers that every key of the group begins as. Made once for
// the process and never freed: to look up the algorithm costs more than what is done with it.
EVP_PKEY* parameters_of(Group group) {
  switch (group) {
    case Group::kP256: {
      static EVP_PKEY* const kKey = make_parameters(Group::kP256);
      return kKey;
    }
    case Group::kP384: {
      static EVP_PKEY* const kKey = make_parameters(Group::kP384);
      return kKey;
    }
    case Group::kX25519: {
      static EVP_PKEY* const kKey = make_parameters(Group::kX25519);
      return kKey;
    }
    case Group::kX25519MlKem768: {
      static EVP_PKEY* const kKey = make_parameters(Group::kX25519MlKem768);
      return kKey;
    }
  }
  return nullptr;
}

Error bad_share() {
  ERR_clear_error();
  return Error{.kind = ErrorKind::kMalformed,
               .sys_errno = EPROTO,
               .message = "the peer's key share is not a public key of its group",
               .alert = kIllegalParameter};
}

// Contexts that make keys, one after the other, and remember none of them: to set one up is to look
// up the algorithm again.
struct Generators {
  OwnedContext p256;
  OwnedContext p384;
  OwnedContext x25519;
  OwnedContext hybrid;

  OwnedContext& of(Group group) {
    switch (group) {
      case Group::kP256:
        return p256;
      case Group::kP384:
        return p384;
      case Group::kX25519:
        return x25519;
      case Group::kX25519MlKem768:
        break;
    }
    return hybrid;
  }
};

OwnedContext make_generator(Group group) {
  EVP_PKEY* const parameters = parameters_of(group);
  if (parameters == nullptr) return nullptr;
  OwnedContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, parameters, nullptr));
  if (context == nullptr || EVP_PKEY_keygen_init(context.get()) != 1) return nullptr;
  return context;
}

OwnedKey make_key(Group group) {
  return PerThread<Generators>::with([&](Generators& generators) -> OwnedKey {
    OwnedContext& context = generators.of(group);
    if (context == nullptr) context = make_generator(group);
    EVP_PKEY* key = nullptr;
    if (context == nullptr || EVP_PKEY_generate(context.get(), &key) != 1) return nullptr;
    return OwnedKey(key);
  });
}

// public_of gives what the peer is sent; empty when libcrypto fails.
std::vector<std::byte> public_of(Group group, const EVP_PKEY* key) {
  std::vector<std::byte> encoded(traits_of(group).first_size);
  std::size_t size = 0;
  if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY,
                                      raw(std::span(encoded)), encoded.size(), &size) != 1 ||
      size != encoded.size()) {
    return {};
  }
  return encoded;
}

bool is_well_formed(Group group, Bytes encoded) {
  const auto& traits = traits_of(group);
  return encoded.size() == traits.first_size &&
         (!traits.is_curve_of_points || encoded.front() == kUncompressed);
}

// empty_key gives a key that has yet to get its public value.
OwnedKey empty_key(Group group) {
  EVP_PKEY* const parameters = parameters_of(group);
  OwnedKey key(EVP_PKEY_new());
  if (parameters == nullptr || key == nullptr ||
      EVP_PKEY_copy_parameters(key.get(), parameters) != 1) {
    return nullptr;
  }
  return key;
}

// set_public reads a peer's public value into `key`. False where it is none: that a point is on
// its curve is checked here by libcrypto, as it decodes.
bool set_public(const OwnedKey& key, Group group, Bytes encoded) {
  return key != nullptr && is_well_formed(group, encoded) &&
         EVP_PKEY_set1_encoded_public_key(key.get(), raw(encoded), encoded.size()) == 1;
}

Result<SharedSecret> derive_with(EVP_PKEY* own, EVP_PKEY* peer) {
  const OwnedContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own, nullptr));
  // No validation of the peer's key (the 0): it would repeat set_public's on P-256 and P-384, whose
  // order is prime (no small subgroups), at the price of a multiplication.
  if (context == nullptr || EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer_ex(context.get(), peer, 0) != 1) {
    return libcrypto_failed("prepare a key agreement");
  }
  constexpr std::size_t kMost = 64;
  SharedSecret room(kMost);
  std::size_t size = kMost;
  // X25519 fails for a result of zero; so do we, should a provider not (RFC 8446 §7.4.2).
  if (EVP_PKEY_derive(context.get(), raw(room.writable()), &size) != 1 || size > kMost)
    return bad_share();
  const auto secret = room.view().first(size);
  auto any = std::byte{0};
  for (const auto byte : secret)
    any |= byte;
  if (any == std::byte{0}) return bad_share();
  return SharedSecret(secret);
}

// The peers' keys, one after the other in the same objects: to copy a curve's parameters costs
// OpenSSL 3.0 four times what decoding a point does.
struct Peers {
  OwnedKey p256;
  OwnedKey p384;
  OwnedKey x25519;

  OwnedKey& of(Group group) {
    if (group == Group::kP256) return p256;
    return group == Group::kP384 ? p384 : x25519;
  }
};

Result<SharedSecret> derive_ecdh(Group group, EVP_PKEY* own, Bytes peer_public) {
  return PerThread<Peers>::with([&](Peers& peers) -> Result<SharedSecret> {
    OwnedKey& peer = peers.of(group);
    if (peer == nullptr) peer = empty_key(group);
    if (!set_public(peer, group, peer_public)) return bad_share();
    return derive_with(own, peer.get());
  });
}

Result<SharedSecret> decapsulate(EVP_PKEY* own, Bytes ciphertext) {
  const OwnedContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, own, nullptr));
  if (context == nullptr || EVP_PKEY_decapsulate_init(context.get(), nullptr) != 1)
    return libcrypto_failed("prepare a decapsulation");
  SharedSecret secret(kHybridSecretSize);
  std::size_t size = secret.size();
  if (EVP_PKEY_decapsulate(context.get(), raw(secret.writable()), &size, raw(ciphertext),
                           ciphertext.size()) != 1 ||
      size != secret.size()) {
    return bad_share();
  }
  return secret;
}

Result<Agreed> encapsulate(Group group, Bytes peer_public) {
  const OwnedKey peer = empty_key(group);
  if (!set_public(peer, group, peer_public)) return bad_share();
  const OwnedContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, peer.get(), nullptr));
  if (context == nullptr || EVP_PKEY_encapsulate_init(context.get(), nullptr) != 1)
    return libcrypto_failed("prepare an encapsulation");
  Agreed agreed{std::vector<std::byte>(traits_of(group).answer_size),
                SharedSecret(kHybridSecretSize)};
  std::size_t public_size = agreed.public_key.size();
  std::size_t secret_size = agreed.secret.size();
  if (EVP_PKEY_encapsulate(context.get(), raw(std::span(agreed.public_key)), &public_size,
                           raw(agreed.secret.writable()), &secret_size) != 1 ||
      public_size != agreed.public_key.size() || secret_size != agreed.secret.size()) {
    return bad_share();
  }
  return agreed;
}

}  // namespace

bool is_available(Group group) {
  return parameters_of(group) != nullptr;
}

KeyShare::KeyShare(Group group, OwnedKey key, std::vector<std::byte> public_key)
    : key_(std::move(key)), public_(std::move(public_key)), group_(group) {}

Result<KeyShare> KeyShare::generate(Group group) {
  OwnedKey key = make_key(group);
  if (key == nullptr) return libcrypto_failed("make an ephemeral key");
  auto encoded = public_of(group, key.get());
  if (encoded.empty()) return libcrypto_failed("encode an ephemeral key");
  return KeyShare(group, std::move(key), std::move(encoded));
}

Result<SharedSecret> KeyShare::derive(Bytes peer_public) const {
  const auto& traits = traits_of(group_);
  if (peer_public.size() != traits.answer_size) return bad_share();
  return traits.is_kem ? decapsulate(key_.get(), peer_public)
                       : derive_ecdh(group_, key_.get(), peer_public);
}

Result<Agreed> agree(Group group, Bytes peer_public) {
  const auto& traits = traits_of(group);
  if (peer_public.size() != traits.first_size) return bad_share();
  if (traits.is_kem) return encapsulate(group, peer_public);
  auto share = KeyShare::generate(group);
  if (!share) return std::move(share).error();
  auto secret = share->derive(peer_public);
  if (!secret) return std::move(secret).error();
  const auto own = share->public_key();
  return Agreed{{own.begin(), own.end()}, std::move(*secret)};
}

}  // namespace dtls::crypto
