// Certificate: a chain in DER, leaf first (RFC 5246 §7.4.2, RFC 8446 §4.4.2).
#pragma once

#include <optional>

#include "wire/extension_list.hpp"
#include "wire/list_view.hpp"

namespace dtls::wire {

// DTLS 1.2. Without a certificate the list is empty: a client that has none says so.
Bytes read_certificate(Reader& reader);
using CertificateChain12 = ListView<Bytes, read_certificate>;
std::optional<CertificateChain12> parse_certificate_12(Bytes body);
// write_certificate_12 takes any range of what converts to Bytes.
template <typename Chain>
void write_certificate_12(Writer& writer, const Chain& chain) {
  const auto list = writer.begin_vector24();
  for (const auto& certificate : chain) {
    writer.vector24(certificate);
  }
  writer.end_vector(list);
}

// DTLS 1.3
struct CertificateEntry {
  Bytes certificate;
  ExtensionList extensions;
};
CertificateEntry read_certificate_entry(Reader& reader);
using CertificateEntries = ListView<CertificateEntry, read_certificate_entry>;

struct Certificate13 {
  Bytes context;  // of the CertificateRequest that it answers; a server's is empty
  CertificateEntries entries;
};
std::optional<Certificate13> parse_certificate_13(Bytes body);
// write_certificate_13 takes any range of what converts to Bytes; entries get no extensions.
template <typename Chain>
void write_certificate_13(Writer& writer, Bytes context, const Chain& chain) {
  writer.vector8(context);
  const auto list = writer.begin_vector24();
  for (const auto& certificate : chain) {
    writer.vector24(certificate);
    writer.u16(0);
  }
  writer.end_vector(list);
}

}  // namespace dtls::wire
