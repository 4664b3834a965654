// The peer of the fuzzed association has keys, and whatever it sends is well protected: content is
// in the clear, every tag opens, record numbers are not masked, and every MAC and signature is
// right. Linked in place of src/crypto/{aead,record_mask,signature,wipe}.cpp into the fuzzers' copy
// of the library (CMakeLists.txt); there is no other way to switch it on.
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdint>

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

// write_tag writes what `content` is to be recognised by, in as many bytes as there is room for.
void write_tag(Bytes aad, Bytes content, std::span<std::byte> tag) {
  std::uint64_t sum = 0xcbf29ce484222325U;  // FNV-1a
  if (aad.size() == kTicketAad) {
    for (const std::byte byte : content)
      sum = (sum ^ std::to_integer<unsigned>(byte)) * 0x100000001b3U;
  }
  for (std::size_t i = 0; i < tag.size(); ++i)
    tag[i] = static_cast<std::byte>(sum >> 8U * (i % 8) & 0xffU);
}

}  // namespace

bool AeadKey::seal(AeadNonce /*nonce*/, Bytes aad, Bytes plaintext,
                   std::span<std::byte> out) const {
  const std::size_t tag_size = aead_tag_size(algorithm_);
  if (key_.id() == 0 || out.size() != plaintext.size() + tag_size) return false;
  if (!plaintext.empty() && plaintext.data() != out.data()) {
    std::ranges::copy(plaintext, out.begin());
  }
  write_tag(aad, out.first(plaintext.size()), out.last(tag_size));
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
  std::array<std::byte, kMaxAeadTagSize> tag{};
  write_tag(aad, content, std::span(tag).first(tag_size));
  const bool is_ours = std::ranges::equal(std::span(tag).first(tag_size), sealed.last(tag_size));
  if (aad.size() == kTicketAad && !is_ours) return std::nullopt;
  return content.size();
}

std::optional<std::size_t> AeadKey::open_with_nonce(AeadNonce nonce,
                                                    std::span<const std::byte, kTls12AadSize> aad,
                                                    std::span<std::byte> sealed) const {
  if (sealed.size() < kExplicitNonceSize) return std::nullopt;
  return open(nonce, aad, sealed.subspan(kExplicitNonceSize));
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
