#include "association/engine.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "handshake/hello/client_start.hpp"
#include "handshake/hello/server_start.hpp"
#include "handshake/peer_alert.hpp"

namespace dtls::handshake {
namespace {

using wire::AlertDescription;
using wire::AlertLevel;

// Alerts that say nothing, one after the other, are somebody's way to keep us busy.
constexpr std::uint8_t kMaxWarnings = 4;
// What is kept of messages that come before the end of the handshake: a burst, not a stream.
constexpr std::size_t kMaxEarly = 16;
constexpr std::size_t kMaxEarlyBytes = std::size_t{32} * 1024;

wire::Alert fatal(AlertDescription description) {
  return {AlertLevel::kFatal, static_cast<std::uint8_t>(description)};
}
wire::Alert warning(AlertDescription description) {
  return {AlertLevel::kWarning, static_cast<std::uint8_t>(description)};
}

Error misuse(int sys_errno, const char* message) {
  return {ErrorKind::kMisuse, sys_errno, message, {}};
}

}  // namespace

Engine::Engine(std::shared_ptr<const Settings> settings, Decisions& decisions)
    : core_(std::move(settings), decisions) {
  if (core_.settings->is_server) {
    phase_ = Phase::kHandshaking;
    handshake_ = std::make_unique<ServerStart>(core_);
  }
}

Engine::~Engine() = default;

void Engine::start(TimePoint now) {
  core_.now = now;
  phase_ = Phase::kHandshaking;
  auto start = std::make_unique<ClientStart>(core_);
  auto step = start->begin();
  handshake_ = std::move(start);
  proceed(std::move(step));
}

void Engine::continue_from(std::uint64_t record_sequence, std::uint16_t message_seq) {
  core_.is_proven = true;
  core_.channel.continue_from(record_sequence, message_seq, message_seq);
}

// ---- input ----

void Engine::receive(std::span<std::byte> datagram, TimePoint now) {
  if (phase_ == Phase::kEnded) return;
  core_.now = now;
  if (is_waiting()) {
    core_.channel.postpone(datagram);
  } else {
    core_.channel.receive(datagram, now);
  }
}

Event Engine::take_event() {
  Event event = std::move(events_.front());
  events_.erase(events_.begin());
  if (events_.empty())
    events_.shrink_to_fit();  // they are rare: an idle association keeps no room for them
  return event;
}

std::optional<Event> Engine::poll_event() {
  while (true) {
    const bool is_proven = was_established_ && handshake_ == nullptr;
    const bool has_early = early_ && is_proven && !early_->waiting.empty();
    const bool is_close = !events_.empty() && std::holds_alternative<Closed>(events_.front());
    if (!events_.empty() && !(is_close && has_early)) return take_event();
    if (has_early) return take_early();
    if (early_ && is_proven) early_.reset();  // what was given out last was valid until this call
    if (received_) return Message{*std::exchange(received_, std::nullopt)};
    if (phase_ == Phase::kEnded || is_waiting()) return std::nullopt;
    auto input = core_.channel.next();
    if (!input) {
      follow();
      if (events_.empty()) return std::nullopt;
      continue;
    }
    take_input(*input);
  }
}

void Engine::take_input(const Input& input) {
  std::visit([this](const auto& what) { take(what); }, input);
  if (is_waiting()) core_.channel.postpone_rest();  // the datagram does not last so long
}

std::optional<std::span<const std::byte>> Engine::open(std::span<std::byte> datagram,
                                                       TimePoint now) {
  const bool was_settled = is_settled();
  receive(datagram, now);
  if (!was_settled) return std::nullopt;
  const auto input = core_.channel.next();
  if (!input) return std::nullopt;
  take_input(*input);
  // What follows in the datagram must not be forgotten.
  if (core_.channel.has_rest()) return std::nullopt;
  return std::exchange(received_, std::nullopt);
}

void Engine::take(const HandshakeMessage& message) {
  if (handshake_ != nullptr) {
    auto step = handshake_->on_message(message);
    if (step && step->is_out_of_turn && message.epoch == 0 && !is_strict()) {
      core_.channel.put_back();
      return;
    }
    proceed(std::move(step));
    return;
  }
  confirm();
  proceed(after_handshake(message));
}

Step Engine::after_handshake(const HandshakeMessage& message) {
  if (core_.negotiated.version == wire::kDtls13) return post_.on_message(core_, message);
  return take_renegotiation(message);
}

void Engine::take(const ChangeCipherSpec& /*change*/) {
  if (handshake_ != nullptr) proceed(handshake_->on_change_cipher_spec());
}

void Engine::take(const ApplicationData& data) {
  if (data.content.empty()) return;
  // Not a confirmation: a server may speak before it has heard the client out (RFC 8446 §4.4.4).
  has_gone_on_ |= phase_ == Phase::kEstablished && handshake_ == nullptr;
  warnings_ = 0;
  // DTLS 1.2 has keys before Finished has come, also in a renegotiation; DTLS 1.3 never has.
  const bool is_proven = core_.negotiated.version == wire::kDtls13 || data.epoch <= proven_epoch_;
  if (phase_ == Phase::kEstablished && is_proven) {
    received_ = data.content;
    return;
  }
  // Its Finished was lost or overtaken. The peer is not proven before that has come, so this waits,
  // within bounds, as a socket's buffer would hold it.
  if (!early_) early_ = std::make_unique<Early>();
  if (early_->waiting.size() < kMaxEarly && early_->bytes + data.content.size() <= kMaxEarlyBytes) {
    early_->bytes += data.content.size();
    early_->waiting.emplace_back(data.content.begin(), data.content.end());
  }
}

std::size_t Engine::held_bytes() const {
  return core_.channel.held_bytes() + (handshake_ != nullptr ? handshake_->held_bytes() : 0) +
         (early_ != nullptr ? early_->bytes : 0);
}

Message Engine::take_early() {
  auto& waiting = early_->waiting;
  early_->given = std::move(waiting.front());
  waiting.erase(waiting.begin());
  early_->bytes -= early_->given.size();
  return Message{early_->given};
}

void Engine::take(const Fatal& fatal) {
  fail(broken(static_cast<AlertDescription>(fatal.alert), fatal.what));
}

void Engine::take(const AlertIn& in) {
  const auto description = static_cast<AlertDescription>(in.alert.description);
  if (description == AlertDescription::kCloseNotify) {
    confirm();
    if (phase_ != Phase::kEstablished) {
      end_by_peer(in.alert.description);
      return;
    }
    core_.channel.send_alert(warning(AlertDescription::kCloseNotify));  // RFC 5246 §7.2.1
    end(Closed{});
    return;
  }
  const bool is_13 = core_.negotiated.version == wire::kDtls13;
  // RFC 8446 §6: all but two are the end, whatever their level.
  const bool is_warning = is_13 ? description == AlertDescription::kUserCanceled
                                : in.alert.level == AlertLevel::kWarning;
  if (!is_13 && description == AlertDescription::kNoRenegotiation &&
      phase_ == Phase::kEstablished) {
    take_refusal();
  } else if (!is_warning) {
    end_by_peer(in.alert.description);
  } else if (in.epoch == 0 && !is_strict()) {
    return;  // anybody can have sent it
  } else if (++warnings_ > kMaxWarnings) {
    fail(broken(AlertDescription::kUnexpectedMessage, "it sent one warning after the other"));
  }
}

// Nothing more is said to a peer that has ended it (RFC 5246 §7.2.2, RFC 8446 §6.2), also where its
// alert was held and is heard together with what our flight answers.
void Engine::end_by_peer(std::uint8_t description) {
  core_.channel.drop_output();
  end(Failed{explain_alert(description, offered_psk())});
}

std::string_view Engine::offered_psk() const {
  const bool is_unfinished = phase_ == Phase::kHandshaking && handshake_ != nullptr;
  return is_unfinished ? handshake_->offered_psk() : std::string_view();
}

std::string Engine::why_unreadable() const {
  const auto identity = offered_psk();
  if (identity.empty()) {
    return "the two sides have different keys, or somebody on the way changes what they send";
  }
  return "it probably has another pre-shared key for the identity " + quote_identity(identity);
}

std::string Engine::standstill() const {
  if (phase_ != Phase::kHandshaking || handshake_ == nullptr) return {};
  if (core_.channel.unreadable_flights() > 0) {
    return "its Finished could not be decrypted: " + why_unreadable();
  }
  const bool was_sent_finished = core_.negotiated.version == wire::kDtls12 &&
                                 core_.channel.write_epoch() > 0 && !offered_psk().empty();
  if (!was_sent_finished) return {};
  return "it did not answer our Finished: " + why_unreadable();
}

// ---- the way of a handshake ----

void Engine::proceed(Step step) {
  if (step) {
    fail(std::move(*step));
    return;
  }
  if (handshake_ == nullptr) return;
  if (auto next = handshake_->take_successor()) handshake_ = std::move(next);
  if (handshake_->is_waiting()) {
    events_.emplace_back(PskWanted{std::string(handshake_->wanted_psk())});
  } else if (handshake_->is_done()) {
    conclude();
  }
}

void Engine::conclude() {
  handshake_.reset();
  core_.channel.settle();
  proven_epoch_ = core_.channel.read_epoch();
  if (core_.negotiated.version == wire::kDtls12) core_.channel.await_restart();
  if (phase_ == Phase::kEstablished) return;  // a renegotiation
  if (core_.to_be_confirmed) {
    phase_ = Phase::kConfirming;
  } else {
    establish();
  }
}

// The peer has gone on, under keys that only it has, after the handshake was over for us.
void Engine::confirm() {
  has_gone_on_ = true;
  if (phase_ == Phase::kConfirming) establish();
}

void Engine::establish() {
  phase_ = Phase::kEstablished;
  was_established_ = true;
  warnings_ = 0;
  events_.emplace_back(Connected{});
}

// What may have become due by what came in.
void Engine::follow() {
  // Nobody but the peer of an unfinished handshake loses by it.
  if (phase_ == Phase::kHandshaking &&
      core_.channel.unreadable_flights() >= Channel::kMostUnreadable) {
    // RFC 6347 §4.1.2.7 has no other alert for it.
    fail({AlertDescription::kBadRecordMac,
          {ErrorKind::kUntrusted,
           EACCES,
           "sent a Finished that could not be decrypted: " + why_unreadable(),
           {}}});
    return;
  }
  // Of the whole flight: who has its end only has not judged our certificate yet.
  if (phase_ == Phase::kConfirming && core_.channel.all_acked()) confirm();
  if (phase_ != Phase::kEstablished) return;
  if (core_.channel.key_is_worn()) {
    fail({AlertDescription::kBadRecordMac,
          {ErrorKind::kMalformed,
           EPROTO,
           "or an attacker sent more forged records than its key allows",
           {}}});
    return;
  }
  if (core_.negotiated.version == wire::kDtls13 && handshake_ == nullptr) {
    post_.follow(core_);
    replace_worn_keys();
  }
  if (core_.tickets.size() > reported_tickets_) {
    ++reported_tickets_;
    events_.emplace_back(TicketReceived{});
  }
}

void Engine::replace_worn_keys() {
  // RFC 9147 §4.5.3: a key that is forged against is asked to be replaced, once.
  const bool asks = core_.channel.key_wears_out() && asked_in_ != core_.channel.read_epoch();
  if (!asks && !core_.channel.needs_rekey()) return;
  if (post_.is_updating() || !PostHandshake::can_update(core_)) return;
  if (asks) asked_in_ = core_.channel.read_epoch();
  post_.update_keys(core_, asks);
}

std::optional<Ticket> Engine::take_ticket() {
  if (core_.tickets.empty()) return std::nullopt;
  Ticket ticket = std::move(core_.tickets.back());
  core_.tickets.clear();
  reported_tickets_ = 0;
  return ticket;
}

void Engine::provide_psk(std::optional<PreSharedKey> key, TimePoint now) {
  if (!is_waiting()) return;
  core_.now = now;
  core_.channel.resume(now);
  proceed(handshake_->provide_psk(key ? &*key : nullptr));
}

void Engine::fail(Failure failure) {
  if (phase_ == Phase::kEnded) return;
  core_.channel.send_alert(fatal(failure.alert));
  failure.error.alert = static_cast<std::uint8_t>(failure.alert);
  end(Failed{std::move(failure.error)});
}

void Engine::end(Event event) {
  phase_ = Phase::kEnded;
  // What a peer said before it closed is still given out, if it has proven itself.
  if (handshake_ != nullptr || !std::holds_alternative<Closed>(event)) early_.reset();
  handshake_.reset();
  events_.push_back(std::move(event));
}

// ---- output ----

std::size_t Engine::max_message() const {
  const std::size_t limit = core_.negotiated.peer_record_limit;
  return limit == 0 ? wire::kMaxPlaintext : std::min<std::size_t>(limit, wire::kMaxPlaintext);
}

// What must come before or after the record (a KeyUpdate, the end of the keys, a flight, earlier
// messages) is left to send and poll_transmit.
Result<std::size_t> Engine::seal(std::span<const std::byte> message, std::span<std::byte> out) {
  const bool is_next = phase_ == Phase::kEstablished && handshake_ == nullptr && sealed_.empty() &&
                       !core_.channel.has_output() && !core_.channel.needs_rekey();
  const bool fits = !message.empty() && message.size() <= max_message();
  if (is_next && fits) {
    const std::size_t size = core_.channel.seal_application_data(message, out);
    if (size != 0) return size;
    if (out.size() < message.size() + core_.channel.application_overhead()) {
      return misuse(ENOBUFS,
                    "the buffer has no room for the record; its message and "
                    "`kMaxExpansion` bytes more are enough");
    }
  }
  auto sent = send(message);
  if (!sent) return std::move(sent).error();
  return std::size_t{0};
}

Result<void> Engine::send(std::span<const std::byte> message) {
  if (phase_ == Phase::kEnded) {
    return misuse(EPIPE, "the association has ended; nothing can be sent any more");
  }
  if (phase_ != Phase::kEstablished) {
    return misuse(EAGAIN, "the handshake has not finished yet; send after Connected");
  }
  if (is_renegotiating()) {
    return misuse(EAGAIN, "a renegotiation is under way; send when it has ended");
  }
  if (message.size() > max_message()) {
    return Error{ErrorKind::kMisuse,
                 EMSGSIZE,
                 "a message of " + std::to_string(message.size()) +
                     " bytes does not fit one record; send at most " +
                     std::to_string(max_message()) + " bytes at once",
                 {}};
  }
  if (message.empty()) return {};  // an empty record would never be shown to the peer's program
  const auto room = sealed_.add(message.size() + core_.channel.application_overhead());
  const std::size_t size = core_.channel.seal_application_data(message, room);
  sealed_.commit(size);
  // In DTLS 1.3 poll_transmit replaces them, which knows the time.
  const bool is_over = core_.negotiated.version == wire::kDtls12 && core_.channel.needs_rekey();
  if (size != 0 && !is_over) return {};
  // RFC 9147 §4.5.3: DTLS 1.2 has no way to change keys but a new handshake.
  close();
  events_.emplace_back(Failed{{ErrorKind::kSystem,
                               EPIPE,
                               "its keys have protected as many records as they may; connect anew",
                               {}}});
  if (size != 0) return {};
  return misuse(EPIPE, "the keys of the association are used up; connect anew");
}

void Engine::close() {
  if (phase_ == Phase::kEstablished || phase_ == Phase::kConfirming) {
    core_.channel.send_alert(warning(AlertDescription::kCloseNotify));
  }
  phase_ = Phase::kEnded;
  handshake_.reset();
  early_.reset();
}

void Engine::give_up(Error error) {
  if (phase_ == Phase::kEnded) return;
  was_given_up_ = true;
  end(Failed{std::move(error)});
}

Result<void> Engine::update_keys(bool ask_peer, TimePoint now) {
  if (phase_ == Phase::kEnded) return misuse(EPIPE, "the association has ended");
  if (phase_ != Phase::kEstablished) return misuse(EAGAIN, "the handshake has not finished yet");
  if (core_.negotiated.version != wire::kDtls13) {
    return misuse(EOPNOTSUPP, "DTLS 1.2 has no KeyUpdate; renegotiate instead");
  }
  if (post_.is_updating()) return misuse(EALREADY, "a KeyUpdate is not acknowledged yet");
  if (!PostHandshake::can_update(core_)) {
    return misuse(EPIPE, "no number is left for a further KeyUpdate; connect anew");
  }
  core_.now = now;
  post_.update_keys(core_, ask_peer);
  return {};
}

std::size_t Engine::poll_transmit(std::span<std::byte> out, TimePoint now) {
  // Data that was sent before close_notify must arrive before it; the end of a handshake must come
  // before the data that it makes readable.
  const bool data_first = phase_ == Phase::kEnded;
  if (phase_ == Phase::kEstablished && core_.negotiated.version == wire::kDtls13 &&
      core_.channel.needs_rekey()) {
    core_.now = now;
    replace_worn_keys();
  }
  if (data_first && !sealed_.empty()) return sealed_.pop(out);
  if (phase_ != Phase::kIdle) {
    if (const std::size_t size = core_.channel.poll_transmit(out, now); size != 0) return size;
  }
  return sealed_.empty() ? 0 : sealed_.pop(out);
}

std::optional<TimePoint> Engine::deadline() const {
  if (phase_ == Phase::kEnded || phase_ == Phase::kIdle) return std::nullopt;
  return core_.channel.deadline();
}

std::optional<TimePoint> Engine::linger_deadline() const {
  if (phase_ == Phase::kEnded || phase_ == Phase::kIdle) return std::nullopt;
  return core_.channel.linger_deadline();
}

void Engine::handle_timeout(TimePoint now) {
  if (phase_ == Phase::kEnded || phase_ == Phase::kIdle) return;
  core_.now = now;
  core_.channel.handle_timeout(now);
  if (!core_.channel.has_given_up()) return;
  if (requested_) {  // a HelloRequest may be ignored (RFC 5246 §7.4.1.1)
    give_up_request();
  } else if ((core_.settings->is_server || has_gone_on_) && phase_ == Phase::kEstablished &&
             handshake_ == nullptr && !post_.is_updating()) {
    core_.channel.forget_unacked();  // of tickets; or the peer forgets ACKs
  } else {
    end(Failed{{ErrorKind::kTimeout,
                ETIMEDOUT,
                "stopped answering: what we sent it was repeated too often",
                {}}});
  }
}

// What each of the ways to derive it takes; both versions are held to the narrower bounds, so that
// a program does not work by luck.
Result<void> Engine::check_export(std::string_view label, std::optional<Bytes> context,
                                  std::size_t size) {
  // RFC 5705 §4, RFC 7627 §4: with these, it would give the keys of the handshake itself.
  static constexpr std::array<std::string_view, 5> kOwn{"client finished", "server finished",
                                                        "master secret", "key expansion",
                                                        "extended master secret"};
  constexpr std::size_t kMostBytes = std::size_t{255} * 32;  // RFC 5869 §2.3
  constexpr std::size_t kMostContext = 0xffff;               // RFC 5705 §4
  if (label.size() > crypto::kMaxExpandLabel) {
    return misuse(EINVAL,
                  "the label of keying material must have at most 249 bytes (RFC 8446 §7.1)");
  }
  if (std::ranges::find(kOwn, label) != kOwn.end()) {
    return misuse(EINVAL,
                  "this label is the handshake's own; use one of an exporter (RFC 5705 §4)");
  }
  if (context && context->size() > kMostContext) {
    return misuse(EINVAL, "the context of keying material must have at most 65535 bytes");
  }
  if (size == 0 || size > kMostBytes) {
    return misuse(EINVAL, "1 to 8160 bytes of keying material can be had");
  }
  return {};
}

Result<void> Engine::export_keying_material(std::string_view label, std::optional<Bytes> context,
                                            std::span<std::byte> out) const {
  if (auto fine = check_export(label, context, out.size()); !fine) return fine;
  // A server of DTLS 1.3 has the secret before its client has proven anything.
  if (phase_ < Phase::kEstablished) {
    return misuse(EAGAIN, "the handshake has not finished yet");
  }
  const auto* of_13 = std::get_if<Secrets13>(&core_.secrets);
  if (of_13 != nullptr && was_established_) {
    export_13(of_13->suite->hash, of_13->exporter.view(), label, context.value_or(Bytes()), out);
    return {};
  }
  if (const auto* of_12 = std::get_if<Secrets12>(&core_.secrets)) {
    export_12(of_12->suite->hash, of_12->master.view(), of_12->client_random, of_12->server_random,
              label, context ? &*context : nullptr, out);
    return {};
  }
  return misuse(EPIPE, "the handshake has failed; there is no keying material");
}

}  // namespace dtls::handshake
