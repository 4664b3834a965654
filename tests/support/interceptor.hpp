// Interceptor rewrites handshake messages between two engines, also those under keys: it reads the
// secrets of both engines from their key logs. It stands for a peer that has the keys of the
// handshake and breaks its proofs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "handshake/suites.hpp"
#include "handshake/v12/key_schedule_12.hpp"
#include "support/engine_pair.hpp"
#include "wire/handshake_header.hpp"

namespace dtls::test {

// Every handshake message must fit one record; make_room says so to the engines' settings.
class Interceptor {
 public:
  using Sender = handshake::Sender;
  using Buffer = std::vector<std::byte>;
  using Rewrite = std::function<void(Buffer& body)>;

  // Takes the place of EnginePair::alter. Construct it before the handshake begins; it must outlive
  // the handshake.
  explicit Interceptor(EnginePair& pair);

  static void make_room(handshake::Settings& settings);

  // rewrite has `change` called with the body of each message of that type and sender. In DTLS 1.3
  // the sender's Finished is computed anew once one of its messages was changed, as the sender
  // would.
  void rewrite(Sender sender, wire::HandshakeType type, Rewrite change);

  // skip has the messages of that type left out, as a sender that skips them would: those that
  // follow are numbered without a gap.
  void skip(Sender sender, wire::HandshakeType type) { skipped_.emplace(sender, type); }

  // add_after has a further message stand in the same record behind each of that type. The sender's
  // later messages are not renumbered.
  void add_after(Sender sender, wire::HandshakeType type, wire::HandshakeType added, Buffer body);

  // strip_keys has what that sender protects in DTLS 1.2 delivered without keys, in epoch 0.
  void strip_keys(Sender sender) { stripped_ = sender; }

  // body_of gives the body of a message as it was delivered; empty where none was.
  [[nodiscard]] Buffer body_of(Sender sender, wire::HandshakeType type) const;
  // transcript is the hash of the messages delivered so far, messages are these themselves.
  [[nodiscard]] crypto::Digest transcript() const;
  [[nodiscard]] Buffer messages() const;
  // signed_params is what the ServerKeyExchange of a full handshake signs for `params`.
  [[nodiscard]] Buffer signed_params(handshake::Bytes params) const;

 private:
  struct Message {
    Sender sender;
    wire::HandshakeType type;
    Buffer raw;  // with a header, as if unfragmented
  };

  void intercept(EngineSide::Datagram& datagram);
  Buffer take_plain_form(std::span<const std::byte> record, Sender sender);
  Buffer take_unified(std::span<const std::byte> record, Sender sender);
  // process gives the content of a record with its messages rewritten.
  Buffer process(handshake::Bytes content, Sender sender);
  void change(Message& message);
  [[nodiscard]] const EngineSide& side(Sender sender) const;
  [[nodiscard]] const handshake::Suite& suite() const;
  [[nodiscard]] handshake::Bytes secret(Sender sender, const char* label) const;
  [[nodiscard]] handshake::Random random_of(Sender sender) const;

  EnginePair& pair_;
  int client_sent_ = 0;
  std::map<std::pair<Sender, wire::HandshakeType>, Rewrite> rewrites_;
  std::set<std::pair<Sender, wire::HandshakeType>> skipped_;
  std::map<std::pair<Sender, wire::HandshakeType>, std::pair<wire::HandshakeType, Buffer>> added_;
  std::array<std::uint16_t, 2> left_out_{};  // messages, by sender
  std::array<bool, 2> has_rewritten_{};
  std::optional<Sender> stripped_;
  std::vector<Message> delivered_;
};

}  // namespace dtls::test
