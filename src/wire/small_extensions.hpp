// Extensions with a syntax of a line or two. Those that are empty (extended_master_secret,
// early_data of a ClientHello or EncryptedExtensions) or wholly opaque (session_ticket, RFC 5077
// §3.2) need no parser: look at the content, and write them with write_extension.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "wire/extension_list.hpp"
#include "wire/list_view.hpp"

namespace dtls::wire {

// server_name of a ClientHello (RFC 6066 §3). The view is empty where the list holds names of
// other kinds only. Refused: two names of a kind that is host_name, an empty name. Whether it is
// a name that DNS could know is not judged.
std::optional<std::string_view> parse_server_name(Bytes content);
void write_server_name(Writer& writer, std::string_view host_name);

// application_layer_protocol_negotiation (RFC 7301 §3.1): the client lists, the server selects.
std::string_view read_protocol_name(Reader& reader);
using ProtocolNames = ListView<std::string_view, read_protocol_name>;
std::optional<ProtocolNames> parse_alpn(Bytes content);
// parse_alpn_selection refuses a list that does not hold exactly one.
std::optional<std::string_view> parse_alpn_selection(Bytes content);
// write_alpn takes any range of names; for a selection, a range of one.
template <typename Names>
void write_alpn(Writer& writer, const Names& names) {
  const auto extension = begin_extension(writer, ExtensionType::kAlpn);
  const auto list = writer.begin_vector16();
  for (const std::string_view name : names) {
    writer.vector8(std::as_bytes(std::span(name)));
  }
  writer.end_vector(list);
  writer.end_vector(extension);
}

// renegotiation_info (RFC 5746 §3.2): the verify_data of the handshake before, client's then
// server's; empty in a first handshake.
std::optional<Bytes> parse_renegotiation_info(Bytes content);
void write_renegotiation_info(Writer& writer, Bytes client_verify_data = {},
                              Bytes server_verify_data = {});

// record_size_limit (RFC 8449 §4), in bytes. That it is 64 at least is not judged here.
std::optional<std::uint16_t> parse_record_size_limit(Bytes content);
void write_record_size_limit(Writer& writer, std::uint16_t limit);

// cookie (RFC 8446 §4.2.2), of a HelloRetryRequest and the ClientHello that answers it.
std::optional<Bytes> parse_cookie(Bytes content);
void write_cookie(Writer& writer, Bytes cookie);

// certificate_authorities (RFC 8446 §4.2.4): distinguished names in DER.
Bytes read_distinguished_name(Reader& reader);
using DistinguishedNames = ListView<Bytes, read_distinguished_name>;
std::optional<DistinguishedNames> parse_certificate_authorities(Bytes content);
// write_distinguished_names takes any range of what converts to Bytes; also for the
// CertificateRequest of DTLS 1.2.
template <typename Names>
void write_distinguished_names(Writer& writer, const Names& names) {
  const auto list = writer.begin_vector16();
  for (const auto& name : names) {
    writer.vector16(name);
  }
  writer.end_vector(list);
}
template <typename Names>
void write_certificate_authorities(Writer& writer, const Names& names) {
  const auto extension = begin_extension(writer, ExtensionType::kCertificateAuthorities);
  write_distinguished_names(writer, names);
  writer.end_vector(extension);
}

}  // namespace dtls::wire
