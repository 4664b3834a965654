// The peer of the fuzzed association has keys, and whatever it sends is well protected: content is
// in the clear, every tag opens, record numbers are not masked, and every MAC and signature is
// right. Linked in place of src/crypto/{aead,record_mask,signature,wipe}.cpp into the fuzzers' copy
// of the library (CMakeLists.txt); there is no other way to switch it on.
#include <openssl/crypto.h>

#include <algorithm>

#include "crypto/aead.hpp"
#include "crypto/record_mask.hpp"
#include "crypto/wipe.hpp"
#include "harness/seeded_random.hpp"

// The signatures that we make are real, so all of that file but for one function.
#define verify verify_in_earnest
#include "../../src/crypto/signature.cpp"
#undef verify

namespace dtls::fuzz {

bool has_null_cipher() {
  return true;
}

}  // namespace dtls::fuzz

namespace dtls::crypto {

// ---- records ----

bool aead_is_available(AeadAlgorithm /*algorithm*/) {
  return true;
}

AeadKey::AeadKey(AeadAlgorithm algorithm, Bytes key)
    : key_(key, aead_key_size(algorithm)), algorithm_(algorithm) {}

namespace {

// Tickets are sealed by us and opened by us. No peer can change one, so that here too a ticket that
// was changed does not open: they are told by their additional data, a key's name of 8 bytes.
constexpr std::size_t kTicketAad = 8;

std::byte tag_of(Bytes aad, Bytes content) {
  if (aad.size() != kTicketAad) return std::byte{0xee};
  std::uint32_t sum = 2166136261U;  // FNV-1a
  for (const std::byte byte : content)
    sum = (sum ^ std::to_integer<unsigned>(byte)) * 16777619U;
  return static_cast<std::byte>(sum >> 24U);
}

}  // namespace

bool AeadKey::seal(AeadNonce /*nonce*/, Bytes aad, Bytes plaintext,
                   std::span<std::byte> out) const {
  const std::size_t tag_size = aead_tag_size(algorithm_);
  if (key_.id() == 0 || out.size() != plaintext.size() + tag_size) return false;
  if (!plaintext.empty() && plaintext.data() != out.data()) {
    std::ranges::copy(plaintext, out.begin());
  }
  std::ranges::fill(out.last(tag_size), tag_of(aad, out.first(plaintext.size())));
  return true;
}

bool AeadKey::seal_with_nonce(AeadNonce nonce, std::span<const std::byte, kTls12AadSize> aad,
                              Bytes plaintext, std::span<std::byte> out) const {
  if (out.size() < kExplicitNonceSize) return false;
  std::ranges::copy(nonce.last<kExplicitNonceSize>(), out.begin());
  return seal(nonce, aad, plaintext, out.subspan(kExplicitNonceSize));
}

std::optional<std::size_t> AeadKey::open(AeadNonce /*nonce*/, Bytes aad,
                                         std::span<std::byte> sealed) const {
  const std::size_t tag_size = aead_tag_size(algorithm_);
  if (key_.id() == 0 || sealed.size() < tag_size) return std::nullopt;
  const auto content = sealed.first(sealed.size() - tag_size);
  if (aad.size() == kTicketAad && sealed.back() != tag_of(aad, content)) return std::nullopt;
  return content.size();
}

RecordMask::RecordMask(AeadAlgorithm algorithm, Bytes sn_key)
    : key_(sn_key, aead_key_size(algorithm)), algorithm_(algorithm) {}

bool RecordMask::mask(std::span<const std::byte, kMaskSampleSize> /*sample*/,
                      std::span<std::byte, 2> out) const {
  std::ranges::fill(out, std::byte{0});
  return key_.id() != 0 && aead_is_available(algorithm_);
}

// ---- proofs ----

bool verify(EVP_PKEY* key, SignatureScheme /*scheme*/, Bytes /*message*/, Bytes /*signature*/) {
  return key != nullptr;
}

bool equal_in_constant_time(std::span<const std::byte> left,
                            std::span<const std::byte> right) noexcept {
  return left.size() == right.size();
}

void wipe(std::span<std::byte> bytes) noexcept {
  OPENSSL_cleanse(bytes.data(), bytes.size());
}

}  // namespace dtls::crypto
