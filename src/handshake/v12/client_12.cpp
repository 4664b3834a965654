#include "handshake/v12/client_12.hpp"

#include <algorithm>

#include "crypto/wipe.hpp"
#include "handshake/secret_log.hpp"
#include "wire/certificate.hpp"
#include "wire/certificate_request.hpp"
#include "wire/certificate_verify.hpp"
#include "wire/key_exchange.hpp"
#include "wire/new_session_ticket.hpp"
#include "wire/parameter_lists.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::handshake {
namespace {

using wire::AlertDescription;
using wire::ExtensionType;
using wire::HandshakeType;

}  // namespace

Client12::Client12(Core& core, Offer offer, Transcript transcript, const Suite& suite,
                   std::optional<Renegotiation> renegotiation)
    : Handshake(core),
      offer_(std::move(offer)),
      transcript_(std::move(transcript)),
      suite_(&suite),
      renegotiation_(std::move(renegotiation)),
      epoch_(channel().read_epoch()) {
  transcript_.choose(wire::kDtls12, suite.hash, true);
}

Step Client12::on_message(const HandshakeMessage& message) {
  static constexpr Row<Client12, State> kTable[] = {
      {State::kCertificate, HandshakeType::kCertificate, &Client12::take_certificate},
      {State::kKeyExchange, HandshakeType::kServerKeyExchange, &Client12::take_key_exchange},
      {State::kRequestOrDone, HandshakeType::kServerKeyExchange, &Client12::take_key_exchange},
      {State::kRequestOrDone, HandshakeType::kCertificateRequest,
       &Client12::take_certificate_request},
      {State::kRequestOrDone, HandshakeType::kServerHelloDone, &Client12::take_done},
      {State::kDone, HandshakeType::kServerHelloDone, &Client12::take_done},
      {State::kTicket, HandshakeType::kNewSessionTicket, &Client12::take_ticket},
      {State::kFinished, HandshakeType::kFinished, &Client12::take_finished},
  };
  const std::uint64_t expected = state_ == State::kFinished ? epoch_ + 1 : epoch_;
  if (message.epoch != expected) {  // RFC 6347 §4.1
    return in_wrong_epoch();
  }
  return dispatch(*this, state_, kTable, message);
}

// ---- ServerHello ----

Step Client12::check_extensions(const wire::ServerHello& hello) {
  for (const auto extension : hello.extensions) {
    if (!offer_.sent(extension.type)) {  // RFC 5246 §7.4.1.4
      return broken(AlertDescription::kUnsupportedExtension,
                    "it answered an extension that it was not sent");
    }
    // RFC 8446 §4.2: these belong to DTLS 1.3.
    if (extension.type == ExtensionType::kKeyShare ||
        extension.type == ExtensionType::kPreSharedKey ||
        extension.type == ExtensionType::kPskKeyExchangeModes) {
      return broken(AlertDescription::kIllegalParameter, "it sent an extension of DTLS 1.3");
    }
  }
  const auto master = hello.extensions.find(ExtensionType::kExtendedMasterSecret);
  if (!master) {
    return incompatible(AlertDescription::kHandshakeFailure,
                        "does not know the extended master secret (RFC 7627)");
  }
  if (!master->empty()) {
    return broken(AlertDescription::kDecodeError, "its extended_master_secret is not empty");
  }
  if (const auto content = hello.extensions.find(ExtensionType::kEcPointFormats)) {
    const auto formats = wire::parse_ec_point_formats(*content);
    if (!formats) return broken(AlertDescription::kDecodeError, "its point formats are malformed");
    if (!formats->contains(wire::EcPointFormat::kUncompressed)) {  // RFC 8422 §5.1.2
      return broken(AlertDescription::kIllegalParameter, "it does not take uncompressed points");
    }
  }
  if (const auto content = hello.extensions.find(ExtensionType::kSessionTicket)) {
    if (!content->empty()) {
      return broken(AlertDescription::kDecodeError, "its session_ticket is not empty");
    }
    core().negotiated.expects_ticket = true;
  } else {
    core().negotiated.expects_ticket = false;
  }
  return take_answers(core(), hello.extensions);
}

