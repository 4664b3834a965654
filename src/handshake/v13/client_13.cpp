#include "handshake/v13/client_13.hpp"

#include <algorithm>

#include "record/record_number.hpp"
#include "wire/certificate_request.hpp"
#include "wire/key_share.hpp"
#include "wire/parameter_lists.hpp"
#include "wire/pre_shared_key.hpp"
#include "wire/short_messages.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::handshake {
namespace {

using wire::AlertDescription;
using wire::ExtensionType;
using wire::HandshakeType;

using record::kApplicationEpoch;
using record::kHandshakeEpoch;

// RFC 8446 §4.2: what may stand in which message.
bool belongs_into_server_hello(ExtensionType type) {
  return type == ExtensionType::kKeyShare || type == ExtensionType::kPreSharedKey ||
         type == ExtensionType::kSupportedVersions;
}
bool belongs_into_retry(ExtensionType type) {
  return type == ExtensionType::kKeyShare || type == ExtensionType::kCookie ||
         type == ExtensionType::kSupportedVersions;
}
bool belongs_into_encrypted_extensions(ExtensionType type) {
  return type == ExtensionType::kServerName || type == ExtensionType::kSupportedGroups ||
         type == ExtensionType::kUseSrtp || type == ExtensionType::kAlpn ||
         type == ExtensionType::kRecordSizeLimit;
}

// An answer to what was not asked is unsupported_extension, one in a wrong message
// illegal_parameter (RFC 8446 §4.2).
Step check_extensions(const Offer& offer, const wire::ExtensionList& list,
                      bool (*belongs)(ExtensionType), bool cookie_is_fine = false) {
  if (list.has_duplicate()) {
    return broken(AlertDescription::kIllegalParameter, "it sent an extension twice");
  }
  for (const auto extension : list) {
    const bool asked =
        offer.sent(extension.type) || (cookie_is_fine && extension.type == ExtensionType::kCookie);
    if (!asked) {
      return broken(AlertDescription::kUnsupportedExtension,
                    "it answered an extension that it was not sent");
    }
    if (!belongs(extension.type)) {
      return broken(AlertDescription::kIllegalParameter, "it sent an extension in a wrong message");
    }
  }
  return {};
}

}  // namespace

Client13::Client13(Core& core, Offer offer, Transcript transcript, const Suite& suite)
    : Handshake13(core, Sender::kClient), offer_(std::move(offer)) {
  transcript_ = std::move(transcript);
  suite_ = &suite;
  if (!transcript_.is_chosen()) transcript_.choose(wire::kDtls13, suite.hash, false);
}

Step Client13::on_message(const HandshakeMessage& message) {
  static constexpr Row<Client13, State> kTable[] = {
      {State::kServerHello, HandshakeType::kServerHello, &Client13::take_second_hello},
      {State::kEncryptedExtensions, HandshakeType::kEncryptedExtensions,
       &Client13::take_encrypted_extensions},
      {State::kCertificateOrRequest, HandshakeType::kCertificateRequest,
       &Client13::take_certificate_request},
      {State::kCertificateOrRequest, HandshakeType::kCertificate, &Client13::take_certificate},
      {State::kCertificate, HandshakeType::kCertificate, &Client13::take_certificate},
      {State::kCertificateVerify, HandshakeType::kCertificateVerify,
       &Client13::take_certificate_verify},
      {State::kFinished, HandshakeType::kFinished, &Client13::take_finished},
  };
  // The channel gives messages of the newest epoch only (RFC 9147 §6.1).
  return dispatch(*this, state_, kTable, message);
}

// ---- ServerHello ----

namespace {

Step check_echo(const wire::ServerHello& hello) {
  if (!hello.session_id.empty()) {  // RFC 9147 §5: no compatibility mode
    return broken(AlertDescription::kIllegalParameter, "it repeated a session id in DTLS 1.3");
  }
  return {};
}

}  // namespace

Step Client13::take_second_hello(const HandshakeMessage& message) {
  const auto hello = wire::parse_server_hello(message.body);
  if (!hello) return broken(AlertDescription::kDecodeError, "its ServerHello is malformed");
  const auto content = hello->extensions.find(ExtensionType::kSupportedVersions);
  const auto version = content ? wire::parse_selected_version(*content) : std::nullopt;
  if (version != wire::kDtls13 || hello->legacy_version != wire::kDtls12 ||
      hello->cipher_suite != suite_->id || hello->compression_method != 0) {  // RFC 8446 §4.1.4
    return broken(AlertDescription::kIllegalParameter,
                  "its ServerHello contradicts its HelloRetryRequest");
  }
  return take_server_hello(message);
}

