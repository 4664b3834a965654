#include "handshake/v13/server_13.hpp"

#include <algorithm>

#include "crypto/random.hpp"
#include "crypto/wipe.hpp"
#include "handshake/hello/offered_shares.hpp"
#include "handshake/hello/retry.hpp"
#include "handshake/peer_alert.hpp"
#include "handshake/tickets.hpp"
#include "record/record_number.hpp"
#include "wire/certificate_request.hpp"
#include "wire/key_share.hpp"
#include "wire/new_session_ticket.hpp"
#include "wire/parameter_lists.hpp"
#include "wire/pre_shared_key.hpp"
#include "wire/server_hello.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::handshake {
namespace {

using wire::AlertDescription;
using wire::ExtensionType;
using wire::HandshakeType;

using record::kApplicationEpoch;
using record::kHandshakeEpoch;
// A client that offers more PSKs than that is not served by the rest: each costs a look-up.
constexpr std::uint16_t kMaxOfferedPsks = 8;

// How keys can follow from a PSK, as both sides allow it (RFC 8446 §4.2.9).
struct PskModes {
  bool with_dhe = false;  // psk_dhe_ke: taken where it may be, for the sake of forward secrecy
  bool alone = false;     // psk_ke

  [[nodiscard]] bool any() const { return with_dhe || alone; }
};

PskModes psk_modes(const Settings& settings, const ReceivedHello& hello) {
  const auto content = hello.find(ExtensionType::kPskKeyExchangeModes);
  const auto modes = content ? wire::parse_psk_key_exchange_modes(*content) : std::nullopt;
  if (!modes) return {};
  return {settings.psk_with_dhe && modes->contains(wire::PskKeyExchangeMode::kPskWithDhe),
          settings.psk_only && modes->contains(wire::PskKeyExchangeMode::kPsk)};
}

}  // namespace

Server13::Server13(Core& core, ReceivedHello hello)
    : Handshake13(core, Sender::kServer), hello_(std::move(hello)) {}

Step Server13::on_message(const HandshakeMessage& message) {
  static constexpr Row<Server13, State> kTable[] = {
      {State::kSecondHello, HandshakeType::kClientHello, &Server13::take_second_hello},
      {State::kCertificate, HandshakeType::kCertificate, &Server13::take_certificate},
      {State::kCertificateVerify, HandshakeType::kCertificateVerify,
       &Server13::take_certificate_verify},
      {State::kFinished, HandshakeType::kFinished, &Server13::take_finished},
  };
  // The channel gives messages of the newest epoch only (RFC 9147 §6.1).
  return dispatch(*this, state_, kTable, message);
}

// ---- ClientHello ----

Step Server13::begin() {
  if (hello_.hello().compression_methods.size() != 1) {  // RFC 8446 §4.1.2
    return broken(AlertDescription::kIllegalParameter, "it offers compression in DTLS 1.3");
  }
  if (!hello_.hello().cookie.empty()) {  // RFC 9147 §5.3
    return broken(AlertDescription::kIllegalParameter, "it sent a cookie of DTLS 1.2");
  }
  const auto authorities = hello_.find(ExtensionType::kCertificateAuthorities);
  if (authorities && !wire::parse_certificate_authorities(*authorities)) {  // RFC 8446 §4.2.4
    return broken(AlertDescription::kDecodeError, "its certificate_authorities are malformed");
  }
  presented_ = core().decisions->present(hello_.server_name());
  if (auto failure = negotiate()) return failure;
  next_psk_ = 0;
  if (core().is_proven) {
    if (auto failure = recall_retry()) return failure;
  }
  return choose_psk();
}

