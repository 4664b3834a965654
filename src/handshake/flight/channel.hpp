// Channel: handshake messages over records over datagrams, in order and without loss.
//
//   datagram -> record::Inbound -> fragments -> Reassembly -> HandshakeMessage
//   messages -> Flight -> fragments -> record::Outbound -> datagram
//
// It knows epochs, flights, fragments, ACKs and timers, and nothing of what messages mean. DTLS 1.2
// repeats a whole flight until the answer has come (RFC 6347 §4.2.4), DTLS 1.3 what was not
// acknowledged (RFC 9147 §5.8, §7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "dtls/time.hpp"
#include "handshake/flight/input.hpp"
#include "handshake/flight/outbox.hpp"
#include "record/inbound.hpp"
#include "record/outbound.hpp"
#include "wire/alert.hpp"
#include "wire/handshake_header.hpp"
#include "wire/version.hpp"

namespace dtls::handshake {

struct ChannelSettings {
  // Until a flight is sent again for the first time; doubles to 60 s (RFC 9147 §5.8.2).
  Duration first_timeout{1000};
  // What a round trip that was measured may lower first_timeout to (see learn_round_trip): below
  // it a busy peer, or a thread that is late, would pass for a loss.
  Duration shortest_timeout{100};
  // Bytes of a datagram with handshake messages, ACKs or alerts, at least kSmallestMtu. The default
  // passes through every IPv6 path (1280 - 48).
  std::uint16_t mtu = 1232;
  // The second retransmission of a flight has datagrams of 484 bytes, the third of 268: they pass
  // through paths of 512 and 296 bytes. Each later one has 8 bytes less. None shrinks below this.
  std::uint16_t smallest_datagram = 196;
  // Whether a record may hold several messages or fragments (RFC 6347 §4.2.3, RFC 9147 §5.5), as
  // BoGo demands. Off: tinydtls reads the first message of a record only, mbedTLS and wolfSSL
  // discard what follows a fragment, and each waits for the rest for ever. A record costs 13 bytes,
  // and its tag where there are keys.
  bool packs_fragments = false;
  // Whether a record without keys that breaks the protocol ends the association, as BoGo demands.
  // Off: it is dropped, because anybody can send it.
  bool strict_plaintext = false;
  // Whether an ACK without room for all records is the only one, as BoGo demands. Off: the next
  // datagram names the rest, for which the peer's timer would run out otherwise.
  bool single_acks = false;
  // Bodies longer than this are refused: a certificate chain of 64 KiB and what stands around it.
  std::uint32_t max_message = 66 * 1024;
  // The same for what a client may say to a server after the handshake: a KeyUpdate of 1 byte in
  // DTLS 1.3, a ClientHello in DTLS 1.2. A server's tickets have no bound of their own.
  std::uint32_t max_settled_13 = 1024;
  std::uint32_t max_settled_12 = 8 * 1024;
  // A bound on the records of full size under one key, below that of its algorithm; 0: none.
  std::uint32_t records_per_key = 0;
};

// Channel serves one association, one thread at a time. It reads no clock: what happens depends on
// the `now` that it is handed only. After every input drain next() and poll_transmit().
class Channel {
 public:
  // With a first timeout of 1 s the last repetition goes unanswered after 8 minutes, twice as long
  // as RFC 6347 §4.2.4 has a side wait for what may still be on the way.
  static constexpr unsigned kMostRepetitions = 12;

  // Room for a record of DTLS 1.2 with a fragment of some bytes.
  static constexpr std::size_t kSmallestMtu = 64;

  explicit Channel(bool is_server, const ChannelSettings& settings = {});
  ~Channel();
  Channel(Channel&& other) noexcept;
  Channel& operator=(Channel&& other) noexcept;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // set_version says what was negotiated. Until then both versions' records are read, ACKs are
  // ignored, and flights are repeated as a whole.
  void set_version(wire::Version version);
  // continue_from is for a server whose cookie exchange kept no state: the next record number of
  // epoch 0 and the next message of each side.
  void continue_from(std::uint64_t record_sequence, std::uint16_t next_message_in,
                     std::uint16_t next_message_out);
  // restart_messages begins a further handshake of DTLS 1.2, whose messages count from 0 again
  // (RFC 6347 §4.2.2). Flights and what was received in part are forgotten, but with
  // `keeps_last_flight` not the last flight, which the peer may lack: it goes out again with the
  // next one, as often as that does, or when the peer repeats its own.
  void restart_messages(bool keeps_last_flight = false);
  // settle narrows what the peer can make us hold to what it may say after a handshake; unsettle is
  // for a further one.
  void settle() { settled_ = true; }
  void unsettle() { settled_ = false; }
  // held_bytes is the memory that the peer's unread records and unfinished messages take.
  [[nodiscard]] std::size_t held_bytes() const;
  // await_restart has the channel do so by itself, once, when the peer begins a further handshake
  // under the newest keys: with a HelloRequest or, to a server, a ClientHello.
  void await_restart() { awaits_restart_ = true; }