Step Client13::take_server_hello(const HandshakeMessage& message) {
  const auto hello = wire::parse_server_hello(message.body);
  if (auto failure = check_echo(*hello)) return failure;
  if (hello->is_hello_retry_request()) return take_retry(*hello, message.raw);
  if (auto failure = check_extensions(offer_, hello->extensions, belongs_into_server_hello)) {
    return failure;
  }
  if (!message.last_in_record) {  // keys change here (RFC 8446 §5.1)
    return broken(AlertDescription::kUnexpectedMessage, "it sent more after its ServerHello");
  }
  transcript_.add(message.raw);
  return agree(*hello);
}

// RFC 8446 §4.1.4
Step Client13::take_retry(const wire::ServerHello& hello, Bytes raw) {
  if (retried_) return broken(AlertDescription::kUnexpectedMessage, "it asks twice for a retry");
  retried_ = true;
  core().negotiated.retried = true;
  if (auto failure = check_extensions(offer_, hello.extensions, belongs_into_retry, true)) {
    return failure;
  }
  const auto group_content = hello.extensions.find(ExtensionType::kKeyShare);
  const auto cookie_content = hello.extensions.find(ExtensionType::kCookie);
  if (!group_content && !cookie_content) {
    return broken(AlertDescription::kIllegalParameter, "its HelloRetryRequest changes nothing");
  }
  if (group_content) {
    const auto group = wire::parse_requested_group(*group_content);
    if (!group) return broken(AlertDescription::kDecodeError, "its key_share is malformed");
    const auto wanted = static_cast<crypto::Group>(*group);
    const bool offered = std::ranges::find(settings().groups, wanted) != settings().groups.end() &&
                         crypto::is_available(wanted);
    if (!offered || (offer_.share && offer_.share->group() == wanted)) {
      return broken(AlertDescription::kIllegalParameter,
                    "it asks for a key of a group that it was not offered or has already");
    }
    auto share = crypto::KeyShare::generate(wanted);
    if (!share) return Failure{AlertDescription::kInternalError, std::move(share).error()};
    offer_.share = std::move(*share);
  }
  if (cookie_content) {
    const auto cookie = wire::parse_cookie(*cookie_content);
    if (!cookie) return broken(AlertDescription::kDecodeError, "its cookie is malformed");
    offer_.cookie_13.assign(cookie->begin(), cookie->end());
  }
  // A PSK for another hash than the one that was chosen is of no use (RFC 8446 §4.1.4).
  if (const auto psk = psk_of(offer_); psk && psk->hash != suite_->hash) {
    offer_.ticket.reset();
    offer_.psk.reset();
  }
  channel().learn_round_trip();
  transcript_.restart_with_hash();
  transcript_.add(raw);
  auto body =
      offer_.compose(core(), transcript_, static_cast<std::uint16_t>(channel().next_message_out()));
  if (!body) return Failure{AlertDescription::kInternalError, std::move(body).error()};
  channel().begin_flight();
  add(HandshakeType::kClientHello, *body);
  channel().end_flight(Channel::Then::kAwaitAnswer, core().now);
  return {};
}

Step Client13::agree(const wire::ServerHello& hello) {
  crypto::SharedSecret agreed;
  const auto psk = psk_of(offer_);
  if (const auto content = hello.extensions.find(ExtensionType::kPreSharedKey)) {
    const auto index = wire::parse_selected_psk(*content);
    if (!index) return broken(AlertDescription::kDecodeError, "its pre_shared_key is malformed");
    if (*index != 0 || !psk || psk->hash != suite_->hash) {
      return broken(AlertDescription::kIllegalParameter, "it chose a PSK that it was not offered");
    }
    with_psk_ = true;
  }
  if (const auto content = hello.extensions.find(ExtensionType::kKeyShare)) {
    const auto share = wire::parse_key_share(*content);
    if (!share) return broken(AlertDescription::kDecodeError, "its key_share is malformed");
    if (with_psk_ && !settings().psk_with_dhe) {
      return broken(AlertDescription::kIllegalParameter,
                    "it agreed on keys beside a PSK, which it was not offered");
    }
    if (!offer_.share || static_cast<crypto::Group>(share->group) != offer_.share->group()) {
      return broken(AlertDescription::kIllegalParameter, "it chose a group it was not offered");
    }
    auto secret = offer_.share->derive(share->key_exchange);
    if (!secret) return Failure{AlertDescription::kIllegalParameter, std::move(secret).error()};
    agreed = std::move(*secret);
    core().negotiated.group = share->group;
  } else if (!with_psk_ || !settings().psk_only) {
    return broken(AlertDescription::kMissingExtension, "its ServerHello has no key_share");
  }

  core().negotiated.resumed = with_psk_ && psk->origin == PskOrigin::kResumption;
  core().negotiated.with_psk = with_psk_ && psk->origin == PskOrigin::kExternal;
  if (core().negotiated.with_psk) core().negotiated.psk_identity = offer_.psk->identity;
  schedule_.emplace(suite_->hash, with_psk_ ? psk->key : Bytes{});
  enter_handshake(agreed.view(), offer_.random);
  state_ = State::kEncryptedExtensions;
  return {};
}

