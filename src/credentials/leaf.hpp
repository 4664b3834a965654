// The peer's own certificate: its key, and what the key may be used for.
#pragma once

#include <cstddef>
#include <span>

#include "crypto/owned.hpp"
#include "dtls/error.hpp"

namespace dtls::credentials {

struct Leaf {
  crypto::OwnedCertificate certificate;
  crypto::OwnedKey key;
};

// parse_leaf reads a certificate in DER, to its last byte. Fails with kMalformed where it is none,
// its key is of a kind that OpenSSL does not know, or its keyUsage leaves out digitalSignature,
// which every handshake here needs (RFC 5246 §7.4.2, RFC 8446 §4.4.2.2).
Result<Leaf> parse_leaf(std::span<const std::byte> der);

}  // namespace dtls::credentials
