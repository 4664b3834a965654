#include "handshake/v12/server_12.hpp"

#include <algorithm>

#include "crypto/random.hpp"
#include "crypto/wipe.hpp"
#include "handshake/peer_alert.hpp"
#include "handshake/secret_log.hpp"
#include "handshake/tickets.hpp"
#include "wire/certificate.hpp"
#include "wire/certificate_request.hpp"
#include "wire/certificate_verify.hpp"
#include "wire/key_exchange.hpp"
#include "wire/new_session_ticket.hpp"
#include "wire/parameter_lists.hpp"
#include "wire/server_hello.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::handshake {
namespace {

using wire::AlertDescription;
using wire::ExtensionType;
using wire::HandshakeType;

}  // namespace

Server12::Server12(Core& core, std::optional<Renegotiation> renegotiation)
    : Handshake(core), renegotiation_(std::move(renegotiation)), epoch_(channel().read_epoch()) {}

Step Server12::on_message(const HandshakeMessage& message) {
  static constexpr Row<Server12, State> kTable[] = {
      {State::kClientHello, HandshakeType::kClientHello, &Server12::take_hello},
      {State::kCertificate, HandshakeType::kCertificate, &Server12::take_certificate},
      {State::kClientKeyExchange, HandshakeType::kClientKeyExchange,
       &Server12::take_client_key_exchange},
      {State::kCertificateVerify, HandshakeType::kCertificateVerify,
       &Server12::take_certificate_verify},
      {State::kFinished, HandshakeType::kFinished, &Server12::take_finished},
  };
  const std::uint64_t expected = state_ == State::kFinished ? epoch_ + 1 : epoch_;
  if (message.epoch != expected) {  // RFC 6347 §4.1
    return in_wrong_epoch();
  }
  return dispatch(*this, state_, kTable, message);
}

// ---- ClientHello ----

Step Server12::take_hello(const HandshakeMessage& message) {
  ReceivedHello hello;
  if (auto failure = ReceivedHello::read(message, hello)) return failure;
  if (!hello.offers_version(wire::kDtls12)) {  // RFC 5246 §E.1
    return broken(AlertDescription::kProtocolVersion, "it renegotiates another version of DTLS");
  }
  return begin(std::move(hello));
}

Step Server12::begin(ReceivedHello hello) {
  hello_ = std::move(hello);
  if (!hello_.find(ExtensionType::kExtendedMasterSecret)) {
    return incompatible(AlertDescription::kHandshakeFailure,
                        "does not know the extended master secret (RFC 7627)");
  }
  if (const auto content = hello_.find(ExtensionType::kEcPointFormats)) {
    const auto formats = wire::parse_ec_point_formats(*content);
    if (!formats) return broken(AlertDescription::kDecodeError, "its point formats are malformed");
    if (!formats->contains(wire::EcPointFormat::kUncompressed)) {  // RFC 8422 §5.1.2
      return broken(AlertDescription::kIllegalParameter, "it does not take uncompressed points");
    }
  }
  if (auto failure = check_renegotiation()) return failure;
  presented_ = core().decisions->present(hello_.server_name());
  if (auto session = session_of_ticket()) return resume(std::move(*session));
  if (auto failure = negotiate()) return failure;
  return begin_full();
}

// RFC 5746 §3.6, §3.7
Step Server12::check_renegotiation() {
  const auto content = hello_.find(ExtensionType::kRenegotiationInfo);
  const bool signalled = hello_.offers(wire::CipherSuite::kEmptyRenegotiationInfoScsv);
  const Bytes expected = renegotiation_ ? Bytes(renegotiation_->client_verify) : Bytes();
  if (renegotiation_ && (signalled || !content)) {
    return broken(AlertDescription::kHandshakeFailure, "it renegotiates without RFC 5746");
  }
  core().negotiated.secure_renegotiation = signalled || content;
  if (!content) return {};
  const auto info = wire::parse_renegotiation_info(*content);
  if (!info) return broken(AlertDescription::kDecodeError, "its renegotiation_info is malformed");
  if (!crypto::equal_in_constant_time(*info, expected)) {
    return broken(AlertDescription::kHandshakeFailure,
                  "its renegotiation_info belongs to another handshake");
  }
  return {};
}