// ---- the rest of the server's flight ----

Step Client13::take_encrypted_extensions(const HandshakeMessage& message) {
  const auto list = wire::parse_encrypted_extensions(message.body);
  if (!list) return broken(AlertDescription::kDecodeError, "its extensions are malformed");
  if (auto failure = check_extensions(offer_, *list, belongs_into_encrypted_extensions)) {
    return failure;
  }
  if (auto failure = take_answers(core(), *list)) return failure;
  apply_record_limits(core(), kHandshakeEpoch);
  transcript_.add(message.raw);
  state_ = with_psk_ ? State::kFinished : State::kCertificateOrRequest;
  if (core().negotiated.resumed) accept_resumed(core(), offer_.ticket->state);
  return {};
}

Step Client13::take_certificate_request(const HandshakeMessage& message) {
  const auto request = wire::parse_certificate_request_13(message.body);
  if (!request) return broken(AlertDescription::kDecodeError, "its request is malformed");
  if (!request->context.empty()) {  // RFC 8446 §4.3.2
    return broken(AlertDescription::kIllegalParameter, "its CertificateRequest has a context");
  }
  if (request->extensions.has_duplicate()) {
    return broken(AlertDescription::kIllegalParameter, "it sent an extension twice");
  }
  const auto content = request->extensions.find(ExtensionType::kSignatureAlgorithms);
  if (!content) {
    return broken(AlertDescription::kMissingExtension, "its request names no signatures");
  }
  const auto schemes = wire::parse_signature_algorithms(*content);
  const auto authorities = request->extensions.find(ExtensionType::kCertificateAuthorities);
  if (!schemes || (authorities && !wire::parse_certificate_authorities(*authorities))) {
    return broken(AlertDescription::kDecodeError, "its request is malformed");
  }
  const auto bytes = schemes->bytes();
  request_schemes_.assign(bytes.begin(), bytes.end());
  was_asked_ = true;
  transcript_.add(message.raw);
  state_ = State::kCertificate;
  return {};
}

Step Client13::take_certificate(const HandshakeMessage& message) {
  PeerChain chain;
  if (auto failure = read_certificate(message, chain)) return failure;
  if (chain.view().empty()) {  // RFC 8446 §4.4.2.4
    return broken(AlertDescription::kDecodeError, "it sent no certificate");
  }
  if (auto failure = take_chain(message, chain)) return failure;
  state_ = State::kCertificateVerify;
  return {};
}

Step Client13::take_certificate_verify(const HandshakeMessage& message) {
  if (auto failure = check_signature(message)) return failure;
  state_ = State::kFinished;
  return {};
}

Step Client13::take_finished(const HandshakeMessage& message) {
  if (auto failure = check_finished(message)) return failure;
  return answer();
}

// ---- our flight ----

Step Client13::show_certificate() {
  const auto own = core().decisions->client_identity();
  const auto scheme = own == nullptr
                          ? std::nullopt
                          : choose_scheme(settings(), *own, wire::kDtls13, request_schemes_);
  // RFC 8446 §4.4.2.3: with no scheme in common a client goes on without a certificate.
  return send_certificate(scheme ? own.get() : nullptr, scheme.value_or(crypto::SignatureScheme{}));
}

Step Client13::answer() {
  auto application = enter_application(offer_.random);
  channel().begin_flight();
  if (was_asked_) {
    if (auto failure = show_certificate()) return failure;
  }
  core().to_be_confirmed = was_asked_;
  send_finished();
  channel().end_flight(Channel::Then::kAwaitAck, core().now);

  auto& [traffic, secrets] = application;
  secrets.resumption = schedule_->resumption(transcript_.digest());
  channel().install_read(kApplicationEpoch, protection(traffic.server));
  channel().install_write(kApplicationEpoch, protection(traffic.client));
  secrets.read_traffic = std::move(traffic.server);
  secrets.write_traffic = std::move(traffic.client);
  core().secrets = std::move(secrets);
  if (core().negotiated.resumed) {
    core().peer_leaf = offer_.ticket->state.peer_leaf;
    core().peer_authorized = offer_.ticket->state.peer_authorized;
  } else if (settings().tickets) {
    core().peer_leaf = peer_.leaf();
    core().peer_authorized = peer_.authorized();
  }
  finish();
  return {};
}

}  // namespace dtls::handshake
