#include "crypto/hash.hpp"

#include <openssl/evp.h>

#include "crypto/libcrypto.hpp"
#include "crypto/owned.hpp"
#include "crypto/per_thread.hpp"
#include "crypto/wipe.hpp"

namespace dtls::crypto {
namespace {

using OwnedContext = OwnedBy<EVP_MD_CTX, EVP_MD_CTX_free>;

constexpr std::size_t kMaxBlockSize = 128;
constexpr std::size_t block_size(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::kSha256 ? 64 : 128;
}

// One context for each algorithm: to go from one to the other would allocate.
struct HashContexts {
  OwnedContext sha256{EVP_MD_CTX_new()};
  OwnedContext sha384{EVP_MD_CTX_new()};

  EVP_MD_CTX* of(HashAlgorithm algorithm) {
    return (algorithm == HashAlgorithm::kSha256 ? sha256 : sha384).get();
  }
};

void start(EVP_MD_CTX* context, HashAlgorithm algorithm) {
  EVP_MD* const digest = fetched(algorithm);
  require(digest != nullptr && context != nullptr &&
          EVP_DigestInit_ex2(context, digest, nullptr) == 1);
}

void add(EVP_MD_CTX* context, Bytes bytes) {
  require(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1);
}

void finish(EVP_MD_CTX* context, std::span<std::byte> out) {
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context, raw(out), &size) == 1 && size == out.size());
}

}  // namespace

bool hash_is_available(HashAlgorithm algorithm) {
  return fetched(algorithm) != nullptr;
}

void RunningHash::FreeContext::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

RunningHash::RunningHash(HashAlgorithm algorithm)
    : context_(EVP_MD_CTX_new()), algorithm_(algorithm) {
  start(context_.get(), algorithm);
}

void RunningHash::update(Bytes bytes) {
  add(context_.get(), bytes);
}

Digest RunningHash::snapshot() const {
  return PerThread<HashContexts>::with([&](HashContexts& contexts) {
    EVP_MD_CTX* const copy = contexts.of(algorithm_);
    require(copy != nullptr && EVP_MD_CTX_copy_ex(copy, context_.get()) == 1);
    Digest digest(digest_size(algorithm_));
    finish(copy, digest.writable());
    return digest;
  });
}

RunningHash RunningHash::clone() const {
  RunningHash copy(algorithm_);
  require(EVP_MD_CTX_copy_ex(copy.context_.get(), context_.get()) == 1);
  return copy;
}

Digest hash(HashAlgorithm algorithm, std::initializer_list<Bytes> parts) {
  return PerThread<HashContexts>::with([&](HashContexts& contexts) {
    EVP_MD_CTX* const context = contexts.of(algorithm);
    start(context, algorithm);
    for (const auto part : parts)
      add(context, part);
    Digest digest(digest_size(algorithm));
    finish(context, digest.writable());
    return digest;
  });
}

// Over the hash and not over EVP_MAC, which takes 1.5 times as long to take a new key as the whole
// of this takes: and here almost every message has a key of its own.
Digest hmac_of(HashAlgorithm algorithm, Bytes key, std::span<const Bytes> parts) {
  const std::size_t block = block_size(algorithm);
  Secret short_key;
  if (key.size() > block) {
    const Digest hashed = hash(algorithm, {key});
    short_key = Secret(hashed.view());
    key = short_key.view();
  }
  return PerThread<HashContexts>::with([&](HashContexts& contexts) {
    constexpr auto kInner = std::byte{0x36};
    constexpr auto kOuter = std::byte{0x5c};
    SecretBuffer<kMaxBlockSize> pad(block);
    const auto bytes = pad.writable();
    std::ranges::copy(key, bytes.begin());
    for (auto& byte : bytes)
      byte ^= kInner;

    EVP_MD_CTX* const context = contexts.of(algorithm);
    Digest digest(digest_size(algorithm));
    start(context, algorithm);
    add(context, bytes);
    for (const auto part : parts)
      add(context, part);
    finish(context, digest.writable());

    for (auto& byte : bytes)
      byte ^= kInner ^ kOuter;
    start(context, algorithm);
    add(context, bytes);
    add(context, digest.view());
    finish(context, digest.writable());
    // The context still has the digest as its state, and here a digest is a key more often than
    // not.
    start(context, algorithm);
    return digest;
  });
}

Digest hmac(HashAlgorithm algorithm, Bytes key, std::initializer_list<Bytes> parts) {
  return hmac_of(algorithm, key, std::span(parts.begin(), parts.size()));
}

}  // namespace dtls::crypto