  // ---- keys ----
  // The two newest epochs are kept, and epoch 0 until a record of a later one proved authentic.
  void install_read(std::uint64_t epoch, record::Protection protection);
  void install_write(std::uint64_t epoch, record::Protection protection);
  [[nodiscard]] std::uint64_t read_epoch() const { return inbound_.newest(); }
  [[nodiscard]] std::uint64_t write_epoch() const { return outbound_.newest(); }
  // needs_rekey: the write key should be replaced soon. key_wears_out: the read key should be, for
  // many forgeries were met under it. key_is_worn: too many, the association must end (RFC 9147
  // §4.5.3).
  [[nodiscard]] bool needs_rekey() const { return outbound_.needs_rekey(); }
  [[nodiscard]] bool key_wears_out() const { return inbound_.key_wears_out(); }
  [[nodiscard]] bool key_is_worn() const { return inbound_.key_is_worn(); }
  // set_record_size_limits bounds the plaintext of records that come in and that go out under the
  // keys of `epoch` and later ones, installed already or not (RFC 8449 §4); 2^14 each at first.
  void set_record_size_limits(std::uint64_t epoch, std::size_t in, std::size_t out);

  // ---- outgoing messages ----
  using Then = handshake::Then;
  // begin_flight forgets the flight before: what the peer sent implies that it has arrived (RFC
  // 6347 §4.2.4, RFC 9147 §7.1). Flights that await ACKs are kept until those come.
  void begin_flight();
  // add_message appends a message to the flight, in the write epoch of this moment. Gives it whole,
  // with a header as if it were one fragment: for the transcript. Valid until it is forgotten.
  // Empty, and nothing added, after 2^16 messages.
  wire::Bytes add_message(wire::HandshakeType type, wire::Bytes body);
  void add_change_cipher_spec();
  // end_flight releases the flight to poll_transmit and starts its timer.
  void end_flight(Then then, TimePoint now);
  // flight_answered stops repeating a flight whose answer is complete and calls for none itself: of
  // DTLS 1.2, where the handshake ends with the peer's flight.
  void flight_answered();
  // forget_unacked gives up on messages that await ACKs.
  void forget_unacked();
  // next_message_out is the message_seq that add_message will use.
  [[nodiscard]] std::uint32_t next_message_out() const { return next_out_; }
  // all_acked: nothing is left to be sent again. is_acked: nothing of that message is; only for
  // messages of the current flight and of those that await ACKs.
  [[nodiscard]] bool all_acked() const;
  [[nodiscard]] bool is_acked(std::uint16_t message_seq) const;
  // timeouts counts how often in a row the timer ran out since the flight began or was answered.
  [[nodiscard]] unsigned timeouts() const;
  // has_given_up: the timer ran out once more than a flight is repeated; nothing is sent again.
  [[nodiscard]] bool has_given_up() const { return timeouts() > kMostRepetitions; }

  // drop_output forgets messages and ACKs that are still to be sent: the peer has ended it all.
  void drop_output();

  // send_alert queues an alert for the newest write epoch. Of several the first four go out.
  void send_alert(wire::Alert alert);
  // send_ack has what was received acknowledged with the next datagram instead of after a while
  // (DTLS 1.3): after the client's last flight.
  void send_ack();

  // ---- incoming ----
  // receive takes a datagram, which is decrypted in place. Drain next() before the next receive.
  void receive(std::span<std::byte> datagram, TimePoint now);
  std::optional<Input> next();
  // has_rest: records of the datagram are left that next() has not come to.
  [[nodiscard]] bool has_rest() const { return inbound_.has_rest(); }
  // put_back refuses the message that next() gave last, in epoch 0, before next() is called again:
  // it was out of turn, so anybody can have sent it. The message with its number is still expected.
  void put_back();
  // postpone keeps a copy of what a datagram brought, within bounds, for while the handshake waits;
  // postpone_rest does so with the records that next() has not come to. resume has next() give
  // them.
  void postpone(std::span<const std::byte> datagram);
  void postpone_rest() { postpone(inbound_.take_rest()); }
  void resume(TimePoint now);
  // unreadable_flights counts the transmissions of the peer's last flight of DTLS 1.2 under whose
  // keys no record could be decrypted: the two sides have different keys. One record proves
  // nothing, because anybody can send it, so only one is counted until the peer repeats its flight,
  // and none sooner than kUnreadableFlight after the one before. The first record that can be
  // decrypted ends the counting.
  static constexpr unsigned kMostUnreadable = 3;
  static constexpr Duration kUnreadableFlight{50};
  [[nodiscard]] unsigned unreadable_flights() const;
  // has_buffered: bytes of messages after those given out are held, whole or in part. Where keys
  // change such bytes are against the protocol (RFC 8446 §5.1).
  [[nodiscard]] bool has_buffered() const;
  [[nodiscard]] const record::Inbound::Discarded& discarded() const { return inbound_.discarded(); }

