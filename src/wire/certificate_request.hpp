// CertificateRequest (RFC 5246 §7.4.4, RFC 8446 §4.3.2).
#pragma once

#include <optional>
#include <span>

#include "wire/extension_list.hpp"
#include "wire/parameter_lists.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::wire {

// DTLS 1.2
struct CertificateRequest12 {
  NumberList<ClientCertificateType> types;
  SignatureSchemes schemes;
  DistinguishedNames authorities;  // may be empty: any will do
};
std::optional<CertificateRequest12> parse_certificate_request_12(Bytes body);

void write_certificate_request_head(Writer& writer, std::span<const ClientCertificateType> types,
                                    std::span<const SignatureScheme> schemes);
// write_certificate_request_12 takes authorities as any range of what converts to Bytes.
template <typename Names>
void write_certificate_request_12(Writer& writer, std::span<const ClientCertificateType> types,
                                  std::span<const SignatureScheme> schemes,
                                  const Names& authorities) {
  write_certificate_request_head(writer, types, schemes);
  write_distinguished_names(writer, authorities);
}

// DTLS 1.3
struct CertificateRequest13 {
  Bytes context;  // empty during the handshake
  ExtensionList extensions;
};
std::optional<CertificateRequest13> parse_certificate_request_13(Bytes body);
// begin_certificate_request_13 leaves the extensions to the caller; Writer::end_vector ends it.
[[nodiscard]] Writer::VectorMark begin_certificate_request_13(Writer& writer, Bytes context = {});

}  // namespace dtls::wire