Step Server12::negotiate() {
  auto& agreed = core().negotiated;
  agreed.resumed = false;
  // What the program was told in the first handshake holds on.
  if (!renegotiation_) {
    if (auto failure = choose_alpn(settings(), hello_, agreed.alpn)) return failure;
    if (auto failure = choose_srtp_profile(settings(), hello_, agreed.srtp_profile)) return failure;
  }
  if (auto failure = read_record_limit(settings(), hello_, wire::kDtls12, record_limit_)) {
    return failure;
  }
  return choose_suite();
}

bool Server12::can_use(const Suite& suite) {
  if (uses_ecdhe(suite) && !choose_group(settings(), hello_, wire::kDtls12)) return false;
  if (suite.authentication == Authentication::kPsk) return settings().offers_psk;
  if (presented_.identity == nullptr) return false;
  // Without signature_algorithms SHA-1 would be meant (RFC 5246 §7.4.1.4.1), which is not made.
  const auto content = hello_.find(ExtensionType::kSignatureAlgorithms);
  const auto schemes = content ? wire::parse_signature_algorithms(*content) : std::nullopt;
  if (!schemes) return false;
  const auto scheme =
      choose_scheme(settings(), *presented_.identity, wire::kDtls12, schemes->bytes());
  if (!scheme) return false;
  const bool is_rsa = signs_with_rsa(static_cast<wire::SignatureScheme>(*scheme));
  if (is_rsa != (suite.authentication == Authentication::kRsa)) return false;
  scheme_ = *scheme;
  return true;
}

Step Server12::choose_suite() {
  for (const auto id : settings().suites) {
    const Suite* suite = find_suite(id);
    if (suite == nullptr || suite->version != wire::kDtls12 || !hello_.offers(id)) continue;
    // Nothing would tell that a PSK is the same peer's (see Engine::take_renegotiation).
    if (renegotiation_ && uses_psk(*suite)) continue;
    if (!can_use(*suite)) continue;
    suite_ = suite;
    core().negotiated.suite = id;
    return {};
  }
  return incompatible(AlertDescription::kHandshakeFailure,
                      "offered no cipher suite that fits: we take ECDHE with AES-GCM, AES-CCM or "
                      "ChaCha20-Poly1305, signed by the kind of key our certificate has");
}

// ---- resumption (RFC 5077) ----

std::optional<SessionState> Server12::session_of_ticket() const {
  const auto content = hello_.find(ExtensionType::kSessionTicket);
  if (!content || content->empty() || renegotiation_ || !settings().tickets ||
      settings().ticket_keys == nullptr) {
    return std::nullopt;
  }
  auto session = settings().ticket_keys->open(*content, now());
  if (!session || session->version != wire::kDtls12 || session->binding != presented_.binding ||
      session->server_name != hello_.server_name() || !hello_.offers(session->suite)) {
    return std::nullopt;
  }
  const auto& ours = settings().suites;
  if (std::ranges::find(ours, session->suite) == ours.end()) return std::nullopt;
  return session;
}

Step Server12::resume(SessionState session) {
  suite_ = find_suite(session.suite);
  auto& agreed = core().negotiated;
  if (auto failure = choose_alpn(settings(), hello_, agreed.alpn)) return failure;
  if (auto failure = choose_srtp_profile(settings(), hello_, agreed.srtp_profile)) return failure;
  if (auto failure = read_record_limit(settings(), hello_, wire::kDtls12, record_limit_)) {
    return failure;
  }
  agreed.suite = session.suite;
  agreed.resumed = true;
  accept_resumed(core(), session);
  master_ = session.secret.copy();
  resumed_ = std::move(session);
  transcript_.choose(wire::kDtls12, suite_->hash, false);
  transcript_.add(hello_.raw());
  channel().begin_flight();
  // The client's session id is repeated: so it knows.
  if (auto failure = send_server_hello(hello_.hello().session_id)) return failure;
  derive_keys();
  send_ticket();
  send_finished(Channel::Then::kAwaitAnswer);
  state_ = State::kFinished;
  return {};
}

// ---- the server's flight ----

void Server12::add(HandshakeType type, Bytes body) {
  transcript_.add(channel().add_message(type, body));
}