// The request that was sent without memory is in the cookie, which has been found genuine.
Step Server13::recall_retry() {
  const auto content = hello_.find(ExtensionType::kCookie);
  const auto cookie = content ? wire::parse_cookie(*content) : std::nullopt;
  const auto terms = cookie && cookie->size() > kCookieMark
                         ? read_retry_terms(cookie->subspan(kCookieMark), kRetryMacSize)
                         : std::nullopt;
  if (!terms || !hello_.offers(terms->suite)) {
    return broken(AlertDescription::kIllegalParameter, "its cookie is not of DTLS 1.3");
  }
  const auto has = [](const auto& list, auto one) {
    return std::ranges::find(list, one) != list.end();
  };
  // The cookie may be of a server with other settings that shares the secret.
  const auto group = static_cast<crypto::Group>(terms->group);
  if (!has(settings().suites, terms->suite) ||
      (terms->group != 0 && !(has(settings().groups, group) && is_usable(group, wire::kDtls13)))) {
    return broken(AlertDescription::kIllegalParameter,
                  "its cookie came from a server with other settings");
  }
  suite_ = find_suite(terms->suite);
  has_retried_ = true;
  core().negotiated.retried = true;
  if (terms->group != 0) {
    retried_ = group;
    if (auto failure = check_retried_share(hello_, *retried_)) return failure;
  }
  const Bytes request =
      Bytes(scratch()).first(write_hello_retry_request(scratch(), 0, *terms, *cookie));
  transcript_.choose(wire::kDtls13, suite_->hash, false);
  transcript_.restart_with(terms->hello_hash.view());
  transcript_.add(request);
  return {};
}

Step Server13::take_second_hello(const HandshakeMessage& message) {
  ReceivedHello second;
  if (auto failure = ReceivedHello::read(message, second)) return failure;
  // RFC 8446 §4.1.2: only the key share, the cookie, the PSKs and padding may differ.
  if (!second.offers_version(wire::kDtls13) || !second.offers(suite_->id) ||
      !std::ranges::equal(second.hello().random, hello_.hello().random)) {
    return broken(AlertDescription::kIllegalParameter,
                  "its second ClientHello does not offer what its first one did");
  }
  hello_ = std::move(second);
  if (auto failure = check_retried_share(hello_, *retried_)) return failure;
  next_psk_ = 0;
  return choose_psk();
}

// What does not depend on the PSK.
Step Server13::negotiate() {
  if (auto failure = choose_alpn(settings(), hello_, core().negotiated.alpn)) return failure;
  if (auto failure = choose_srtp_profile(settings(), hello_, core().negotiated.srtp_profile)) {
    return failure;
  }
  if (auto failure = read_record_limit(settings(), hello_, wire::kDtls13, record_limit_)) {
    return failure;
  }
  if (auto failure = check_offered_shares(hello_)) return failure;
  suite_ = choose_suite(nullptr);
  if (suite_ == nullptr) {
    return incompatible(AlertDescription::kHandshakeFailure,
                        "offered no cipher suite of DTLS 1.3 that is spoken here");
  }
  return {};
}

// The first of our suites that the client offers; with that hash, where one is asked for.
const Suite* Server13::choose_suite(const crypto::HashAlgorithm* hash) const {
  for (const auto id : settings().suites) {
    const Suite* suite = find_suite(id);
    if (suite == nullptr || suite->version != wire::kDtls13 || !hello_.offers(id)) continue;
    if (hash == nullptr || suite->hash == *hash) return suite;
  }
  return nullptr;
}

// ---- pre-shared keys (RFC 8446 §4.2.11) ----

Step Server13::choose_psk() {
  const auto content = hello_.find(ExtensionType::kPreSharedKey);
  if (!content) return after_psk();
  if (hello_.hello().extension_list().last() != ExtensionType::kPreSharedKey) {
    return broken(AlertDescription::kIllegalParameter, "its pre_shared_key is not the last");
  }
  const auto offer = wire::parse_offered_psks(*content);
  if (!offer) return broken(AlertDescription::kDecodeError, "its pre_shared_key is malformed");
  const auto modes = hello_.find(ExtensionType::kPskKeyExchangeModes);
  if (!modes) {  // RFC 8446 §4.2.9
    return broken(AlertDescription::kMissingExtension, "it sent PSKs without their modes");
  }
  if (!wire::parse_psk_key_exchange_modes(*modes)) {
    return broken(AlertDescription::kDecodeError, "its psk_key_exchange_modes are malformed");
  }
  return look_for_psk();
}

