#include "record/protection.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "crypto/key_derivation.hpp"
#include "crypto/wipe.hpp"

namespace dtls::record {
namespace {

using crypto::AeadAlgorithm;

using crypto::kExplicitNonceSize;
constexpr std::size_t kSaltSize = 4;           // "implicit" or "fixed" part of a nonce
constexpr std::size_t kUnifiedHeaderSize = 5;  // first byte, 16 bits of number, length
// 001: unified header; S: 16 bits of number; L: length (RFC 9147 §4).
constexpr unsigned kUnifiedFirstByte = 0x2c;

bool has_explicit_nonce(AeadAlgorithm algorithm) {
  return algorithm != AeadAlgorithm::kChaCha20Poly1305;
}

// Network order, of the value in the machine's; compilers see no single store in a loop over bytes.
std::uint64_t in_network_order(std::uint64_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

template <std::size_t N>
void put(std::byte* to, std::uint64_t value) {
  const std::uint64_t bytes = in_network_order(value << (64 - 8 * N));
  std::memcpy(to, &bytes, N);
}

std::uint64_t epoch_and_sequence(std::uint64_t epoch, std::uint64_t sequence) {
  return epoch << 48U | sequence;
}

// RFC 6347 §4.1.2.1, RFC 5246 §6.2.3.3: epoch and number, type, version, plaintext length.
std::array<std::byte, crypto::kTls12AadSize> legacy_aad(std::uint64_t number,
                                                        wire::ContentType type,
                                                        wire::Version version, std::size_t length) {
  std::array<std::byte, crypto::kTls12AadSize> aad;
  put<8>(aad.data(), number);
  aad[8] = static_cast<std::byte>(type);
  put<2>(aad.data() + 9, version);
  put<2>(aad.data() + 11, length);
  return aad;
}

// In place already, or copied there.
void place(wire::Bytes content, std::byte* to) {
  if (!content.empty() && content.data() != to) std::memcpy(to, content.data(), content.size());
}

}  // namespace

KeyLimits limits_of(AeadAlgorithm algorithm) {
  constexpr std::uint64_t kTwoTo24AndHalf = 23'726'566;  // full-sized records, RFC 8446 §5.5
  constexpr std::uint64_t kTwoTo23AndHalf = 11'863'283;
  switch (algorithm) {
    case AeadAlgorithm::kAes128Gcm:
    case AeadAlgorithm::kAes256Gcm:
      return {.sealed = kTwoTo24AndHalf, .forged = std::uint64_t{1} << 36U};
    case AeadAlgorithm::kChaCha20Poly1305:
      // The cipher bears more records than there are numbers.
      return {.sealed = kMaxSequence + 1, .forged = std::uint64_t{1} << 36U};
    case AeadAlgorithm::kAes128Ccm:
      return {.sealed = std::uint64_t{1} << 23U, .forged = kTwoTo23AndHalf};
    case AeadAlgorithm::kAes128Ccm8:
      return {.sealed = std::uint64_t{1} << 23U, .forged = std::uint64_t{1} << 7U};
  }
  return {.sealed = 0, .forged = 0};
}

Protection Protection::tls12(AeadAlgorithm algorithm, wire::Bytes key, wire::Bytes fixed_iv) {
  Protection made;
  made.key_.emplace(algorithm, key);
  made.algorithm_ = algorithm;
  made.form_ = Form::kTls12;
  const std::size_t iv_size = has_explicit_nonce(algorithm) ? kSaltSize : made.iv_.size();
  std::copy_n(fixed_iv.begin(), std::min(fixed_iv.size(), iv_size), made.iv_.begin());
  made.overhead_ = static_cast<std::uint8_t>(made.prefix() + crypto::aead_tag_size(algorithm));
  return made;
}

Protection Protection::tls13(AeadAlgorithm algorithm, crypto::HashAlgorithm hash,
                             wire::Bytes traffic_secret) {
  Protection made;
  std::array<std::byte, crypto::kMaxAeadKeySize> buffer;
  const auto key = std::span(buffer).first(crypto::aead_key_size(algorithm));
  crypto::hkdf_expand_label(hash, traffic_secret, "key", {}, key);
  made.key_.emplace(algorithm, key);
  crypto::hkdf_expand_label(hash, traffic_secret, "sn", {}, key);
  made.mask_.emplace(algorithm, key);
  crypto::wipe(buffer);
  crypto::hkdf_expand_label(hash, traffic_secret, "iv", {}, made.iv_);
  made.algorithm_ = algorithm;
  made.form_ = Form::kTls13;
  // One byte of type; what follows the header has at least the size of a sample (RFC 9147 §4.2.3),
  // so that content under CCM-8 may have to be padded.
  const std::size_t tag = crypto::aead_tag_size(algorithm);
  const std::size_t room = tag < crypto::kMaskSampleSize ? crypto::kMaskSampleSize - tag : 1;
  made.overhead_ = static_cast<std::uint8_t>(kUnifiedHeaderSize + room + tag);
  return made;
}

KeyLimits Protection::limits() const {
  KeyLimits limits = limits_of(algorithm_);
  // DTLS 1.2 has no KeyUpdate: a bound there ends associations instead of renewing their keys, and
  // 2^7 forgeries are within any stranger's reach. So its CCM-8 gets more: 2^20 tries at a tag of
  // 64 bits leave a forger one chance in 2^44.
  if (form_ != Form::kTls13 && algorithm_ == AeadAlgorithm::kAes128Ccm8) {
    limits.forged = std::uint64_t{1} << 20U;
  }
  return limits;
}

// The bounds on sealing are of cipher blocks and are told in records for simplicity (RFC 8446 §5.5,
// RFC 9147 appendix B). DTLS 1.2, which cannot renew a key, counts the blocks: its records are far
// smaller mostly. Two more stand for the additional data and the tag.
std::uint64_t Protection::blocks(std::size_t content) const {
  if (form_ == Form::kTls13) return kBlocksOfFullRecord;
  return (content + 15) / 16 + 2;
}

std::size_t Protection::prefix() const {
  switch (form_) {
    case Form::kPlain:
      return wire::kRecordHeaderSize;
    case Form::kTls12:
      return wire::kRecordHeaderSize + (has_explicit_nonce(algorithm_) ? kExplicitNonceSize : 0);
    case Form::kTls13:
      return kUnifiedHeaderSize;
  }
  return 0;
}

Protection::Nonce Protection::nonce_of(std::uint64_t number) const {
  // RFC 7905 §2, RFC 8446 §5.3: XOR; where the fixed part is only a salt, what follows it is zero,
  // and the same gives the explicit nonces of RFC 5288 and RFC 6655.
  Nonce nonce = iv_;
  std::uint64_t low = 0;
  std::memcpy(&low, nonce.data() + kSaltSize, sizeof(low));
  low ^= in_network_order(number);
  std::memcpy(nonce.data() + kSaltSize, &low, sizeof(low));
  return nonce;
}

std::size_t Protection::seal(RecordNumber number, wire::Version version, wire::ContentType type,
                             wire::Bytes content, std::span<std::byte> out) const {
  if (content.size() > wire::kMaxPlaintext) return 0;
  return form_ == Form::kTls13 ? seal_tls13(number, type, content, out)
                               : seal_legacy(number, version, type, content, out);
}

std::size_t Protection::seal_legacy(RecordNumber number, wire::Version version,
                                    wire::ContentType type, wire::Bytes content,
                                    std::span<std::byte> out) const {
  const std::size_t size = content.size() + overhead_;
  if (out.size() < size) return 0;
  const std::uint64_t counter = epoch_and_sequence(number.epoch, number.sequence);
  const std::size_t start = prefix();
  std::byte* const at = out.data();
  if (form_ == Form::kPlain) place(content, at + start);
  at[0] = static_cast<std::byte>(type);
  put<2>(at + 1, version);
  put<8>(at + 3, counter);
  put<2>(at + 11, size - wire::kRecordHeaderSize);
  if (form_ == Form::kPlain) return size;
  const auto aad = legacy_aad(counter, type, version, content.size());
  const auto fragment = out.subspan(wire::kRecordHeaderSize, size - wire::kRecordHeaderSize);
  const bool sealed = has_explicit_nonce(algorithm_)
                          ? key_->seal_with_nonce(nonce_of(counter), aad, content, fragment)
                          : key_->seal(nonce_of(counter), aad, content, fragment);
  return sealed ? size : 0;
}

std::size_t Protection::seal_tls13(RecordNumber number, wire::ContentType type, wire::Bytes content,
                                   std::span<std::byte> out) const {
  const std::size_t tag = crypto::aead_tag_size(algorithm_);
  const std::size_t inner = std::max(content.size() + 1, crypto::kMaskSampleSize - tag);
  const std::size_t size = kUnifiedHeaderSize + inner + tag;
  if (out.size() < size) return 0;
  std::byte* const at = out.data();
  std::byte* const body = at + kUnifiedHeaderSize;
  place(content, body);
  body[content.size()] = static_cast<std::byte>(type);
  std::fill(body + content.size() + 1, body + inner, std::byte{0});
  at[0] = static_cast<std::byte>(kUnifiedFirstByte | (number.epoch & 3U));
  put<2>(at + 1, number.sequence);
  put<2>(at + 3, inner + tag);
  const auto sealed = out.subspan(kUnifiedHeaderSize, inner + tag);
  // RFC 9147 §4: the additional data is the header before its number is encrypted.
  if (!key_->seal(nonce_of(number.sequence), out.first(kUnifiedHeaderSize), sealed.first(inner),
                  sealed) ||
      !unmask(out.subspan(1, 2), sealed)) {
    return 0;
  }
  return size;
}

Protection::Opened Protection::open_tls12(const wire::RecordHeader& header,
                                          std::span<std::byte> fragment,
                                          std::size_t max_plaintext) const {
  Opened opened;
  const std::size_t nonce_size = prefix() - wire::kRecordHeaderSize;
  const std::size_t tag = crypto::aead_tag_size(algorithm_);
  if (fragment.size() < nonce_size + tag) return opened;
  const std::uint64_t counter = epoch_and_sequence(header.epoch, header.sequence);
  const Nonce nonce = nonce_of(counter);
  const auto aad =
      legacy_aad(counter, header.type, header.version, fragment.size() - nonce_size - tag);
  // Explicit nonces are the sender's choice (RFC 5288 §3): what it says, not the number, counts.
  const auto size = nonce_size > 0 ? key_->open_with_nonce(nonce, aad, fragment)
                                   : key_->open(nonce, aad, fragment);
  if (!size) return opened;
  opened.verdict = *size > max_plaintext ? Verdict::kOverlong : Verdict::kOpened;
  opened.type = header.type;
  opened.content = fragment.subspan(nonce_size, *size);
  return opened;
}

bool Protection::unmask(std::span<std::byte> number, wire::Bytes sealed) const {
  if (!mask_ || sealed.size() < crypto::kMaskSampleSize) return false;
  std::array<std::byte, 2> mask;
  if (!mask_->mask(sealed.first<crypto::kMaskSampleSize>(), mask)) return false;
  for (std::size_t i = 0; i < std::min(number.size(), mask.size()); ++i)
    number[i] ^= mask[i];
  return true;
}

Protection::Opened Protection::open_tls13(std::uint64_t sequence, wire::Bytes header,
                                          std::span<std::byte> sealed,
                                          std::size_t max_plaintext) const {
  Opened opened;
  const auto size = key_->open(nonce_of(sequence), header, sealed);
  if (!size) return opened;
  // RFC 8446 §5.4: the last byte that is not zero is the type. RFC 8449 §4: the limit is of the
  // content with its padding.
  const auto padded = sealed.first(*size);
  std::size_t end = padded.size();
  while (end > 0 && padded[end - 1] == std::byte{0})
    --end;
  if (padded.size() > max_plaintext + 1) {
    opened.verdict = Verdict::kOverlong;
  } else if (end == 0) {
    opened.verdict = Verdict::kTypeless;
  } else {
    opened.verdict = Verdict::kOpened;
    opened.type = static_cast<wire::ContentType>(padded[end - 1]);
    opened.content = padded.first(end - 1);
  }
  return opened;
}

}  // namespace dtls::record
