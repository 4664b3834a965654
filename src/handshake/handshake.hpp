// Handshake: the part of an association that lives only while it shakes hands.
//
//   client   ClientStart ─► Client12 | Client13          server   ServerStart ─► Server12 |
//   Server13
//
// The first of each pair goes as far as the version is not known and names its successor.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "handshake/core.hpp"

namespace dtls::handshake {

class Handshake {
 public:
  explicit Handshake(Core& core) : core_(core) {}
  virtual ~Handshake() = default;
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  virtual Step on_message(const HandshakeMessage& message) = 0;
  virtual Step on_change_cipher_spec() = 0;
  // provide_psk gives the key that Decisions::psk left pending; null: there is none.
  virtual Step provide_psk(const PreSharedKey* key);

  // offered_psk is the identity of the pre-shared key that the handshake offers or uses; empty:
  // none.
  [[nodiscard]] virtual std::string_view offered_psk() const {
    if (!core_.negotiated.with_psk) return {};
    return core_.negotiated.psk_identity;
  }

  // held_bytes is the memory that what the peer has sent takes here.
  [[nodiscard]] virtual std::size_t held_bytes() const { return 0; }

  // Whether the handshake waits for provide_psk: no message may be handed to it until then.
  [[nodiscard]] bool is_waiting() const { return waiting_; }
  [[nodiscard]] std::string_view wanted_psk() const { return wanted_psk_; }
  [[nodiscard]] bool is_done() const { return done_; }
  [[nodiscard]] std::unique_ptr<Handshake> take_successor() { return std::move(successor_); }

 protected:
  Core& core() { return core_; }
  [[nodiscard]] const Settings& settings() const { return *core_.settings; }
  Channel& channel() { return core_.channel; }
  [[nodiscard]] TimePoint now() const { return core_.now; }

  void finish() { done_ = true; }
  void succeed(std::unique_ptr<Handshake> next) { successor_ = std::move(next); }
  // ask_for_psk goes on with the owner's key for `identity`, or waits for it.
  Step ask_for_psk(std::string_view identity);
  // wait_for_psk has provide_psk go on with the key of `identity`.
  void wait_for_psk(std::string_view identity) {
    waiting_ = true;
    wanted_psk_ = identity;
  }
  void want_psk(std::string_view identity) { wanted_psk_ = identity; }
  void stop_waiting() { waiting_ = false; }

 private:
  Core& core_;
  bool done_ = false;
  bool waiting_ = false;
  std::string wanted_psk_;
  std::unique_ptr<Handshake> successor_;
};

// Row of a table of states: in this state this message is taken by this function. Whatever has no
// row is unexpected_message.
template <typename Machine, typename State>
struct Row {
  State when;
  wire::HandshakeType message;
  Step (Machine::*take)(const HandshakeMessage&);
};

// unexpected says what came at a time at which it has no place; in_wrong_epoch, that a message came
// under other keys than its place in the handshake has. Both leave the state machine as it was.
Failure unexpected(wire::HandshakeType type);
Failure in_wrong_epoch();

template <typename Machine, typename State, std::size_t N>
Step dispatch(Machine& machine, State state, const Row<Machine, State> (&table)[N],
              const HandshakeMessage& message) {
  for (const auto& row : table) {
    if (row.when == state && row.message == message.type) return (machine.*row.take)(message);
  }
  return unexpected(message.type);
}

// Scratch is where a message is composed before the channel copies it: one per thread, as large as
// the largest message that we make.
std::span<std::byte> scratch();

// plaintext_limit turns what record_size_limit says into bytes of plaintext: in DTLS 1.3 it counts
// the content type as well (RFC 8449 §4). 0 for a value that nobody may send.
std::uint16_t plaintext_limit(std::uint16_t advertised, wire::Version version);
// apply_record_limits tells the channel what both sides advertised, if the peer did. That holds for
// the keys of this handshake, whose first epoch is `epoch`: also for what is left of the handshake
// itself, and not for older keys (RFC 8449 §4).
void apply_record_limits(Core& core, std::uint64_t epoch);

// set_life says from when and how long a new session can be resumed: `lifetime_s` at most, and
// within what SessionState::valid_until says.
void set_life(SessionState& state, const Core& core, std::uint32_t lifetime_s);
// accept_resumed takes over from the session that the peer resumes what it proved then.
void accept_resumed(Core& core, const SessionState& state);

}  // namespace dtls::handshake
