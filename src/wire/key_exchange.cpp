#include "wire/key_exchange.hpp"

namespace dtls::wire {
namespace {

constexpr std::uint8_t kNamedCurve = 3;  // RFC 8422 §5.4

Bytes read_point(Reader& reader) {
  return reader.vector8(1, 0xff);
}
Bytes read_opaque16(Reader& reader) {
  return reader.vector16(0, 0xffff);
}

// `body` is what the reader was made of.
EcdheParams read_ecdhe_params(Reader& reader, Bytes body) {
  EcdheParams params;
  const std::size_t begin = body.size() - reader.remaining();
  if (reader.u8() != kNamedCurve) {
    reader.fail();
  }
  params.group = static_cast<NamedGroup>(reader.u16());
  params.point = read_point(reader);
  if (reader.ok()) {
    params.encoded = body.subspan(begin, body.size() - reader.remaining() - begin);
  }
  return params;
}

}  // namespace

void write_ecdhe_params(Writer& writer, NamedGroup group, Bytes point) {
  writer.u8(kNamedCurve);
  writer.u16(static_cast<std::uint16_t>(group));
  writer.vector8(point);
}

std::optional<ServerKeyExchangeEcdhe> parse_server_key_exchange_ecdhe(Bytes body) {
  ServerKeyExchangeEcdhe exchange;
  Reader reader(body);
  exchange.params = read_ecdhe_params(reader, body);
  exchange.proof = read_signed(reader);
  return reader.finished() ? std::optional(exchange) : std::nullopt;
}

void write_server_key_exchange_ecdhe(Writer& writer, const ServerKeyExchangeEcdhe& exchange) {
  write_ecdhe_params(writer, exchange.params.group, exchange.params.point);
  write_signed(writer, exchange.proof);
}

std::optional<Bytes> parse_server_key_exchange_psk(Bytes body) {
  Reader reader(body);
  const Bytes hint = read_opaque16(reader);
  return reader.finished() ? std::optional(hint) : std::nullopt;
}

void write_server_key_exchange_psk(Writer& writer, Bytes hint) {
  writer.vector16(hint);
}

std::optional<ServerKeyExchangeEcdhePsk> parse_server_key_exchange_ecdhe_psk(Bytes body) {
  ServerKeyExchangeEcdhePsk exchange;
  Reader reader(body);
  exchange.hint = read_opaque16(reader);
  exchange.params = read_ecdhe_params(reader, body);
  return reader.finished() ? std::optional(exchange) : std::nullopt;
}

void write_server_key_exchange_ecdhe_psk(Writer& writer,
                                         const ServerKeyExchangeEcdhePsk& exchange) {
  writer.vector16(exchange.hint);
  write_ecdhe_params(writer, exchange.params.group, exchange.params.point);
}

std::optional<Bytes> parse_client_key_exchange_ecdhe(Bytes body) {
  Reader reader(body);
  const Bytes point = read_point(reader);
  return reader.finished() ? std::optional(point) : std::nullopt;
}

void write_client_key_exchange_ecdhe(Writer& writer, Bytes point) {
  writer.vector8(point);
}

std::optional<Bytes> parse_client_key_exchange_psk(Bytes body) {
  return parse_server_key_exchange_psk(body);
}

void write_client_key_exchange_psk(Writer& writer, Bytes identity) {
  writer.vector16(identity);
}

std::optional<ClientKeyExchangeEcdhePsk> parse_client_key_exchange_ecdhe_psk(Bytes body) {
  Reader reader(body);
  const Bytes identity = read_opaque16(reader);
  const Bytes point = read_point(reader);
  if (!reader.finished()) {
    return std::nullopt;
  }
  return ClientKeyExchangeEcdhePsk{identity, point};
}

void write_client_key_exchange_ecdhe_psk(Writer& writer,
                                         const ClientKeyExchangeEcdhePsk& exchange) {
  writer.vector16(exchange.identity);
  writer.vector8(exchange.point);
}

}  // namespace dtls::wire
