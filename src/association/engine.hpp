// Engine: one DTLS association as a pure state machine. It takes datagrams and the time, and gives
// datagrams, events and a deadline.
//
//   receive ─► Channel ─► Handshake | messages after it | application data ─► poll_event
//   send, handshakes, timers ─► Channel ─► poll_transmit
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "association/sealed_queue.hpp"
#include "dtls/error.hpp"
#include "dtls/session.hpp"
#include "dtls/time.hpp"
#include "handshake/core.hpp"
#include "handshake/handshake.hpp"
#include "handshake/hello/offer.hpp"
#include "handshake/v12/renegotiation_limit.hpp"
#include "handshake/v13/post_handshake.hpp"

namespace dtls::handshake {

// may_renegotiate: a renegotiation is bound to the association's first handshake (RFC 5746). A
// pre-shared key would prove nothing: anybody who has it is the same peer.
[[nodiscard]] bool may_renegotiate(const Settings& settings, const Negotiated& negotiated);

// The contract is that of Session, and so are the events; the errors of Failed are said of the peer
// ("offered no cipher suite that fits") unless was_given_up. `decisions` must outlive the engine.
class Engine {
 public:
  Engine(std::shared_ptr<const Settings> settings, Decisions& decisions);
  ~Engine();
  Engine(Engine&&) = delete;
  Engine& operator=(Engine&&) = delete;

  // start begins a client's handshake.
  void start(TimePoint now);
  // continue_from has a server go on after the stateless exchange of a cookie: the first datagram
  // given to receive is the proven ClientHello.
  void continue_from(std::uint64_t record_sequence, std::uint16_t message_seq);

  void receive(std::span<std::byte> datagram, TimePoint now);

  // send seals one record for one datagram. Fails with EAGAIN before Connected, EMSGSIZE above
  // the record size limit of the peer, EPIPE after the end or when the keys are used up.
  Result<void> send(std::span<const std::byte> message);
  // open and seal: see Session.
  std::optional<std::span<const std::byte>> open(std::span<std::byte> datagram, TimePoint now);
  Result<std::size_t> seal(std::span<const std::byte> message, std::span<std::byte> out);
  // close says close_notify once established; nothing can be sent after it.
  void close();

  // give_up ends the association without a word to the peer, because the owner's patience is over;
  // poll_event tells of `error`, as it is, as Failed.
  void give_up(Error error);
  [[nodiscard]] bool was_given_up() const { return was_given_up_; }

  // update_keys begins a KeyUpdate (RFC 8446 §4.6.3); `ask_peer` has the peer update as well.
  // Fails with EOPNOTSUPP in DTLS 1.2, EALREADY while one is not acknowledged, EPIPE after 2^16
  // handshake messages.
  Result<void> update_keys(bool ask_peer, TimePoint now);
  // renegotiate begins a handshake inside the association (RFC 5746): a client sends its hello, a
  // server a HelloRequest, which is repeated until it is answered or give_up_request is called.
  // There is no second Connected; send fails with EAGAIN while is_renegotiating. Fails with
  // EOPNOTSUPP where the settings or DTLS 1.3 do not allow it or the peer does not know RFC 5746,
  // EALREADY while one runs.
  Result<void> renegotiate(TimePoint now);
  [[nodiscard]] bool is_renegotiating() const;
  // awaits_answer: a server's HelloRequest was not answered yet.
  [[nodiscard]] bool awaits_answer() const { return requested_; }
  void give_up_request();
  // has_declined: the peer wanted a renegotiation and was refused.
  [[nodiscard]] bool has_declined() const { return has_declined_; }

  // standstill says why an unfinished handshake does not go on, for the owner whose time for it is
  // over; empty where nothing is known.
  [[nodiscard]] std::string standstill() const;

  // provide_psk answers PskWanted; nullopt: there is none of that identity.
  void provide_psk(std::optional<PreSharedKey> key, TimePoint now);

  // export_keying_material fills `out` (RFC 5705, RFC 8446 §7.5). nullopt as context is not the
  // same as an empty one in DTLS 1.2. Fails with EAGAIN before Connected, EPIPE where that never
  // was, EINVAL for a label (at most 249 bytes, not one of the handshake's own), a context (at most
  // 65535 bytes) or a length (1 to 8160 bytes) that cannot be.
  Result<void> export_keying_material(std::string_view label, std::optional<Bytes> context,
                                      std::span<std::byte> out) const;

