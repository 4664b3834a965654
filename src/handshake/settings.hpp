// What a handshake is to reach: settings that all associations of a context share, and the
// decisions that are made for one of them while it runs.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crypto/key_derivation.hpp"
#include "crypto/key_share.hpp"
#include "crypto/owned.hpp"
#include "crypto/signature.hpp"
#include "dtls/error.hpp"
#include "dtls/time.hpp"
#include "handshake/flight/channel.hpp"
#include "wire/numbers.hpp"
#include "wire/reader.hpp"
#include "wire/version.hpp"

namespace dtls::handshake {

using wire::Bytes;
using Buffer = std::vector<std::byte>;

class TicketKeys;

// RFC 4279 §5.3 asks for keys of up to 64 bytes.
using PskSecret = crypto::SecretBuffer<64>;

// Identity is what we prove ourselves with: a chain, leaf first, in DER, and the leaf's key.
struct Identity {
  std::vector<Buffer> chain;
  std::shared_ptr<EVP_PKEY> key;
};

// PreSharedKey is one that both sides know already.
struct PreSharedKey {
  std::string identity;  // told to the peer in the clear
  PskSecret key;         // 1 to 64 bytes
};

// SessionState is what a later handshake needs to resume this one. The server seals it into the
// ticket, the client keeps it beside the ticket.
struct SessionState {
  wire::Version version = 0;
  wire::CipherSuite suite{};
  crypto::Secret secret;  // 1.2: the master secret; 1.3: the PSK of the ticket
  TimePoint issued;
  std::uint32_t lifetime_s = 0;
  // However often it is resumed: 7 days after the full handshake (RFC 8446 §4.6.1), and not beyond
  // the peer's certificate.
  TimePoint valid_until = TimePoint::max();
  std::uint32_t age_add = 0;  // 1.3 (RFC 8446 §4.6.1)
  std::string server_name;    // for which it began
  std::string alpn;
  Buffer peer_leaf;  // the peer's certificate, DER; empty: it showed none
  bool peer_authorized = false;
  std::array<std::byte, 32> binding{};  // server: the hash of all that decides who may resume

  // Copies are made on purpose only: there is a secret in it.
  [[nodiscard]] SessionState copy() const;
};

// Ticket is what a client resumes with.
struct Ticket {
  Buffer ticket;
  SessionState state;
};

// is_usable: libcrypto has the group, and the version may agree on it; hybrid ones are of DTLS 1.3.
inline bool is_usable(crypto::Group group, wire::Version version) {
  return (version == wire::kDtls13 || group != crypto::Group::kX25519MlKem768) &&
         crypto::is_available(group);
}

// Settings are immutable and shared. Lists are in order of preference.
struct Settings {
  bool is_server = false;
  wire::Version min_version = wire::kDtls12;
  wire::Version max_version = wire::kDtls13;
  std::vector<wire::CipherSuite> suites;  // of both versions
  std::vector<crypto::Group> groups;
  std::vector<crypto::SignatureScheme> schemes;       // that we verify
  std::vector<crypto::SignatureScheme> sign_schemes;  // that we sign with; empty: all our key can
  std::vector<std::string> alpn;                      // RFC 7301; empty: not negotiated
  std::vector<std::uint16_t> srtp_profiles;           // RFC 5764; empty: not negotiated
  std::uint16_t record_size_limit = 0;  // RFC 8449, plaintext bytes we take; 0: not sent
  bool renegotiate = false;
  bool tickets = true;                      // server: issue them; client: ask for them
  bool psk_only = false;                    // 1.3: psk_ke may be used (no forward secrecy)
  bool psk_with_dhe = true;                 // 1.3: psk_dhe_ke may be used; preferred
  bool offers_psk = false;                  // a PSK may be had of `Decisions`
  std::uint32_t ticket_lifetime_s = 7200;   // at most 7 days (RFC 8446 §4.6.1)
  std::shared_ptr<TicketKeys> ticket_keys;  // server
  ChannelSettings channel;
};

// Presented is how a server presents itself to one client.
struct Presented {
  std::shared_ptr<const Identity> identity;  // null: none, only PSKs will do
  bool named = false;                        // it was chosen by the client's server_name
  bool asks_client = false;                  // a client certificate is requested
  bool requires_client = false;
  std::shared_ptr<const std::vector<Buffer>>
      authorities;                      // DNs for CertificateRequest; may be null
  std::array<std::byte, 32> binding{};  // see SessionState
};

// Verdict is what became of the peer's certificate.
//   key: of its first certificate, for the signatures that it must make. Without one the handshake
//     ends, unless the chain is empty.
struct Verdict {
  bool goes_on = false;     // false ends the handshake
  bool authorized = false;  // chain and name were accepted
  wire::AlertDescription alert{};
  std::string reason;
  crypto::OwnedKey key = nullptr;
  std::optional<std::chrono::seconds> valid_for = {};  // what is left of its life
};

// PskAnswer: the key, that there is none, or that the answer comes later with Engine::provide_psk.
struct NoSuchPsk {};
struct PskPending {};
using PskAnswer = std::variant<NoSuchPsk, PskPending, PreSharedKey>;

// Decisions are made by the owner of an association while it handshakes. They must not call back
// into the association.
class Decisions {
 public:
  virtual ~Decisions() = default;

  // Server: how to present ourselves to a client that asks for `server_name` (empty: for none).
  virtual Presented present(std::string_view server_name) = 0;
  // Client: what to show when the server asks; null: nothing.
  virtual std::shared_ptr<const Identity> client_identity() = 0;
  // What to think of the peer's chain (DER, leaf first; empty: it sent none).
  virtual Verdict verify(std::span<const Bytes> chain) = 0;
  // The peer resumed a session in which it had shown `state.peer_leaf`.
  virtual void accept_resumed(const SessionState& state) = 0;
  // Server: the key of that identity. Client: a key to use; in 1.2 `identity` is the server's hint.
  virtual PskAnswer psk(std::string_view identity) = 0;
  // Client: the name to send as server_name, empty for none; and a session to resume, if any.
  virtual std::string server_name() = 0;
  virtual std::optional<Ticket> ticket() = 0;
  // A secret for the key log (NSS key log format); `is_logged` says whether there is one.
  virtual bool is_logged() const = 0;
  virtual void log_secret(std::string_view label, Bytes client_random, Bytes secret) = 0;
};

}  // namespace dtls::handshake