// RFC 5746 §3.4, §3.5
Step Client12::check_renegotiation(const wire::ServerHello& hello) {
  Buffer expected;
  if (renegotiation_) {
    const auto& before = *renegotiation_;
    expected.insert(expected.end(), before.client_verify.begin(), before.client_verify.end());
    expected.insert(expected.end(), before.server_verify.begin(), before.server_verify.end());
  }
  const auto content = hello.extensions.find(ExtensionType::kRenegotiationInfo);
  if (!content) {
    if (renegotiation_) {
      return broken(AlertDescription::kHandshakeFailure,
                    "its ServerHello lacks secure renegotiation (RFC 5746)");
    }
    core().negotiated.secure_renegotiation = false;
    return {};
  }
  const auto info = wire::parse_renegotiation_info(*content);
  if (!info) return broken(AlertDescription::kDecodeError, "its renegotiation_info is malformed");
  if (!crypto::equal_in_constant_time(*info, expected)) {
    return broken(AlertDescription::kHandshakeFailure,
                  "its renegotiation_info belongs to another handshake");
  }
  core().negotiated.secure_renegotiation = true;
  return {};
}

Step Client12::take_server_hello(const HandshakeMessage& message) {
  if (message.epoch != epoch_) {  // RFC 6347 §4.1
    return in_wrong_epoch();
  }
  const auto hello = wire::parse_server_hello(message.body);
  std::ranges::copy(hello->random, server_random_.begin());
  if (auto failure = check_extensions(*hello)) return failure;
  if (auto failure = check_renegotiation(*hello)) return failure;
  transcript_.add(message.raw);
  core().negotiated.resumed = false;
  core().negotiated.group = {};
  const bool offered = offer_.ticket && offer_.ticket->state.version == wire::kDtls12;
  if (offered && std::ranges::equal(hello->session_id, offer_.session_id)) return resume(*hello);
  state_ = suite_->authentication == Authentication::kPsk
               ? (suite_->key_exchange == KeyExchange::kPsk ? State::kRequestOrDone
                                                            : State::kKeyExchange)
               : State::kCertificate;
  return {};
}

// RFC 5077 §3.4
Step Client12::resume(const wire::ServerHello& hello) {
  const SessionState& state = offer_.ticket->state;
  if (hello.cipher_suite != state.suite) {
    return broken(AlertDescription::kIllegalParameter,
                  "it resumed a session with another cipher suite");
  }
  resumed_ = true;
  core().negotiated.resumed = true;
  accept_resumed(core(), state);
  master_ = state.secret.copy();
  derive_keys();
  state_ = core().negotiated.expects_ticket ? State::kTicket : State::kFinished;
  return {};
}

// ---- the rest of the server's flight ----

Step Client12::take_certificate(const HandshakeMessage& message) {
  const auto certificate = wire::parse_certificate_12(message.body);
  if (!certificate) return broken(AlertDescription::kDecodeError, "its Certificate is malformed");
  PeerChain chain;
  if (auto failure = chain.collect(*certificate, [](Bytes one) { return one; })) return failure;
  if (chain.view().empty()) {  // RFC 5246 §7.4.2
    return broken(AlertDescription::kDecodeError, "it sent no certificate");
  }
  transcript_.add(message.raw);
  if (auto failure = peer_.take(core(), chain.view())) return failure;
  if (auto failure = peer_.same_as_before(renegotiation_)) return failure;
  state_ = State::kKeyExchange;
  return {};
}

Step Client12::agree(wire::NamedGroup group, Bytes point) {
  const auto wanted = static_cast<crypto::Group>(group);
  const auto& groups = settings().groups;
  const bool offered =
      is_usable(wanted, wire::kDtls12) && std::ranges::find(groups, wanted) != groups.end();
  if (!offered) {  // RFC 8422 §5.4
    return broken(AlertDescription::kIllegalParameter, "it chose a group it was not offered");
  }
  auto agreed = crypto::agree(wanted, point);
  if (!agreed) return Failure{AlertDescription::kIllegalParameter, std::move(agreed).error()};
  public_key_ = std::move(agreed->public_key);
  agreed_ = std::move(agreed->secret);
  core().negotiated.group = group;
  return {};
}

