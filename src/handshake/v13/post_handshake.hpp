// What comes after the handshake in DTLS 1.3: NewSessionTicket and KeyUpdate (RFC 8446 §4.6).
#pragma once

#include <cstdint>
#include <optional>

#include "handshake/core.hpp"

namespace dtls::handshake {

class PostHandshake {
 public:
  Step on_message(Core& core, const HandshakeMessage& message);

  // update_keys sends a KeyUpdate; new keys are used once it is acknowledged (RFC 9147 §8), and
  // until then no other may be sent.
  void update_keys(Core& core, bool ask_peer) { send_update(core, ask_peer, false); }
  [[nodiscard]] bool is_updating() const { return update_.has_value(); }
  // can_update is false once all message numbers are used (RFC 9147 §5.2: 16 bits, no wrapping).
  [[nodiscard]] static bool can_update(const Core& core);
  // follow installs the new write keys when the ACK has come. Call after every input.
  void follow(Core& core);

 private:
  Step take_ticket(Core& core, const HandshakeMessage& message);
  Step take_key_update(Core& core, const HandshakeMessage& message);
  void send_update(Core& core, bool ask_peer, bool answers);

  std::optional<std::uint16_t> update_;  // message_seq of our KeyUpdate that was not acknowledged
  bool answers_ = false;                 // that one answers a request of the peer
  bool owes_update_ = false;             // the peer asked for another one meanwhile
};

}  // namespace dtls::handshake