Step Server13::look_for_psk() {
  if (!psk_modes(settings(), hello_).any()) return after_psk();
  const auto offer = wire::parse_offered_psks(*hello_.find(ExtensionType::kPreSharedKey));
  std::uint16_t index = 0;
  for (const auto& offered : offer->identities) {
    const std::uint16_t present = index++;
    if (present < next_psk_) continue;
    if (present >= kMaxOfferedPsks) break;
    next_psk_ = static_cast<std::uint16_t>(present + 1);
    if (settings().tickets && settings().ticket_keys != nullptr) {
      if (auto session = settings().ticket_keys->open(offered.identity, core().now)) {
        const Suite* theirs = find_suite(session->suite);
        if (theirs == nullptr || session->version != wire::kDtls13 ||
            session->binding != presented_.binding ||
            session->server_name != hello_.server_name()) {
          continue;
        }
        const Suite* suite = has_retried_ ? suite_ : choose_suite(&theirs->hash);
        if (suite == nullptr || suite->hash != theirs->hash) continue;
        AgreedPsk psk{crypto::SecretBuffer<64>(session->secret.view()), present,
                      PskOrigin::kResumption, std::move(*session)};
        return use_psk(std::move(psk), *suite);
      }
    }
    // Nobody is asked about a ticket that has expired.
    if (!settings().offers_psk || TicketKeys::looks_like_one(offered.identity)) continue;
    const std::string_view identity(reinterpret_cast<const char*>(offered.identity.data()),
                                    offered.identity.size());
    auto answer = core().decisions->psk(identity);
    if (std::holds_alternative<PskPending>(answer)) {
      wait_for_psk(identity);
      return {};
    }
    if (const auto* key = std::get_if<PreSharedKey>(&answer)) return provide_psk(key);
  }
  return after_psk();
}

Step Server13::provide_psk(const PreSharedKey* key) {
  stop_waiting();
  if (key == nullptr) return look_for_psk();
  // RFC 8446 §4.2.11: the hash of an external PSK is SHA-256 unless something else is agreed upon.
  constexpr auto kHash = crypto::HashAlgorithm::kSha256;
  const Suite* suite = has_retried_ ? suite_ : choose_suite(&kHash);
  if (suite == nullptr || suite->hash != kHash) return look_for_psk();
  AgreedPsk psk{crypto::SecretBuffer<64>(key->key.view()),
                static_cast<std::uint16_t>(next_psk_ - 1),
                PskOrigin::kExternal,
                {}};
  core().negotiated.psk_identity = key->identity;
  return use_psk(std::move(psk), *suite);
}

// The client has to prove that it has the PSK before anything is done with it (RFC 8446 §4.2.11).
Step Server13::use_psk(AgreedPsk psk, const Suite& suite) {
  suite_ = &suite;
  if (!transcript_.is_chosen()) transcript_.choose(wire::kDtls13, suite.hash, false);
  const auto offer = wire::parse_offered_psks(*hello_.find(ExtensionType::kPreSharedKey));
  const auto binder = *std::next(offer->binders.begin(), psk.index);
  const std::size_t truncated = hello_.raw().size() - offer->binders_size;
  schedule_.emplace(suite.hash, psk.key.view());
  const auto expected =
      schedule_->binder(psk.origin, transcript_.digest_with(hello_.raw().first(truncated)));
  if (!crypto::equal_in_constant_time(expected.view(), binder)) {
    if (psk.origin == PskOrigin::kResumption) {
      return broken(AlertDescription::kDecryptError,
                    "its binder does not match the session that it resumes");
    }
    return Failure{
        AlertDescription::kDecryptError,
        {ErrorKind::kUntrusted,
         EACCES,
         "has another pre-shared key for the identity " +
             quote_identity(core().negotiated.psk_identity) + ": its binder does not match",
         {}}};
  }
  psk_ = std::move(psk);
  return after_psk();
}

// ---- key agreement ----

Step Server13::after_psk() {
  if (!transcript_.is_chosen()) transcript_.choose(wire::kDtls13, suite_->hash, false);
  if (!psk_) {
    schedule_.emplace(suite_->hash, Bytes{});
    // RFC 8446 §9.2
    if (!hello_.find(ExtensionType::kSignatureAlgorithms)) {
      return broken(AlertDescription::kMissingExtension, "it names no signature algorithms");
    }
    if (presented_.identity == nullptr) {
      return incompatible(AlertDescription::kHandshakeFailure,
                          "offered no pre-shared key that is known here");
    }
  }
  if (psk_ && !psk_modes(settings(), hello_).with_dhe) {
    transcript_.add(hello_.raw());
    return answer({});
  }
  const bool has_groups = hello_.find(ExtensionType::kSupportedGroups).has_value();
  if (has_groups != hello_.find(ExtensionType::kKeyShare).has_value() || !has_groups) {
    return broken(AlertDescription::kMissingExtension,
                  "it sent only one of supported_groups and key_share");
  }
  group_ = retried_ ? retried_ : choose_group(settings(), hello_, wire::kDtls13);
  if (!group_) {
    return incompatible(AlertDescription::kHandshakeFailure,
                        "offered no group for the key agreement that is spoken here");
  }
  const auto share = share_of(hello_, *group_);
  transcript_.add(hello_.raw());
  if (!share) return ask_again(*group_);
  auto agreed = crypto::agree(*group_, *share);
  if (!agreed) {
    return Failure{AlertDescription::kIllegalParameter, std::move(agreed).error()};
  }
  agreed_ = std::move(agreed->secret);
  core().negotiated.group = static_cast<wire::NamedGroup>(*group_);
  return answer(agreed->public_key);
}

