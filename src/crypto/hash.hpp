// SHA-256 and SHA-384, plain, running and keyed (HMAC, RFC 2104).
//
// None of these functions can report a failure. libcrypto fails here only where memory is out or
// where no provider offers the algorithm; a digest that is none could pass for a proof, so the
// process is aborted then. hash_is_available asks beforehand.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>

#include "crypto/secret.hpp"

// EVP_MD_CTX: named here instead of included, so that users need no OpenSSL.
struct evp_md_ctx_st;

namespace dtls::crypto {

enum class HashAlgorithm : std::uint8_t { kSha256, kSha384 };

inline constexpr std::size_t kMaxDigestSize = 48;

// digest_size gives the bytes of a digest: 32 or 48.
constexpr std::size_t digest_size(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::kSha256 ? 32 : 48;
}

// hash_is_available says whether libcrypto, as configured, offers the algorithm. Any thread.
bool hash_is_available(HashAlgorithm algorithm);

// Digest is a digest or a MAC, in place.
class Digest {
 public:
  Digest() = default;
  // Zeros, to be filled through writable(). A size beyond the capacity gives the capacity.
  explicit Digest(std::size_t size)
      : size_(static_cast<std::uint8_t>(std::min(size, kMaxDigestSize))) {}

  [[nodiscard]] Bytes view() const { return Bytes(bytes_).first(size_); }
  [[nodiscard]] std::span<std::byte> writable() { return std::span(bytes_).first(size_); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::array<std::byte, kMaxDigestSize> bytes_{};
  std::uint8_t size_ = 0;
};

// RunningHash hashes what comes piece by piece: the transcript of a handshake. Movable; one that
// was moved from may only be destroyed or assigned to. One thread at a time.
class RunningHash {
 public:
  explicit RunningHash(HashAlgorithm algorithm);

  void update(Bytes bytes);
  // snapshot gives the digest of everything so far and does not end the hash.
  [[nodiscard]] Digest snapshot() const;
  // clone gives a hash of the same bytes that goes its own way from here.
  [[nodiscard]] RunningHash clone() const;

 private:
  struct FreeContext {
    void operator()(evp_md_ctx_st* context) const;
  };

  std::unique_ptr<evp_md_ctx_st, FreeContext> context_;
  HashAlgorithm algorithm_;
};

// hash gives the digest of the parts one after the other. Any thread.
Digest hash(HashAlgorithm algorithm, std::initializer_list<Bytes> parts);

// hmac authenticates the parts one after the other, as if they were one message: the caller sees to
// it that no other split of the same bytes means something else. A key may be empty. Any thread.
Digest hmac(HashAlgorithm algorithm, Bytes key, std::initializer_list<Bytes> parts);

}  // namespace dtls::crypto
