#include "crypto/key_derivation.hpp"

#include <algorithm>
#include <array>

#include "crypto/libcrypto.hpp"
#include "crypto/wipe.hpp"

namespace dtls::crypto {
namespace {

constexpr std::string_view kLabelPrefix = "dtls13";  // RFC 9147 §5.9

Bytes bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

Secret hkdf_extract(HashAlgorithm algorithm, Bytes salt, Bytes input_key) {
  // HMAC fills a key up with zeros: an empty salt is one of zeros.
  Digest key = hmac(algorithm, salt, {input_key});
  Secret secret(key.view());
  wipe(key.writable());
  return secret;
}

void hkdf_expand_label(HashAlgorithm algorithm, Bytes secret, std::string_view label, Bytes context,
                       std::span<std::byte> out) {
  const std::size_t step = digest_size(algorithm);
  require(label.size() <= kMaxExpandLabel && context.size() <= kMaxExpandContext &&
          out.size() <= 255 * step);
  // HkdfLabel: length, label with its prefix, context (RFC 8446 §7.1).
  const std::array head{static_cast<std::byte>(out.size() >> 8U),
                        static_cast<std::byte>(out.size() & 0xffU),
                        static_cast<std::byte>(kLabelPrefix.size() + label.size())};
  const std::array context_size{static_cast<std::byte>(context.size())};

  // HKDF-Expand: T(n) = HMAC(secret, T(n-1) | info | n) (RFC 5869 §2.3).
  Digest block;
  for (std::array counter{std::byte{1}}; !out.empty();
       counter[0] = static_cast<std::byte>(std::to_integer<unsigned>(counter[0]) + 1)) {
    block = hmac(algorithm, secret,
                 {block.view(), head, bytes_of(kLabelPrefix), bytes_of(label), context_size,
                  context, counter});
    const std::size_t size = std::min(step, out.size());
    std::copy_n(block.view().begin(), size, out.begin());
    out = out.subspan(size);
  }
  wipe(block.writable());
}

void prf(HashAlgorithm algorithm, Bytes secret, std::string_view label,
         std::initializer_list<Bytes> seed, std::span<std::byte> out) {
  // P_hash (RFC 5246 §5): A(0) = label + seed, A(i) = HMAC(secret, A(i-1)), and the output is
  // HMAC(secret, A(i) + label + seed) for i = 1, 2, ...
  require(seed.size() <= kMaxSeedParts);
  std::array<Bytes, 2 + kMaxSeedParts> parts;
  parts[1] = bytes_of(label);
  std::ranges::copy(seed, parts.begin() + 2);
  const auto with_a = std::span<const Bytes>(parts).first(2 + seed.size());

  Digest a = hmac_of(algorithm, secret, with_a.subspan(1));
  while (!out.empty()) {
    parts[0] = a.view();
    Digest block = hmac_of(algorithm, secret, with_a);
    const std::size_t size = std::min(block.size(), out.size());
    std::copy_n(block.view().begin(), size, out.begin());
    wipe(block.writable());
    out = out.subspan(size);
    if (!out.empty()) a = hmac_of(algorithm, secret, with_a.first(1));
  }
  wipe(a.writable());
}

}  // namespace dtls::crypto