Step Server12::begin_full() {
  transcript_.choose(wire::kDtls12, suite_->hash, true);
  transcript_.add(hello_.raw());
  channel().begin_flight();
  if (auto failure = send_server_hello({})) return failure;
  const bool with_certificate = suite_->authentication != Authentication::kPsk;
  if (with_certificate) {
    wire::Writer writer(scratch());
    wire::write_certificate_12(writer, presented_.identity->chain);
    if (!writer.ok()) return unable("our own certificate chain is too long");
    add(HandshakeType::kCertificate, Bytes(scratch()).first(writer.written()));
  }
  if (uses_ecdhe(*suite_)) {
    if (auto failure = send_key_exchange()) return failure;
  }
  const bool asks = with_certificate && presented_.asks_client;
  if (asks) send_certificate_request();
  add(HandshakeType::kServerHelloDone, {});
  channel().end_flight(Channel::Then::kAwaitAnswer, core().now);
  state_ = asks ? State::kCertificate : State::kClientKeyExchange;
  return {};
}

Step Server12::send_server_hello(Bytes session_id) {
  if (auto filled = crypto::fill_random(server_random_); !filled) {
    return unable(filled.error().message);
  }
  // RFC 8446 §4.1.3: a client that knows DTLS 1.3 learns that we do too.
  if (settings().max_version == wire::kDtls13) {
    const auto mark = std::as_bytes(std::span(wire::kDowngradedToDtls12));
    std::ranges::copy(mark, server_random_.end() - static_cast<std::ptrdiff_t>(mark.size()));
  }
  // Also in a renegotiation: GnuTLS counts on one where the first handshake had one.
  issues_ticket_ = hello_.find(ExtensionType::kSessionTicket) && settings().tickets &&
                   settings().ticket_keys != nullptr &&
                   suite_->authentication != Authentication::kPsk;

  wire::Writer writer(scratch());
  const auto extensions = wire::begin_server_hello(writer, {.random = server_random_,
                                                            .session_id = session_id,
                                                            .cipher_suite = suite_->id,
                                                            .extensions = {}});
  if (core().negotiated.secure_renegotiation) {
    if (renegotiation_) {
      wire::write_renegotiation_info(writer, renegotiation_->client_verify,
                                     renegotiation_->server_verify);
    } else {
      wire::write_renegotiation_info(writer);
    }
  }
  wire::write_extension(writer, ExtensionType::kExtendedMasterSecret);
  if (presented_.named && !resumed_ && hello_.find(ExtensionType::kServerName)) {
    wire::write_extension(writer, ExtensionType::kServerName);
  }
  if (hello_.find(ExtensionType::kEcPointFormats)) wire::write_ec_point_formats(writer);
  if (issues_ticket_) wire::write_extension(writer, ExtensionType::kSessionTicket);
  // What a renegotiating client does not offer again is not answered again, though it holds on.
  if (const auto& protocol = core().negotiated.alpn; hello_.offers_protocol(protocol)) {
    wire::write_alpn(writer, std::span(&protocol, 1));
  }
  const auto profile = static_cast<wire::SrtpProfile>(core().negotiated.srtp_profile);
  if (profile != wire::SrtpProfile{} && hello_.offers(profile))
    wire::write_use_srtp(writer, std::array{profile});
  if (record_limit_ != 0) {
    wire::write_record_size_limit(writer, settings().record_size_limit);
  }
  writer.end_optional_vector(extensions);
  add(HandshakeType::kServerHello, Bytes(scratch()).first(writer.written()));
  return {};
}

