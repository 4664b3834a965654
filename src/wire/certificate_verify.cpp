#include "wire/certificate_verify.hpp"

namespace dtls::wire {

Signed read_signed(Reader& reader) {
  const auto scheme = static_cast<SignatureScheme>(reader.u16());
  return {scheme, reader.vector16(0, 0xffff)};
}

void write_signed(Writer& writer, const Signed& proof) {
  writer.u16(static_cast<std::uint16_t>(proof.scheme));
  writer.vector16(proof.signature);
}

std::optional<Signed> parse_certificate_verify(Bytes body) {
  Reader reader(body);
  const Signed proof = read_signed(reader);
  return reader.finished() ? std::optional(proof) : std::nullopt;
}

}  // namespace dtls::wire
