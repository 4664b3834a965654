#include "wire/certificate.hpp"

namespace dtls::wire {

Bytes read_certificate(Reader& reader) {
  return reader.vector24(1, kMaxVector24);
}

std::optional<CertificateChain12> parse_certificate_12(Bytes body) {
  Reader reader(body);
  const Bytes list = reader.vector24(0, kMaxVector24);
  return reader.finished() ? CertificateChain12::parse(list) : std::nullopt;
}

CertificateEntry read_certificate_entry(Reader& reader) {
  const Bytes certificate = reader.vector24(1, kMaxVector24);
  return {certificate, read_extension_list(reader)};
}

std::optional<Certificate13> parse_certificate_13(Bytes body) {
  Reader reader(body);
  const Bytes context = reader.vector8(0, kMaxVector8);
  const auto entries = CertificateEntries::parse(reader.vector24(0, kMaxVector24));
  if (!reader.finished() || !entries) {
    return std::nullopt;
  }
  return Certificate13{context, *entries};
}

}  // namespace dtls::wire
