#include "wire/certificate_request.hpp"

namespace dtls::wire {

std::optional<CertificateRequest12> parse_certificate_request_12(Bytes body) {
  Reader reader(body);
  const auto types = NumberList<ClientCertificateType>::parse(reader.vector8(1, kMaxVector8));
  const auto schemes = SignatureSchemes::parse(reader.vector16(2, kMaxVector16 - 1));
  const auto authorities = DistinguishedNames::parse(reader.vector16(0, kMaxVector16));
  if (!reader.finished() || !types || !schemes || !authorities) {
    return std::nullopt;
  }
  return CertificateRequest12{*types, *schemes, *authorities};
}

void write_certificate_request_head(Writer& writer, std::span<const ClientCertificateType> types,
                                    std::span<const SignatureScheme> schemes) {
  const auto type_list = writer.begin_vector8();
  for (const auto type : types) {
    writer.u8(static_cast<std::uint8_t>(type));
  }
  writer.end_vector(type_list);
  const auto scheme_list = writer.begin_vector16();
  for (const auto scheme : schemes) {
    writer.u16(static_cast<std::uint16_t>(scheme));
  }
  writer.end_vector(scheme_list);
}

std::optional<CertificateRequest13> parse_certificate_request_13(Bytes body) {
  CertificateRequest13 request;
  Reader reader(body);
  request.context = reader.vector8(0, kMaxVector8);
  request.extensions = read_extension_list(reader, 2);
  return reader.finished() ? std::optional(request) : std::nullopt;
}

Writer::VectorMark begin_certificate_request_13(Writer& writer, Bytes context) {
  writer.vector8(context);
  return writer.begin_vector16();
}

}  // namespace dtls::wire
