// CertificateVerify (RFC 5246 §7.4.8, RFC 8446 §4.4.3): the same bytes in both versions, and in
// a ServerKeyExchange that is signed.
#pragma once

#include <optional>

#include "wire/numbers.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {

struct Signed {
  SignatureScheme scheme{};
  Bytes signature;
};

Signed read_signed(Reader& reader);
void write_signed(Writer& writer, const Signed& proof);

std::optional<Signed> parse_certificate_verify(Bytes body);

}  // namespace dtls::wire