  std::optional<Event> poll_event();
  // poll_transmit writes the next datagram to `out` (at least kMaxDatagram bytes); 0: none.
  std::size_t poll_transmit(std::span<std::byte> out, TimePoint now);
  // deadline is when something is due to be sent or given up. linger_deadline is when memory may be
  // freed (see Channel); to call handle_timeout then as well is all that it takes.
  [[nodiscard]] std::optional<TimePoint> deadline() const;
  [[nodiscard]] std::optional<TimePoint> linger_deadline() const;
  void handle_timeout(TimePoint now);
  // set_mtu and set_first_timeout: see Channel.
  void set_mtu(std::size_t bytes) { core_.channel.set_mtu(bytes); }
  void set_first_timeout(Duration timeout) { core_.channel.set_first_timeout(timeout); }

  [[nodiscard]] const Negotiated& negotiated() const { return core_.negotiated; }
  [[nodiscard]] std::optional<Ticket> take_ticket();
  [[nodiscard]] bool is_established() const { return phase_ == Phase::kEstablished; }
  [[nodiscard]] bool has_ended() const { return phase_ == Phase::kEnded; }
  [[nodiscard]] const Channel& channel() const { return core_.channel; }
  // leave_thread: see Session.
  void leave_thread() const noexcept { core_.channel.leave_thread(); }
  // held_bytes is what the peer has us hold beyond the handshake's own state.
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  // kConfirming: a client of 1.3 that was asked for its certificate has said all, and waits for the
  // server to accept it, which the ACK of its whole last flight tells (RFC 9147 §7), or a message
  // of the server's that follows the handshake. In DTLS 1.2 the server's Finished tells it.
  enum class Phase : std::uint8_t { kIdle, kHandshaking, kConfirming, kEstablished, kEnded };

  struct Early {  // messages that wait for the end of the handshake
    std::vector<Buffer> waiting;
    std::size_t bytes = 0;
    Buffer given;  // the one of them that was given out last
  };

  // Whether the handshake waits for provide_psk.
  [[nodiscard]] bool is_waiting() const {
    return handshake_ != nullptr && handshake_->is_waiting();
  }
  [[nodiscard]] bool is_strict() const { return core_.settings->channel.strict_plaintext; }
  // Whether nothing but application data is under way and nothing waits to be polled.
  [[nodiscard]] bool is_settled() const {
    return phase_ == Phase::kEstablished && handshake_ == nullptr && early_ == nullptr &&
           events_.empty() && !received_;
  }
  void take_input(const Input& input);
  void take(const HandshakeMessage& message);
  void take(const ChangeCipherSpec& change);
  void take(const AlertIn& in);
  void take(const ApplicationData& data);
  void take(const Fatal& fatal);
  Step after_handshake(const HandshakeMessage& message);
  Step take_renegotiation(const HandshakeMessage& message);
  void take_refusal();
  [[nodiscard]] Renegotiation binding() const;
  void proceed(Step step);
  void conclude();
  void confirm();
  void establish();
  void fail(Failure failure);
  void end_by_peer(std::uint8_t description);
  [[nodiscard]] std::string_view offered_psk() const;
  [[nodiscard]] std::string why_unreadable() const;
  void end(Event event);
  void follow();
  void replace_worn_keys();
  [[nodiscard]] std::size_t max_message() const;
  static Result<void> check_export(std::string_view label, std::optional<Bytes> context,
                                   std::size_t size);
  Event take_event();
  Message take_early();

  Core core_;
  Phase phase_ = Phase::kIdle;
  std::uint64_t proven_epoch_ = 0;  // whose Finished has come
  std::uint8_t warnings_ = 0;       // since the last message
  bool was_established_ = false;
  bool was_given_up_ = false;
  bool has_gone_on_ = false;  // the peer, after our handshake was over
  bool has_declined_ = false;
  bool requested_ = false;  // server: a HelloRequest awaits its answer
  std::unique_ptr<Handshake> handshake_;
  RenegotiationLimit limit_;  // of what the peer begins
  PostHandshake post_;
  std::uint64_t asked_in_ = 0;  // the read epoch whose keys the peer was asked to replace
  SealedQueue sealed_;
  std::vector<Event> events_;
  std::optional<std::span<const std::byte>> received_;
  std::unique_ptr<Early> early_;
  std::size_t reported_tickets_ = 0;
};

}  // namespace dtls::handshake