// HelloRetryRequest (RFC 8446 §4.1.4)
Step Server13::ask_again(crypto::Group group) {
  if (has_retried_) {
    // It was asked for none because its PSK could have done without.
    if (!retried_ && hello_.find(ExtensionType::kPreSharedKey)) {
      return incompatible(
          AlertDescription::kHandshakeFailure,
          "offered no pre-shared key or ticket that is known here, and no key share");
    }
    return broken(AlertDescription::kIllegalParameter,
                  "its second ClientHello lacks the requested key share");
  }
  has_retried_ = true;
  core().negotiated.retried = true;
  retried_ = group;
  psk_.reset();
  transcript_.restart_with_hash();
  const RetryTerms terms{suite_->id, static_cast<std::uint16_t>(group), {}};
  const std::size_t size = write_hello_retry_request(scratch(), 0, terms, {});
  channel().begin_flight();
  add(HandshakeType::kServerHello,
      Bytes(scratch()).first(size).subspan(wire::kHandshakeHeaderSize));
  channel().end_flight(Channel::Then::kAwaitAnswer, core().now);
  state_ = State::kSecondHello;
  return {};
}

// ---- the server's flight ----

Step Server13::answer(Bytes share) {
  auto& agreed = core().negotiated;
  agreed.suite = suite_->id;
  agreed.resumed = psk_ && psk_->session.has_value();
  agreed.with_psk = psk_ && !psk_->session;
  agreed.peer_record_limit = record_limit_;
  apply_record_limits(core(), kHandshakeEpoch);
  if (agreed.resumed) accept_resumed(core(), *psk_->session);

  if (!psk_) {
    const auto content = hello_.find(ExtensionType::kSignatureAlgorithms);
    const auto schemes = wire::parse_signature_algorithms(*content);
    const auto scheme =
        choose_scheme(settings(), *presented_.identity, wire::kDtls13, schemes->bytes());
    if (!scheme) {
      return incompatible(AlertDescription::kHandshakeFailure,
                          "takes no signature that our certificate's key can make");
    }
    scheme_ = *scheme;
  }

  channel().begin_flight();
  if (auto failure = send_server_hello(share)) return failure;
  enter_handshake(agreed_.view(), hello_.random());
  agreed_ = {};
  send_extensions();
  if (!psk_) {
    if (presented_.asks_client) send_certificate_request();
    if (auto failure = send_certificate(presented_.identity.get(), scheme_)) return failure;
  }
  send_finished();
  install_application_keys();
  channel().end_flight(Channel::Then::kAwaitAnswer, core().now);
  state_ = !psk_ && presented_.asks_client ? State::kCertificate : State::kFinished;
  return {};
}

Step Server13::send_server_hello(Bytes share) {
  Random random{};
  if (auto filled = crypto::fill_random(random); !filled) return unable(filled.error().message);
  wire::Writer writer(scratch());
  const auto extensions =
      wire::begin_server_hello(writer, {.random = random,
                                        .session_id = {},  // RFC 9147 §5: not repeated
                                        .cipher_suite = suite_->id,
                                        .extensions = {}});
  wire::write_selected_version(writer, wire::kDtls13);
  if (!share.empty()) {
    wire::write_key_share(writer, {static_cast<wire::NamedGroup>(*group_), share});
  }
  if (psk_) wire::write_selected_psk(writer, psk_->index);
  writer.end_vector(extensions);
  add(HandshakeType::kServerHello, Bytes(scratch()).first(writer.written()));
  return {};
}

