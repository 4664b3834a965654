// HMAC-SHA256 (RFC 2104) with the key set once.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

#include "dtls/error.hpp"

// EVP_MAC_CTX: named here instead of included, so that users of HMAC need no OpenSSL.
struct evp_mac_ctx_st;

namespace dtls::crypto {

// HmacSha256 keeps one keyed context and uses it again for every digest: fetching the
// algorithm costs OpenSSL 3.0 several times what a short message does. One thread at a time.
class HmacSha256 {
 public:
  static constexpr std::size_t kDigestSize = 32;
  using Digest = std::array<std::byte, kDigestSize>;

  // create makes a context with `key` (any length but 0). Fails with kMisuse (EINVAL) for
  // an empty key, kSystem where OpenSSL has no HMAC or no SHA-256.
  static Result<HmacSha256> create(std::span<const std::byte> key);

  // digest authenticates the parts one after the other, as if they were one message: the
  // caller sees to it that no other split of the same bytes means something else.
  [[nodiscard]] Result<Digest> digest(std::initializer_list<std::span<const std::byte>> parts);

 private:
  struct FreeContext {
    void operator()(evp_mac_ctx_st* context) const;
  };
  using OwnedContext = std::unique_ptr<evp_mac_ctx_st, FreeContext>;
  explicit HmacSha256(OwnedContext context) : context_(std::move(context)) {}

  OwnedContext context_;
};

}  // namespace dtls::crypto
