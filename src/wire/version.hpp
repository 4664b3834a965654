// Protocol versions: DTLS writes them as one's complement, so a newer one is smaller.
#pragma once

#include <cstdint>

namespace dtls::wire {

using Version = std::uint16_t;

inline constexpr Version kDtls10 = 0xfeff;  // RFC 4347
inline constexpr Version kDtls12 = 0xfefd;  // RFC 6347 §4.1; also the legacy_version of DTLS 1.3
inline constexpr Version kDtls13 = 0xfefc;  // RFC 9147 §5.3

// is_dtls is true for every {254, x}: the only major version that DTLS ever had.
constexpr bool is_dtls(Version version) {
  return version >> 8U == 0xfe;
}

// at_least_dtls12 asks whether a peer that names `version` as its highest knows DTLS 1.2. One that
// would speak what does not exist yet is answered with what does (RFC 5246 appendix E.1); numbers
// of TLS, and {1, 0} of a DTLS before the first, are far below.
constexpr bool at_least_dtls12(Version version) {
  constexpr Version kNewest = 0x8000;
  return version <= kDtls12 && version >= kNewest;
}

}  // namespace dtls::wire