Step Server12::send_key_exchange() {
  const auto chosen = choose_group(settings(), hello_, wire::kDtls12);
  auto share = crypto::KeyShare::generate(*chosen);
  if (!share) return Failure{AlertDescription::kInternalError, std::move(share).error()};
  share_.emplace(std::move(*share));
  const auto group = static_cast<wire::NamedGroup>(*chosen);
  core().negotiated.group = group;

  wire::EcdheParams params{group, share_->public_key(), {}};
  if (suite_->key_exchange == KeyExchange::kEcdhePsk) {
    wire::Writer writer(scratch());
    wire::write_server_key_exchange_ecdhe_psk(writer, {{}, params});
    add(HandshakeType::kServerKeyExchange, Bytes(scratch()).first(writer.written()));
    return {};
  }
  // RFC 8422 §5.4: both randoms and the parameters are signed.
  wire::Writer content(scratch());
  content.bytes(hello_.hello().random);
  content.bytes(server_random_);
  wire::write_ecdhe_params(content, group, share_->public_key());
  auto signature = crypto::sign(presented_.identity->key.get(), scheme_,
                                Bytes(scratch()).first(content.written()));
  if (!signature) return unable("our own key cannot sign: " + signature.error().message);
  wire::Writer writer(scratch());
  wire::write_server_key_exchange_ecdhe(
      writer, {params, {static_cast<wire::SignatureScheme>(scheme_), *signature}});
  add(HandshakeType::kServerKeyExchange, Bytes(scratch()).first(writer.written()));
  return {};
}

void Server12::send_certificate_request() {
  static constexpr std::array kTypes{wire::ClientCertificateType::kRsaSign,
                                     wire::ClientCertificateType::kEcdsaSign};
  static const std::vector<Buffer> kAnybody;
  std::vector<wire::SignatureScheme> schemes;
  for (const auto scheme : settings().schemes)
    schemes.push_back(static_cast<wire::SignatureScheme>(scheme));
  wire::Writer writer(scratch());
  wire::write_certificate_request_12(
      writer, kTypes, schemes,
      presented_.authorities == nullptr ? kAnybody : *presented_.authorities);
  add(HandshakeType::kCertificateRequest, Bytes(scratch()).first(writer.written()));
}

// ---- the client's flight ----

Step Server12::take_certificate(const HandshakeMessage& message) {
  const auto certificate = wire::parse_certificate_12(message.body);
  if (!certificate) return broken(AlertDescription::kDecodeError, "its Certificate is malformed");
  PeerChain chain;
  if (auto failure = chain.collect(*certificate, [](Bytes one) { return one; })) return failure;
  if (chain.view().empty() && presented_.requires_client) {
    // RFC 5246 §7.4.6
    return Failure{AlertDescription::kHandshakeFailure,
                   {ErrorKind::kUntrusted,
                    EACCES,
                    "sent no certificate, but option `ca` requires a client certificate",
                    {}}};
  }
  transcript_.add(message.raw);
  if (auto failure = peer_.take(core(), chain.view())) return failure;
  if (auto failure = peer_.same_as_before(renegotiation_)) return failure;
  state_ = State::kClientKeyExchange;
  return {};
}