void Server13::send_extensions() {
  wire::Writer writer(scratch());
  const auto extensions = writer.begin_vector16();
  // RFC 6066 §3: not for a session that is resumed.
  if (presented_.named && !core().negotiated.resumed) {
    wire::write_extension(writer, ExtensionType::kServerName);
  }
  if (!core().negotiated.alpn.empty()) {
    wire::write_alpn(writer, std::span(&core().negotiated.alpn, 1));
  }
  if (const auto profile = core().negotiated.srtp_profile; profile != 0) {
    const std::array chosen{static_cast<wire::SrtpProfile>(profile)};
    wire::write_use_srtp(writer, chosen);
  }
  if (record_limit_ != 0) {
    wire::write_record_size_limit(writer, settings().record_size_limit);
  }
  writer.end_vector(extensions);
  add(HandshakeType::kEncryptedExtensions, Bytes(scratch()).first(writer.written()));
}

void Server13::send_certificate_request() {
  wire::Writer writer(scratch());
  const auto extensions = wire::begin_certificate_request_13(writer);
  write_schemes(writer, settings().schemes, wire::kDtls13);
  if (presented_.authorities != nullptr && !presented_.authorities->empty()) {
    wire::write_certificate_authorities(writer, *presented_.authorities);
  }
  writer.end_vector(extensions);
  add(HandshakeType::kCertificateRequest, Bytes(scratch()).first(writer.written()));
}

// Ours to write with; the client's follow when its Finished has come.
void Server13::install_application_keys() {
  auto [traffic, secrets] = enter_application(hello_.random());
  channel().install_write(kApplicationEpoch, protection(traffic.server));
  secrets.write_traffic = std::move(traffic.server);
  client_application_ = std::move(traffic.client);
  core().secrets = std::move(secrets);
}

// ---- the client's flight ----

Step Server13::take_certificate(const HandshakeMessage& message) {
  PeerChain chain;
  if (auto failure = read_certificate(message, chain)) return failure;
  if (chain.view().empty() && presented_.requires_client) {
    return Failure{AlertDescription::kCertificateRequired,
                   {ErrorKind::kUntrusted,
                    EACCES,
                    "sent no certificate, but option `ca` requires a client certificate",
                    {}}};
  }
  if (auto failure = take_chain(message, chain)) return failure;
  state_ = peer_.shown() ? State::kCertificateVerify : State::kFinished;
  return {};
}

Step Server13::take_certificate_verify(const HandshakeMessage& message) {
  if (auto failure = check_signature(message)) return failure;
  state_ = State::kFinished;
  return {};
}

Step Server13::take_finished(const HandshakeMessage& message) {
  if (auto failure = check_finished(message)) return failure;
  auto& secrets = std::get<Secrets13>(core().secrets);
  channel().install_read(kApplicationEpoch, protection(client_application_));
  secrets.read_traffic = std::move(client_application_);
  channel().send_ack();
  send_tickets();
  finish();
  return {};
}

// One ticket for each full or resumed handshake: clients use a ticket once (RFC 8446 §C.4).
void Server13::send_tickets() {
  const bool wanted = settings().tickets && settings().ticket_keys != nullptr &&
                      psk_modes(settings(), hello_).any() && !core().negotiated.with_psk;
  if (!wanted) return;
  const std::array nonce{std::byte{0}};
  std::array<std::byte, 4> age_add{};
  if (!crypto::fill_random(age_add)) return;
  const auto resumption = schedule_->resumption(transcript_.digest());
  SessionState state;
  state.version = wire::kDtls13;
  state.suite = suite_->id;
  state.secret = ticket_psk(suite_->hash, resumption.view(), nonce);
  set_life(state, core(), settings().ticket_lifetime_s);
  if (state.lifetime_s == 0) return;
  state.age_add = wire::Reader(age_add).u32();
  state.server_name = core().negotiated.server_name;
  state.alpn = core().negotiated.alpn;
  if (psk_ && psk_->session) {
    state.peer_leaf = psk_->session->peer_leaf;
    state.peer_authorized = psk_->session->peer_authorized;
  } else {
    state.peer_leaf = peer_.leaf();
    state.peer_authorized = peer_.authorized();
  }
  state.binding = presented_.binding;
  const auto ticket = settings().ticket_keys->seal(state, core().now);
  if (!ticket) return;
  wire::Writer writer(scratch());
  wire::write_new_session_ticket_13(writer, {.lifetime_s = state.lifetime_s,
                                             .age_add = state.age_add,
                                             .nonce = nonce,
                                             .ticket = *ticket,
                                             .extensions = {}});
  channel().begin_flight();
  channel().add_message(HandshakeType::kNewSessionTicket, Bytes(scratch()).first(writer.written()));
  channel().end_flight(Channel::Then::kAwaitAck, core().now);
}

}  // namespace dtls::handshake
