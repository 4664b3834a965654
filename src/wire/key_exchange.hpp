// ServerKeyExchange and ClientKeyExchange of DTLS 1.2, for the three ways to agree on a key that
// we know: ECDHE (RFC 8422 §5.4, §5.7), PSK (RFC 4279 §2), ECDHE with a PSK (RFC 5489 §2). Which
// one a message is, the cipher suite says.
#pragma once

#include <optional>

#include "wire/certificate_verify.hpp"
#include "wire/numbers.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

namespace dtls::wire {

// ServerECDHParams, on a named curve: any other kind of curve breaks the syntax here.
struct EcdheParams {
  NamedGroup group{};
  Bytes point;  // 1 to 255 bytes
  Bytes
      encoded;  // of all: what the signature is over, after both randoms; not looked at in writing
};
void write_ecdhe_params(Writer& writer, NamedGroup group, Bytes point);

struct ServerKeyExchangeEcdhe {
  EcdheParams params;
  Signed proof;
};
std::optional<ServerKeyExchangeEcdhe> parse_server_key_exchange_ecdhe(Bytes body);
void write_server_key_exchange_ecdhe(Writer& writer, const ServerKeyExchangeEcdhe& exchange);

// The hint of a server that sends one; without, there is no message.
std::optional<Bytes> parse_server_key_exchange_psk(Bytes body);
void write_server_key_exchange_psk(Writer& writer, Bytes hint);

struct ServerKeyExchangeEcdhePsk {
  Bytes hint;  // may be empty
  EcdheParams params;
};
std::optional<ServerKeyExchangeEcdhePsk> parse_server_key_exchange_ecdhe_psk(Bytes body);
void write_server_key_exchange_ecdhe_psk(Writer& writer, const ServerKeyExchangeEcdhePsk& exchange);

// The client's public key.
std::optional<Bytes> parse_client_key_exchange_ecdhe(Bytes body);
void write_client_key_exchange_ecdhe(Writer& writer, Bytes point);

// The identity, which may be empty.
std::optional<Bytes> parse_client_key_exchange_psk(Bytes body);
void write_client_key_exchange_psk(Writer& writer, Bytes identity);

struct ClientKeyExchangeEcdhePsk {
  Bytes identity;
  Bytes point;
};
std::optional<ClientKeyExchangeEcdhePsk> parse_client_key_exchange_ecdhe_psk(Bytes body);
void write_client_key_exchange_ecdhe_psk(Writer& writer, const ClientKeyExchangeEcdhePsk& exchange);

}  // namespace dtls::wire
