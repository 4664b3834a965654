// The key schedule of DTLS 1.2 (RFC 5246 §6.3, §8.1), always with the extended master secret
// (RFC 7627): without it two handshakes can be made to share a secret.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "crypto/hash.hpp"
#include "crypto/key_derivation.hpp"
#include "record/protection.hpp"
#include "wire/client_hello.hpp"

namespace dtls::handshake {

using crypto::Bytes;

inline constexpr std::size_t kMasterSecretSize = 48;
inline constexpr std::size_t kVerifyDataSize = 12;  // RFC 5246 §7.4.9
using VerifyData = std::array<std::byte, kVerifyDataSize>;
using Random = std::array<std::byte, wire::kRandomSize>;

// master_secret of RFC 7627 §4: `session_hash` ends with ClientKeyExchange.
crypto::Secret master_secret(crypto::HashAlgorithm hash, Bytes premaster,
                             const crypto::Digest& session_hash);

// psk_premaster is the premaster secret of RFC 4279 §2 (`other` empty: as many zeros as the key has
// bytes) and RFC 5489 §2 (`other` is the key agreement). Neither has more than 64 bytes.
using PskPremaster = crypto::SecretBuffer<2 + 64 + 2 + 64>;
PskPremaster psk_premaster(Bytes other, Bytes psk);

// Protections12 are the keys of both directions.
struct Protections12 {
  record::Protection client;
  record::Protection server;
};
Protections12 key_block(crypto::HashAlgorithm hash, crypto::AeadAlgorithm aead, Bytes master,
                        const Random& client_random, const Random& server_random);

enum class Sender : bool { kClient, kServer };
VerifyData verify_data(crypto::HashAlgorithm hash, Bytes master, Sender sender,
                       const crypto::Digest& transcript);

// export_12 is the exporter of RFC 5705 §4. Without a context is not the same as with an empty one.
void export_12(crypto::HashAlgorithm hash, Bytes master, const Random& client_random,
               const Random& server_random, std::string_view label, const Bytes* context,
               std::span<std::byte> out);

}  // namespace dtls::handshake