Step Client12::take_key_exchange(const HandshakeMessage& message) {
  const auto malformed = [] {
    return broken(AlertDescription::kDecodeError, "its ServerKeyExchange is malformed");
  };
  // With a pre-shared key alone it may be missing (RFC 4279 §2).
  const bool is_due = suite_->key_exchange == KeyExchange::kPsk
                          ? state_ == State::kRequestOrDone && hint_.empty()
                          : state_ == State::kKeyExchange;
  if (!is_due) return unexpected(message.type);
  transcript_.add(message.raw);
  const auto text = [](Bytes bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  switch (suite_->key_exchange) {
    case KeyExchange::kPsk: {
      const auto hint = wire::parse_server_key_exchange_psk(message.body);
      if (!hint) return malformed();
      hint_ = text(*hint);
      state_ = State::kDone;
      return {};
    }
    case KeyExchange::kEcdhePsk: {
      const auto exchange = wire::parse_server_key_exchange_ecdhe_psk(message.body);
      if (!exchange) return malformed();
      hint_ = text(exchange->hint);
      state_ = State::kDone;
      return agree(exchange->params.group, exchange->params.point);
    }
    default: {
      const auto exchange = wire::parse_server_key_exchange_ecdhe(message.body);
      if (!exchange) return malformed();
      Buffer content(offer_.random.begin(), offer_.random.end());
      content.insert(content.end(), server_random_.begin(), server_random_.end());
      content.insert(content.end(), exchange->params.encoded.begin(),
                     exchange->params.encoded.end());
      // RFC 5246 §7.4.3
      if (signs_with_rsa(exchange->proof.scheme) !=
          (suite_->authentication == Authentication::kRsa)) {
        return broken(AlertDescription::kIllegalParameter,
                      "its signature does not fit its cipher suite");
      }
      if (auto failure = peer_.prove(core(), wire::kDtls12, exchange->proof.scheme, content,
                                     exchange->proof.signature)) {
        return failure;
      }
      state_ = State::kRequestOrDone;
      return agree(exchange->params.group, exchange->params.point);
    }
  }
}

Step Client12::take_certificate_request(const HandshakeMessage& message) {
  if (suite_->authentication == Authentication::kPsk) return unexpected(message.type);
  const auto request = wire::parse_certificate_request_12(message.body);
  if (!request) {
    return broken(AlertDescription::kDecodeError, "its CertificateRequest is malformed");
  }
  request_schemes_.clear();
  for (const auto scheme : request->schemes) {
    // RFC 5246 §7.4.4, RFC 8422 §5.5: ecdsa_sign stands for Ed25519 as well.
    const auto type = signs_with_rsa(scheme) ? wire::ClientCertificateType::kRsaSign
                                             : wire::ClientCertificateType::kEcdsaSign;
    if (!request->types.contains(type)) continue;
    const auto number = static_cast<std::uint16_t>(scheme);
    request_schemes_.push_back(static_cast<std::byte>(number >> 8U));
    request_schemes_.push_back(static_cast<std::byte>(number & 0xffU));
  }
  was_asked_ = true;
  transcript_.add(message.raw);
  state_ = State::kDone;
  return {};
}

Step Client12::take_done(const HandshakeMessage& message) {
  if (!message.body.empty()) {
    return broken(AlertDescription::kDecodeError, "its ServerHelloDone is not empty");
  }
  if (!message.last_in_record) {  // nothing may follow before our own flight
    return broken(AlertDescription::kUnexpectedMessage, "it sent more after its ServerHelloDone");
  }
  transcript_.add(message.raw);
  if (suite_->authentication != Authentication::kPsk) return answer({}, {});
  return ask_for_psk(hint_);
}

Step Client12::provide_psk(const PreSharedKey* key) {
  stop_waiting();
  if (key == nullptr) {
    return incompatible(AlertDescription::kHandshakeFailure,
                        "wants a pre-shared key, and none is known for it");
  }
  core().negotiated.with_psk = true;
  core().negotiated.psk_identity = key->identity;
  return answer(std::as_bytes(std::span(key->identity)), key->key.view());
}

// ---- our flight ----

void Client12::add(HandshakeType type, Bytes body) {
  transcript_.add(channel().add_message(type, body));
}

Step Client12::answer(Bytes psk_identity, Bytes psk) {
  channel().begin_flight();
  auto own = was_asked_ ? core().decisions->client_identity() : nullptr;
  std::optional<crypto::SignatureScheme> scheme;
  if (own != nullptr) {
    scheme = choose_scheme(settings(), *own, wire::kDtls12, request_schemes_);
    if (!scheme) own = nullptr;  // RFC 5246 §7.4.6: an empty Certificate says so
  }
  if (was_asked_) {
    static const std::vector<Buffer> kNone;
    wire::Writer writer(scratch());
    wire::write_certificate_12(writer, own == nullptr ? kNone : own->chain);
    if (!writer.ok()) return unable("our own certificate chain is too long");
    add(HandshakeType::kCertificate, Bytes(scratch()).first(writer.written()));
  }
  wire::Writer writer(scratch());
  switch (suite_->key_exchange) {
    case KeyExchange::kPsk:
      wire::write_client_key_exchange_psk(writer, psk_identity);
      break;
    case KeyExchange::kEcdhePsk:
      wire::write_client_key_exchange_ecdhe_psk(writer, {psk_identity, public_key_});
      break;
    default:
      wire::write_client_key_exchange_ecdhe(writer, public_key_);
  }
  if (!writer.ok()) return unable("the identity of our pre-shared key is too long");
  add(HandshakeType::kClientKeyExchange, Bytes(scratch()).first(writer.written()));

  if (uses_psk(*suite_)) {
    const auto premaster = psk_premaster(agreed_.view(), psk);
    master_ = master_secret(suite_->hash, premaster.view(), transcript_.digest());
  } else {
    master_ = master_secret(suite_->hash, agreed_.view(), transcript_.digest());
  }
  agreed_ = {};
  derive_keys();
  if (own != nullptr) {
    if (auto failure = send_certificate_verify(*own, *scheme)) return failure;
  }
  send_finished(Channel::Then::kAwaitAnswer);
  state_ = core().negotiated.expects_ticket ? State::kTicket : State::kFinished;
  return {};
}

Step Client12::send_certificate_verify(const Identity& own, crypto::SignatureScheme scheme) {
  auto signature = crypto::sign(own.key.get(), scheme, transcript_.messages());
  if (!signature) return unable("our own key cannot sign: " + signature.error().message);
  wire::Writer writer(scratch());
  wire::write_signed(writer, {static_cast<wire::SignatureScheme>(scheme), *signature});
  add(HandshakeType::kCertificateVerify, Bytes(scratch()).first(writer.written()));
  return {};
}

void Client12::derive_keys() {
  apply_record_limits(core(), epoch_ + 1);
  auto keys = key_block(suite_->hash, suite_->aead, master_.view(), offer_.random, server_random_);
  write_.emplace(std::move(keys.client));
  channel().install_read(epoch_ + 1, std::move(keys.server));
  log_secret(core(), offer_.random, "CLIENT_RANDOM", master_);
}

void Client12::send_finished(Channel::Then then) {
  channel().add_change_cipher_spec();
  channel().install_write(epoch_ + 1, std::move(*write_));
  client_verify_ = verify_data(suite_->hash, master_.view(), Sender::kClient, transcript_.digest());
  add(HandshakeType::kFinished, client_verify_);
  channel().end_flight(then, core().now);
}

// ---- the end ----

Step Client12::take_ticket(const HandshakeMessage& message) {
  const auto ticket = wire::parse_new_session_ticket_12(message.body);
  if (!ticket) return broken(AlertDescription::kDecodeError, "its NewSessionTicket is malformed");
  ticket_.assign(ticket->ticket.begin(), ticket->ticket.end());
  ticket_lifetime_s_ = ticket->lifetime_hint_s;
  transcript_.add(message.raw);
  state_ = State::kFinished;
  return {};
}

Step Client12::take_finished(const HandshakeMessage& message) {
  server_verify_ = verify_data(suite_->hash, master_.view(), Sender::kServer, transcript_.digest());
  if (!crypto::equal_in_constant_time(server_verify_, message.body)) {
    return broken(AlertDescription::kDecryptError, "its Finished does not match the handshake");
  }
  transcript_.add(message.raw);
  if (resumed_) {
    channel().begin_flight();
    send_finished(Channel::Then::kLast);
  } else {
    channel().flight_answered();
  }
  conclude();
  return {};
}

void Client12::conclude() {
  // A day where the server does not say how long it keeps its key (RFC 5077 §5.6).
  constexpr std::uint32_t kUnsaid = 86400;
  if (!ticket_.empty()) {
    SessionState state;
    state.version = wire::kDtls12;
    state.suite = suite_->id;
    state.secret = master_.copy();
    set_life(state, core(), ticket_lifetime_s_ == 0 ? kUnsaid : ticket_lifetime_s_);
    state.server_name = core().decisions->server_name();
    state.alpn = core().negotiated.alpn;
    state.peer_leaf = resumed_ ? offer_.ticket->state.peer_leaf : peer_.leaf();
    state.peer_authorized = resumed_ ? offer_.ticket->state.peer_authorized : peer_.authorized();
    core().tickets.push_back({std::move(ticket_), std::move(state)});
  }
  Secrets12 secrets;
  secrets.suite = suite_;
  secrets.master = std::move(master_);
  secrets.client_random = offer_.random;
  secrets.server_random = server_random_;
  secrets.client_verify = client_verify_;
  secrets.server_verify = server_verify_;
  secrets.peer_leaf = leaf_hash(resumed_ ? offer_.ticket->state.peer_leaf : peer_.leaf());
  if (settings().renegotiate) secrets.cookie = std::move(offer_.cookie_12);
  core().secrets = std::move(secrets);
  finish();
}

}  // namespace dtls::handshake