Step Server12::take_client_key_exchange(const HandshakeMessage& message) {
  std::optional<Bytes> point;
  std::string identity;
  const auto text = [](Bytes bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  switch (suite_->key_exchange) {
    case KeyExchange::kPsk:
      if (const auto named = wire::parse_client_key_exchange_psk(message.body)) {
        identity = text(*named);
        point = Bytes();
      }
      break;
    case KeyExchange::kEcdhePsk:
      if (const auto both = wire::parse_client_key_exchange_ecdhe_psk(message.body)) {
        identity = text(both->identity);
        point = both->point;
      }
      break;
    default:
      point = wire::parse_client_key_exchange_ecdhe(message.body);
  }
  if (!point) {
    return broken(AlertDescription::kDecodeError, "its ClientKeyExchange is malformed");
  }
  client_point_.assign(point->begin(), point->end());
  transcript_.add(message.raw);
  if (!uses_psk(*suite_)) return agree({});
  return ask_for_psk(identity);
}

Step Server12::provide_psk(const PreSharedKey* key) {
  stop_waiting();
  if (key == nullptr) {  // RFC 4279 §2
    return Failure{AlertDescription::kUnknownPskIdentity,
                   {ErrorKind::kUntrusted,
                    EACCES,
                    "named a pre-shared key that is not known here: the identity " +
                        quote_identity(wanted_psk()),
                    {}}};
  }
  core().negotiated.with_psk = true;
  core().negotiated.psk_identity = key->identity;
  return agree(key->key.view());
}

Step Server12::agree(Bytes psk) {
  crypto::SharedSecret agreed;
  if (share_) {
    auto secret = share_->derive(client_point_);
    if (!secret) return Failure{AlertDescription::kIllegalParameter, std::move(secret).error()};
    agreed = std::move(*secret);
    share_.reset();
  }
  if (uses_psk(*suite_)) {
    const auto premaster = psk_premaster(agreed.view(), psk);
    master_ = master_secret(suite_->hash, premaster.view(), transcript_.digest());
  } else {
    master_ = master_secret(suite_->hash, agreed.view(), transcript_.digest());
  }
  derive_keys();
  state_ = peer_.shown() ? State::kCertificateVerify : State::kFinished;
  return {};
}

Step Server12::take_certificate_verify(const HandshakeMessage& message) {
  const auto verify = wire::parse_certificate_verify(message.body);
  if (!verify) return broken(AlertDescription::kDecodeError, "its CertificateVerify is malformed");
  if (auto failure = peer_.prove(core(), wire::kDtls12, verify->scheme, transcript_.messages(),
                                 verify->signature)) {
    return failure;
  }
  transcript_.add(message.raw);
  state_ = State::kFinished;
  return {};
}

void Server12::derive_keys() {
  core().negotiated.peer_record_limit = record_limit_;
  apply_record_limits(core(), epoch_ + 1);
  const Random client_random = hello_.random();
  auto keys = key_block(suite_->hash, suite_->aead, master_.view(), client_random, server_random_);
  write_.emplace(std::move(keys.server));
  channel().install_read(epoch_ + 1, std::move(keys.client));
  log_secret(core(), client_random, "CLIENT_RANDOM", master_);
}

Step Server12::take_finished(const HandshakeMessage& message) {
  client_verify_ = verify_data(suite_->hash, master_.view(), Sender::kClient, transcript_.digest());
  if (!crypto::equal_in_constant_time(client_verify_, message.body)) {
    return broken(AlertDescription::kDecryptError, "its Finished does not match the handshake");
  }
  transcript_.add(message.raw);
  if (resumed_) {
    channel().flight_answered();
  } else {
    channel().begin_flight();
    send_ticket();
    send_finished(Channel::Then::kLast);
  }
  conclude();
  return {};
}

// ---- the end ----

void Server12::send_ticket() {
  if (!issues_ticket_) return;
  SessionState state;
  state.version = wire::kDtls12;
  state.suite = suite_->id;
  state.secret = master_.copy();
  set_life(state, core(), settings().ticket_lifetime_s);
  if (resumed_) {  // RFC 5077 §5.6: no life beyond the first ticket's
    state.issued = resumed_->issued;
    state.lifetime_s = resumed_->lifetime_s;
  }
  state.server_name = core().negotiated.server_name;
  state.alpn = core().negotiated.alpn;
  state.peer_leaf = resumed_ ? resumed_->peer_leaf : peer_.leaf();
  state.peer_authorized = resumed_ ? resumed_->peer_authorized : peer_.authorized();
  state.binding = presented_.binding;
  const auto ticket = settings().ticket_keys->seal(state, core().now);
  wire::Writer writer(scratch());
  // RFC 5077 §3.3: an empty one takes back what ServerHello has announced.
  wire::write_new_session_ticket_12(writer, {state.lifetime_s, ticket ? Bytes(*ticket) : Bytes()});
  add(HandshakeType::kNewSessionTicket, Bytes(scratch()).first(writer.written()));
}

void Server12::send_finished(Channel::Then then) {
  channel().add_change_cipher_spec();
  channel().install_write(epoch_ + 1, std::move(*write_));
  server_verify_ = verify_data(suite_->hash, master_.view(), Sender::kServer, transcript_.digest());
  add(HandshakeType::kFinished, server_verify_);
  channel().end_flight(then, core().now);
}

void Server12::conclude() {
  Secrets12 secrets;
  secrets.suite = suite_;
  secrets.master = std::move(master_);
  secrets.client_random = hello_.random();
  secrets.server_random = server_random_;
  secrets.client_verify = client_verify_;
  secrets.server_verify = server_verify_;
  secrets.peer_leaf = leaf_hash(resumed_ ? resumed_->peer_leaf : peer_.leaf());
  core().secrets = std::move(secrets);
  finish();
}

}  // namespace dtls::handshake
