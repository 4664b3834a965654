#include "wire/small_extensions.hpp"

#include <span>

namespace dtls::wire {
namespace {

constexpr std::uint8_t kHostName = 0;  // the only NameType that was ever assigned

// Bytes and chars may alias each other.
std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes read_vector16(Reader& reader) {
  return reader.vector16(1, kMaxVector16);
}

}  // namespace

std::optional<std::string_view> parse_server_name(Bytes content) {
  Reader reader(content);
  Reader names(reader.vector16(1, kMaxVector16));
  std::string_view host_name;
  while (!names.empty()) {
    const std::uint8_t type = names.u8();
    // RFC 6066 §3: kinds yet to come begin with a length of 16 bits too.
    const Bytes name = names.vector16(1, kMaxVector16);
    if (type != kHostName) {
      continue;
    }
    if (!host_name.empty()) {
      return std::nullopt;
    }
    host_name = as_text(name);
  }
  if (!reader.finished() || !names.ok()) {
    return std::nullopt;
  }
  return host_name;
}

void write_server_name(Writer& writer, std::string_view host_name) {
  const auto extension = begin_extension(writer, ExtensionType::kServerName);
  const auto list = writer.begin_vector16();
  writer.u8(kHostName);
  writer.vector16(std::as_bytes(std::span(host_name)));
  writer.end_vector(list);
  writer.end_vector(extension);
}

std::string_view read_protocol_name(Reader& reader) {
  return as_text(reader.vector8(1, kMaxVector8));
}

std::optional<ProtocolNames> parse_alpn(Bytes content) {
  Reader reader(content);
  const Bytes list = reader.vector16(2, kMaxVector16);
  return reader.finished() ? ProtocolNames::parse(list) : std::nullopt;
}

std::optional<std::string_view> parse_alpn_selection(Bytes content) {
  Reader reader(content);
  Reader list(reader.vector16(2, kMaxVector16));
  const std::string_view name = read_protocol_name(list);
  return reader.finished() && list.finished() ? std::optional(name) : std::nullopt;
}

std::optional<Bytes> parse_renegotiation_info(Bytes content) {
  Reader reader(content);
  const Bytes verify_data = reader.vector8(0, kMaxVector8);
  return reader.finished() ? std::optional(verify_data) : std::nullopt;
}

void write_renegotiation_info(Writer& writer, Bytes client_verify_data, Bytes server_verify_data) {
  const auto extension = begin_extension(writer, ExtensionType::kRenegotiationInfo);
  const auto verify_data = writer.begin_vector8();
  writer.bytes(client_verify_data);
  writer.bytes(server_verify_data);
  writer.end_vector(verify_data);
  writer.end_vector(extension);
}

std::optional<std::uint16_t> parse_record_size_limit(Bytes content) {
  Reader reader(content);
  const std::uint16_t limit = reader.u16();
  return reader.finished() ? std::optional(limit) : std::nullopt;
}

void write_record_size_limit(Writer& writer, std::uint16_t limit) {
  const auto extension = begin_extension(writer, ExtensionType::kRecordSizeLimit);
  writer.u16(limit);
  writer.end_vector(extension);
}

std::optional<Bytes> parse_cookie(Bytes content) {
  Reader reader(content);
  const Bytes cookie = read_vector16(reader);
  return reader.finished() ? std::optional(cookie) : std::nullopt;
}

void write_cookie(Writer& writer, Bytes cookie) {
  const auto extension = begin_extension(writer, ExtensionType::kCookie);
  writer.vector16(cookie);
  writer.end_vector(extension);
}

Bytes read_distinguished_name(Reader& reader) {
  return read_vector16(reader);
}

std::optional<DistinguishedNames> parse_certificate_authorities(Bytes content) {
  Reader reader(content);
  const Bytes list = reader.vector16(3, kMaxVector16);
  return reader.finished() ? DistinguishedNames::parse(list) : std::nullopt;
}

}  // namespace dtls::wire
