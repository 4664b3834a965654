// Protection: the keys of one direction of one epoch, and how records are sealed and opened with
// them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "crypto/aead.hpp"
#include "crypto/hash.hpp"
#include "crypto/record_mask.hpp"
#include "record/record_number.hpp"
#include "wire/reader.hpp"
#include "wire/record_header.hpp"

namespace dtls::record {

// How often a key may be used, by algorithm.
struct KeyLimits {
  std::uint64_t sealed;  // records of full size, 2^14 bytes, protected with one key
  std::uint64_t forged;  // records that failed to open with one key
};

// limits_of gives the bounds of RFC 9147 §4.5.3 (forgeries) and RFC 8446 §5.5 with RFC 9147 §4.5.3
// and appendix B (confidentiality).
KeyLimits limits_of(crypto::AeadAlgorithm algorithm);

// Protection seals or opens whole records. Movable, not copyable; wiped when it goes (its keys
// are).
class Protection {
 public:
  enum class Form : std::uint8_t { kPlain, kTls12, kTls13 };

  // A record that proved authentic. In DTLS 1.3 the type was inside; kForged otherwise.
  enum class Verdict : std::uint8_t {
    kOpened,
    kForged,    // not authentic, or too short to be: noise
    kOverlong,  // authentic, but longer than any plaintext may be: fatal (record_overflow)
    kTypeless,  // authentic, but nothing but padding: fatal (unexpected_message, RFC 8446 §5.4)
  };
  struct Opened {
    Verdict verdict = Verdict::kForged;
    wire::ContentType type{};
    std::span<std::byte> content;
  };

  Protection() = default;  // of epoch 0: none

  // tls12 takes the write key and the fixed part of the nonce: 4 bytes for AES (RFC 5288 §3,
  // RFC 6655 §3), 12 for ChaCha20-Poly1305 (RFC 7905 §2).
  static Protection tls12(crypto::AeadAlgorithm algorithm, wire::Bytes key, wire::Bytes fixed_iv);
  // tls13 derives key, nonce and record number key from a traffic secret (RFC 9147 §4.2.3).
  static Protection tls13(crypto::AeadAlgorithm algorithm, crypto::HashAlgorithm hash,
                          wire::Bytes traffic_secret);

  [[nodiscard]] Form form() const { return form_; }
  // overhead is what a record has beyond its content at most: header, nonce, type, padding, tag.
  [[nodiscard]] std::size_t overhead() const { return overhead_; }
  [[nodiscard]] KeyLimits limits() const;
  // blocks is how much of the key's use a record of that content is: kBlocksOfFullRecord in DTLS
  // 1.3, where every record counts alike.
  static constexpr std::uint64_t kBlocksOfFullRecord = wire::kMaxPlaintext / 16;
  [[nodiscard]] std::uint64_t blocks(std::size_t content) const;

  // seal writes the record `number` and gives its size; 0 when `out` is too small, the content
  // longer than 2^14 or libcrypto fails. `content` may already lie in `out`, prefix() bytes
  // from its front. `version` is that of a header of DTLS 1.2's form.
  std::size_t seal(RecordNumber number, wire::Version version, wire::ContentType type,
                   wire::Bytes content, std::span<std::byte> out) const;
  // prefix is where in a record the content begins.
  [[nodiscard]] std::size_t prefix() const;

  // open_tls12 opens a fragment in place.
  Opened open_tls12(const wire::RecordHeader& header, std::span<std::byte> fragment,
                    std::size_t max_plaintext) const;

  // unmask takes the encryption off the record number (RFC 9147 §4.2.3), or puts it on: `number`
  // are the one or two bytes in the header, `sealed` is what follows the header. False when too
  // short.
  bool unmask(std::span<std::byte> number, wire::Bytes sealed) const;
  // open_tls13 opens in place; `header` as unmask left it is the additional data (RFC 9147 §4).
  Opened open_tls13(std::uint64_t sequence, wire::Bytes header, std::span<std::byte> sealed,
                    std::size_t max_plaintext) const;

  // leave_thread: see crypto::CipherKey.
  void leave_thread() const noexcept {
    if (key_) key_->leave_thread();
    if (mask_) mask_->leave_thread();
  }

 private:
  using Nonce = std::array<std::byte, crypto::kAeadNonceSize>;
  [[nodiscard]] Nonce nonce_of(std::uint64_t number) const;
  std::size_t seal_legacy(RecordNumber number, wire::Version version, wire::ContentType type,
                          wire::Bytes content, std::span<std::byte> out) const;
  std::size_t seal_tls13(RecordNumber number, wire::ContentType type, wire::Bytes content,
                         std::span<std::byte> out) const;

  std::optional<crypto::AeadKey> key_;
  std::optional<crypto::RecordMask> mask_;  // DTLS 1.3 only
  Nonce iv_{};
  crypto::AeadAlgorithm algorithm_{};
  Form form_ = Form::kPlain;
  std::uint8_t overhead_ = wire::kRecordHeaderSize;
};

}  // namespace dtls::record
