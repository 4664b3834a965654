// HKDF as DTLS 1.3 uses it, and the pseudorandom function of DTLS 1.2.
//
// As with the hashes they stand on (crypto/hash.hpp), there is no failure to report.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

#include "crypto/hash.hpp"
#include "crypto/secret.hpp"

namespace dtls::crypto {

// hkdf_extract is HKDF-Extract (RFC 5869 §2.2). An empty salt stands for zeros. Any thread.
Secret hkdf_extract(HashAlgorithm algorithm, Bytes salt, Bytes input_key);

// What hkdf_expand_label takes at most: both are written with one byte of length (RFC 8446 §7.1),
// and HKDF gives 255 digests (RFC 5869 §2.3).
inline constexpr std::size_t kMaxExpandLabel = 249;
inline constexpr std::size_t kMaxExpandContext = 255;

// hkdf_expand_label is HKDF-Expand-Label (RFC 8446 §7.1) with the label prefix "dtls13" (RFC 9147
// §5.9). It fills `out`. Label, context and `out` are the caller's, never the peer's: it sees to
// their bounds (kMaxExpandLabel, kMaxExpandContext, 255 digests); beyond them the process is
// aborted. Any thread.
void hkdf_expand_label(HashAlgorithm algorithm, Bytes secret, std::string_view label, Bytes context,
                       std::span<std::byte> out);

// The parts that a seed may have.
inline constexpr std::size_t kMaxSeedParts = 6;

// prf is the PRF of RFC 5246 §5; it fills `out`, of any size. The parts of `seed`, no more than
// kMaxSeedParts, follow each other. Any thread.
void prf(HashAlgorithm algorithm, Bytes secret, std::string_view label,
         std::initializer_list<Bytes> seed, std::span<std::byte> out);

}  // namespace dtls::crypto