  // ---- datagrams and time ----
  // poll_transmit writes the next datagram of handshake messages, ACKs and alerts and gives its
  // size, 0 when there is none. `out` should hold mtu bytes; a smaller one bounds datagrams
  // further.
  std::size_t poll_transmit(std::span<std::byte> out, TimePoint now);
  // has_output: the next poll_transmit writes something.
  [[nodiscard]] bool has_output() const;
  [[nodiscard]] std::optional<TimePoint> deadline() const;
  // linger_deadline: when handle_timeout frees what only a repetition of the peer's would need, 4
  // minutes (RFC 6347 §4.2.4: twice the longest life of a segment) after the last handshake
  // message: a kept last flight, older keys, the list of what would be acknowledged once more.
  // Nothing is sent then.
  [[nodiscard]] std::optional<TimePoint> linger_deadline() const;
  void handle_timeout(TimePoint now);
  // set_mtu changes the bytes of datagrams from the next one on; set_first_timeout the timer, one
  // that runs included.
  void set_mtu(std::size_t mtu);
  void set_first_timeout(Duration timeout);
  // learn_round_trip is for a client that was asked for a cookie, which a server does at once: the
  // first timeout becomes twice what that took, if that is less than it was. Nothing is learnt from
  // a flight that was sent again, because what is answered is not known then (Karn's algorithm,
  // RFC 6298 §3). Call it before the next flight begins.
  void learn_round_trip();
  // forget_round_trip is for what is sent after the handshake: its ACK comes a quarter of the
  // peer's timer later (see acknowledge_later), and the peer may have learnt nothing.
  void forget_round_trip();

  // seal_application_data writes one record in the newest write epoch and gives its size, 0 when
  // `out` is too small (content + application_overhead), the content too long or the key used up.
  std::size_t seal_application_data(wire::Bytes content, std::span<std::byte> out);
  [[nodiscard]] std::size_t application_overhead() const;

  // leave_thread: see crypto::CipherKey.
  void leave_thread() const noexcept {
    inbound_.leave_thread();
    outbound_.leave_thread();
  }

 private:
  struct Work;  // what handshakes need: made when needed, freed by end_linger

  struct FragmentsOfRecord {
    bool any_dropped = false;  // then the record must not be acknowledged
    bool any_gap = false;
    std::optional<std::uint16_t> highest;  // message_seq
  };

  Work& work();
  void end_linger(TimePoint now);
  std::optional<Input> dispatch(const record::InboundRecord& record);
  std::optional<Input> dispatch(const record::OpenedRecord& record);
  std::optional<Input> object(std::uint64_t epoch, wire::AlertDescription alert, const char* what);
  [[nodiscard]] bool is_stray(const record::OpenedRecord& record) const;
  std::optional<Input> take_change_cipher_spec(const record::OpenedRecord& record);
  std::optional<Input> take_alert(const record::OpenedRecord& record);
  std::optional<Input> take_handshake(const record::OpenedRecord& record);
  std::optional<Input> take_fragment(const wire::HandshakeFragment& fragment, std::uint64_t epoch,
                                     FragmentsOfRecord& record);
  std::optional<Input> take_ack(const record::OpenedRecord& record);
  [[nodiscard]] bool begins_anew(const wire::HandshakeHeader& header, std::uint64_t epoch) const;
  [[nodiscard]] bool follows_lost_request(const wire::HandshakeHeader& header) const;
  [[nodiscard]] bool is_from_before(const wire::HandshakeHeader& header, std::uint64_t epoch) const;
  std::optional<Input> take_complete();
  void note_repetition(const wire::HandshakeHeader& header);
  void repeat_last_flight();
  void note_answer();
  void keep_datagram_size();
  void note_missed_epoch();
  void note_unreadable();
  void acknowledge_later(record::RecordNumber number, bool has_gap);
  void stop_timer_if_done();
  std::size_t write_ack(std::span<std::byte> out);
  std::size_t write_alerts(std::span<std::byte> out);

  [[nodiscard]] std::uint32_t max_message() const;
  [[nodiscard]] bool is_settled_server() const { return settled_ && is_server_; }
  [[nodiscard]] bool speaks_dtls13() const { return version_ == wire::kDtls13; }
  [[nodiscard]] std::size_t datagram_size() const;

  record::Inbound inbound_;
  record::Outbound outbound_;
  std::unique_ptr<Work> work_;
  ChannelSettings settings_;
  TimePoint now_{};
  TimePoint linger_until_ = TimePoint::max();  // then older epochs and what is in `work_` may go
  Duration unlearnt_timeout_{0};  // the first timeout before learn_round_trip; 0: nothing learnt
  std::uint32_t next_in_ = 0;     // 2^16 after the last message there can be: no other is expected
  std::uint32_t next_out_ = 0;    // likewise
  std::optional<std::uint16_t> judged_in_;  // server: the hello that a cookie has proven
  wire::Version version_ = 0;
  bool is_server_;
  bool awaits_restart_ = false;
  bool settled_ = false;
  std::uint16_t restarted_in_ = 0;  // epoch in which messages began to count anew; 0: never
};

}  // namespace dtls::handshake
