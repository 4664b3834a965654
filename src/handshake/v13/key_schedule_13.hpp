// The key schedule of DTLS 1.3 (RFC 8446 §7.1, labels prefixed as RFC 9147 §5.9 says).
//
//   PSK or zeros ─► early secret ─► binder key
//                        │
//   key agreement ─► handshake secret ─► client/server handshake traffic
//                        │
//            zeros ─► main secret ─► client/server application traffic, exporter, resumption
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "crypto/hash.hpp"
#include "crypto/key_derivation.hpp"

namespace dtls::handshake {

using crypto::Bytes;

// TrafficSecrets are what the two sides protect one stage's records with.
struct TrafficSecrets {
  crypto::Secret client;
  crypto::Secret server;
};

// Where a pre-shared key comes from: the two kinds of binder keys differ (RFC 8446 §4.2.11.2).
enum class PskOrigin : std::uint8_t { kExternal, kResumption };

// KeySchedule13 holds the secret of the stage it is in, and forgets each one with the next.
class KeySchedule13 {
 public:
  // `psk` is empty where none was agreed upon.
  KeySchedule13(crypto::HashAlgorithm hash, Bytes psk);

  // binder proves the possession of the PSK over the hash of the truncated ClientHello. Only while
  // no key agreement has been mixed in.
  [[nodiscard]] crypto::Digest binder(PskOrigin origin, const crypto::Digest& transcript) const;

  // enter_handshake mixes in the key agreement; empty for psk_ke. `transcript` ends with
  // ServerHello.
  TrafficSecrets enter_handshake(Bytes agreed, const crypto::Digest& transcript);
  // enter_application goes on to the main secret. `transcript` ends with the server's Finished.
  TrafficSecrets enter_application(const crypto::Digest& transcript);

  // Of the main secret. The transcript of `exporter` ends with the server's Finished, that of
  // `resumption` with the client's.
  [[nodiscard]] crypto::Secret exporter(const crypto::Digest& transcript) const;
  [[nodiscard]] crypto::Secret resumption(const crypto::Digest& transcript) const;

 private:
  [[nodiscard]] crypto::Secret derive(std::string_view label,
                                      const crypto::Digest& transcript) const;
  void advance(Bytes input);

  crypto::HashAlgorithm hash_;
  crypto::Secret secret_;
};

// finished_mac is the verify_data of a Finished (RFC 8446 §4.4.4) of whoever has `traffic`.
crypto::Digest finished_mac(crypto::HashAlgorithm hash, Bytes traffic,
                            const crypto::Digest& transcript);

// next_traffic is the application traffic secret after a KeyUpdate (RFC 8446 §7.2).
crypto::Secret next_traffic(crypto::HashAlgorithm hash, Bytes traffic);

// ticket_psk is the PSK of one NewSessionTicket (RFC 8446 §4.6.1).
crypto::Secret ticket_psk(crypto::HashAlgorithm hash, Bytes resumption, Bytes nonce);

// export_13 is the exporter of RFC 8446 §7.5.
void export_13(crypto::HashAlgorithm hash, Bytes exporter_secret, std::string_view label,
               Bytes context, std::span<std::byte> out);

}  // namespace dtls::handshake
