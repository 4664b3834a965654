// Offer: what a client has proposed in its ClientHello, to hold the server's answer against.
#pragma once

#include <bitset>
#include <optional>
#include <vector>

#include "handshake/core.hpp"
#include "handshake/transcript.hpp"
#include "wire/extension_list.hpp"

namespace dtls::handshake {

// A handshake that begins anew inside an association (RFC 5746 §3.5).
struct Renegotiation {
  VerifyData client_verify{};
  VerifyData server_verify{};
  // The hash of the certificate that the peer showed before: it must show the same again, so that
  // whoever the program has come to know stays the peer.
  std::optional<crypto::Digest> peer_leaf;
  Buffer cookie;  // client: of the first handshake
};

// The PSK that a client offers in DTLS 1.3: of its ticket, or the external one.
struct OfferedPsk {
  Bytes key;
  PskOrigin origin{};
  crypto::HashAlgorithm hash{};
};

class Offer {
 public:
  // make chooses random, session id, key share, session and PSK. Only DTLS 1.2 in a renegotiation.
  static Result<Offer> make(Core& core, const Renegotiation* renegotiation);

  // compose gives the body of the ClientHello, in the thread's scratch. `transcript` is that before
  // this hello: the binder of a PSK covers it.
  Result<Bytes> compose(Core& core, const Transcript& transcript, std::uint16_t message_seq);

  [[nodiscard]] bool offers(wire::Version version) const {
    return version >= newest_ && version <= oldest_;
  }
  [[nodiscard]] bool offers(wire::CipherSuite suite) const;
  [[nodiscard]] bool sent(wire::ExtensionType type) const;

  Random random{};
  Buffer session_id;
  Buffer cookie_12;  // of a HelloVerifyRequest
  Buffer cookie_13;  // of a HelloRetryRequest
  std::optional<crypto::KeyShare> share;
  std::optional<Ticket> ticket;
  std::optional<PreSharedKey> psk;
  bool awaits_psk = false;  // `psk` is to be set before the hello is composed

 private:
  bool has_room_for_ticket(Core& core);
  Result<Bytes> write(Core& core, const Transcript& transcript, std::uint16_t message_seq);
  void write_extensions(Core& core, wire::Writer& writer);
  void write_pre_shared_key(Core& core, wire::Writer& writer);
  void fill_binder(const OfferedPsk& offered, const Transcript& transcript,
                   std::span<std::byte> body, std::uint16_t message_seq) const;
  void note(wire::ExtensionType type);

  wire::Version newest_ = 0;  // smaller numbers are newer versions
  wire::Version oldest_ = 0;
  std::vector<wire::CipherSuite> suites_;
  Buffer renegotiation_info_;
  std::vector<wire::ExtensionType> sent_;
};

std::optional<OfferedPsk> psk_of(const Offer& offer);

// take_answers notes what the server chose of what was offered in the same way in both versions:
// ALPN, use_srtp, record_size_limit, server_name.
Step take_answers(Core& core, const wire::ExtensionList& list);

}  // namespace dtls::handshake
