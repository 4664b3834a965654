#include "handshake/hello/offer.hpp"

#include <algorithm>
#include <chrono>

#include "crypto/random.hpp"
#include "handshake/authentication.hpp"
#include "handshake/handshake.hpp"
#include "handshake/tickets.hpp"
#include "wire/key_share.hpp"
#include "wire/parameter_lists.hpp"
#include "wire/pre_shared_key.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::handshake {
namespace {

using wire::ExtensionType;

constexpr std::size_t kSessionIdSize = 32;

// The first flight should fit one datagram, so that a server that keeps no state can answer it. A
// hybrid share is sent when it is asked for.
const crypto::Group* first_share(const Settings& settings) {
  for (const auto& group : settings.groups) {
    if (group != crypto::Group::kX25519MlKem768 && crypto::is_available(group)) return &group;
  }
  for (const auto& group : settings.groups) {
    if (crypto::is_available(group)) return &group;
  }
  return nullptr;
}

}  // namespace

Result<Offer> Offer::make(Core& core, const Renegotiation* renegotiation) {
  const Settings& settings = *core.settings;
  Offer offer;
  offer.newest_ = renegotiation == nullptr ? settings.max_version : wire::kDtls12;
  offer.oldest_ = settings.min_version;
  if (renegotiation != nullptr) {
    offer.renegotiation_info_.assign(renegotiation->client_verify.begin(),
                                     renegotiation->client_verify.end());
    offer.cookie_12 = renegotiation->cookie;
  }
  if (auto filled = crypto::fill_random(offer.random); !filled) return std::move(filled).error();
  for (const auto id : settings.suites) {
    const Suite* suite = find_suite(id);
    if (suite == nullptr || !offer.offers(suite->version)) continue;
    // Who has a PSK is not renegotiated with: nothing would tell that it is the same peer.
    if (uses_psk(*suite) && (!settings.offers_psk || renegotiation != nullptr)) continue;
    offer.suites_.push_back(id);
  }
  if (renegotiation == nullptr && settings.tickets) {
    offer.ticket = core.decisions->ticket();
    const bool fits = offer.ticket && offer.offers(offer.ticket->state.version) &&
                      offer.offers(offer.ticket->state.suite) &&
                      is_fresh(offer.ticket->state, core.now);
    if (!fits) offer.ticket.reset();
  }
  // RFC 5077 §3.4: the server repeats the session id when it takes the ticket.
  if (offer.ticket && offer.ticket->state.version == wire::kDtls12) {
    offer.session_id.resize(kSessionIdSize);
    if (auto filled = crypto::fill_random(offer.session_id); !filled) {
      return std::move(filled).error();
    }
  }
  if (offer.offers(wire::kDtls13)) {
    if (settings.offers_psk) {
      auto answer = core.decisions->psk({});
      if (auto* key = std::get_if<PreSharedKey>(&answer)) offer.psk = std::move(*key);
      offer.awaits_psk = std::holds_alternative<PskPending>(answer);
    }
    // Where a PSK does without a key agreement, a server that does not take it has to ask for the
    // share (RFC 8446 §4.2.8): small devices save the making of a key.
    const bool has_psk = offer.psk || offer.awaits_psk || psk_of(offer).has_value();
    if (const auto* group = first_share(settings);
        group != nullptr && (settings.psk_with_dhe || !has_psk)) {
      auto share = crypto::KeyShare::generate(*group);
      if (!share) return std::move(share).error();
      offer.share = std::move(*share);
    }
  }
  return offer;
}

bool Offer::offers(wire::CipherSuite suite) const {
  return std::ranges::find(suites_, suite) != suites_.end();
}

bool Offer::sent(ExtensionType type) const {
  return std::ranges::find(sent_, type) != sent_.end();
}

void Offer::note(ExtensionType type) {
  sent_.push_back(type);
}

std::optional<OfferedPsk> psk_of(const Offer& offer) {
  if (offer.ticket && offer.ticket->state.version == wire::kDtls13) {
    const Suite* suite = find_suite(offer.ticket->state.suite);
    return OfferedPsk{offer.ticket->state.secret.view(), PskOrigin::kResumption, suite->hash};
  }
  if (offer.psk) {
    return OfferedPsk{offer.psk->key.view(), PskOrigin::kExternal, crypto::HashAlgorithm::kSha256};
  }
  return std::nullopt;
}

Result<Bytes> Offer::compose(Core& core, const Transcript& transcript, std::uint16_t message_seq) {
  // The pre-shared key makes a handshake as short as the ticket does, and does not expire.
  if (psk && ticket && ticket->state.version == wire::kDtls13) ticket.reset();
  if (ticket && sent_.empty() && !has_room_for_ticket(core)) ticket.reset();
  return write(core, transcript, message_seq);
}

// A hello of several fragments is dropped by many servers that keep no state for strangers: a
// ticket that is too large for one datagram would keep us out for good.
bool Offer::has_room_for_ticket(Core& core) {
  Transcript none;
  const auto whole = write(core, none, 0);
  sent_.clear();
  // The cookie comes with the second hello.
  constexpr std::size_t kRoomForCookie = 255;
  const std::size_t beside = wire::kRecordHeaderSize + wire::kHandshakeHeaderSize + kRoomForCookie;
  constexpr std::uint16_t kUsual = ChannelSettings{}.mtu;  // to smaller ones nobody could hold us
  return whole && whole->size() + beside <= std::max(kUsual, core.settings->channel.mtu);
}

Result<Bytes> Offer::write(Core& core, const Transcript& transcript, std::uint16_t message_seq) {
  sent_.clear();
  wire::Writer writer(scratch());
  const auto extensions = wire::begin_client_hello(
      writer,
      {.random = random, .session_id = session_id, .cookie = cookie_12, .cipher_suites = suites_});
  write_extensions(core, writer);
  const auto offered = offers(wire::kDtls13) ? psk_of(*this) : std::nullopt;
  if (offered) write_pre_shared_key(core, writer);
  writer.end_optional_vector(extensions);
  if (!writer.ok()) {
    return Error{
        ErrorKind::kMisuse, EMSGSIZE, "the ClientHello that the options ask for is too large", {}};
  }
  const auto body = scratch().first(writer.written());
  if (offered) fill_binder(*offered, transcript, body, message_seq);
  return Bytes(body);
}

// The binder covers the message up to the binders, with the header that it will have.
void Offer::fill_binder(const OfferedPsk& offered, const Transcript& transcript,
                        std::span<std::byte> body, std::uint16_t message_seq) const {
  const std::size_t binders = wire::binders_size(1, crypto::digest_size(offered.hash));
  Buffer truncated(wire::kHandshakeHeaderSize + body.size() - binders);
  wire::Writer writer(truncated);
  const auto length = static_cast<std::uint32_t>(body.size());
  wire::write_handshake_header(writer,
                               {wire::HandshakeType::kClientHello, length, message_seq, 0, length});
  writer.bytes(body.first(body.size() - binders));
  Transcript fresh;
  if (!transcript.is_chosen()) fresh.choose(wire::kDtls13, offered.hash, false);
  const auto digest = (transcript.is_chosen() ? transcript : fresh).digest_with(truncated);
  const auto binder = KeySchedule13(offered.hash, offered.key).binder(offered.origin, digest);
  wire::fill_binder(body, 0, 1, binder.view());
}

void Offer::write_extensions(Core& core, wire::Writer& writer) {
  const Settings& settings = *core.settings;
  const bool with_12 = offers(wire::kDtls12);
  const bool with_13 = offers(wire::kDtls13);

  // In front, so that the first fragment of a hello that has several proves our address: a server
  // that keeps no state need not wait for the others.
  if (!cookie_13.empty()) {
    note(ExtensionType::kCookie);
    wire::write_cookie(writer, cookie_13);
  }
  if (const auto name = core.decisions->server_name(); !name.empty()) {
    note(ExtensionType::kServerName);
    wire::write_server_name(writer, name);
  }
  if (with_12) {
    note(ExtensionType::kExtendedMasterSecret);
    wire::write_extension(writer, ExtensionType::kExtendedMasterSecret);
    note(ExtensionType::kRenegotiationInfo);
    wire::write_renegotiation_info(writer, renegotiation_info_);
    note(ExtensionType::kEcPointFormats);
    wire::write_ec_point_formats(writer);
    if (settings.tickets && renegotiation_info_.empty()) {
      note(ExtensionType::kSessionTicket);
      const bool has_one = ticket && ticket->state.version == wire::kDtls12;
      wire::write_extension(writer, ExtensionType::kSessionTicket,
                            has_one ? Bytes(ticket->ticket) : Bytes());
    }
  }
  std::vector<wire::NamedGroup> groups;
  for (const auto group : settings.groups) {
    if (is_usable(group, with_13 ? wire::kDtls13 : wire::kDtls12)) {
      groups.push_back(static_cast<wire::NamedGroup>(group));
    }
  }
  note(ExtensionType::kSupportedGroups);
  wire::write_supported_groups(writer, groups);
  note(ExtensionType::kSignatureAlgorithms);
  write_schemes(writer, settings.schemes, with_12 ? wire::kDtls12 : wire::kDtls13);
  if (!settings.alpn.empty() && renegotiation_info_.empty()) {
    note(ExtensionType::kAlpn);
    wire::write_alpn(writer, settings.alpn);
  }
  if (!settings.srtp_profiles.empty()) {
    note(ExtensionType::kUseSrtp);
    std::vector<wire::SrtpProfile> profiles;
    for (const auto profile : settings.srtp_profiles)
      profiles.push_back(static_cast<wire::SrtpProfile>(profile));
    wire::write_use_srtp(writer, profiles);
  }
  if (settings.record_size_limit != 0) {
    note(ExtensionType::kRecordSizeLimit);
    wire::write_record_size_limit(writer, settings.record_size_limit);
  }
  if (!with_13) return;
  note(ExtensionType::kSupportedVersions);
  std::vector<wire::Version> versions{wire::kDtls13};
  if (with_12) versions.push_back(wire::kDtls12);
  wire::write_supported_versions(writer, versions);
  // Without it the server sends no tickets (RFC 8446 §4.2.9).
  if (settings.tickets || settings.offers_psk) {
    note(ExtensionType::kPskKeyExchangeModes);
    std::vector<wire::PskKeyExchangeMode> modes;
    if (settings.psk_with_dhe) modes.push_back(wire::PskKeyExchangeMode::kPskWithDhe);
    if (settings.psk_only) modes.push_back(wire::PskKeyExchangeMode::kPsk);
    wire::write_psk_key_exchange_modes(writer, modes);
  }
  note(ExtensionType::kKeyShare);
  std::vector<wire::KeyShare> shares;
  if (share) shares.push_back({static_cast<wire::NamedGroup>(share->group()), share->public_key()});
  wire::write_key_shares(writer, shares);
}

// The binder is filled in when the rest is written: it covers all that stands before it.
void Offer::write_pre_shared_key(Core& core, wire::Writer& writer) {
  note(ExtensionType::kPreSharedKey);
  wire::PskIdentity identity;
  if (ticket && ticket->state.version == wire::kDtls13) {
    const auto age = std::chrono::duration_cast<Duration>(core.now - ticket->state.issued).count();
    identity = {ticket->ticket, static_cast<std::uint32_t>(age) + ticket->state.age_add};
  } else {
    identity = {std::as_bytes(std::span(psk->identity)), 0};
  }
  wire::write_offered_psks(writer, std::span(&identity, 1),
                           crypto::digest_size(psk_of(*this)->hash));
}

Step take_answers(Core& core, const wire::ExtensionList& list) {
  using wire::AlertDescription;
  const Settings& settings = *core.settings;
  Negotiated& agreed = core.negotiated;
  if (const auto content = list.find(ExtensionType::kServerName); content && !content->empty()) {
    return broken(AlertDescription::kDecodeError, "its server_name is not empty");
  }
  if (const auto content = list.find(ExtensionType::kAlpn)) {
    const auto name = wire::parse_alpn_selection(*content);
    if (!name) return broken(AlertDescription::kDecodeError, "its protocol is malformed");
    if (std::ranges::find(settings.alpn, *name) == settings.alpn.end()) {
      return broken(AlertDescription::kIllegalParameter, "it chose a protocol it was not offered");
    }
    agreed.alpn = *name;
  }
  if (const auto content = list.find(ExtensionType::kUseSrtp)) {
    const auto chosen = wire::parse_use_srtp(*content);
    if (!chosen) return broken(AlertDescription::kDecodeError, "its use_srtp is malformed");
    const auto profile = static_cast<std::uint16_t>(*chosen->profiles.begin());
    const bool is_one = ++chosen->profiles.begin() == chosen->profiles.end();
    const bool offered =
        std::ranges::find(settings.srtp_profiles, profile) != settings.srtp_profiles.end();
    if (!is_one || !offered || !chosen->mki.empty()) {  // RFC 5764 §4.1.1, §4.1.3
      return broken(AlertDescription::kIllegalParameter, "it chose SRTP that it was not offered");
    }
    agreed.srtp_profile = profile;
  }
  agreed.peer_record_limit = 0;
  if (const auto content = list.find(ExtensionType::kRecordSizeLimit)) {
    const auto limit = wire::parse_record_size_limit(*content);
    if (!limit) return broken(AlertDescription::kDecodeError, "its record_size_limit is malformed");
    agreed.peer_record_limit = plaintext_limit(*limit, agreed.version);
    if (agreed.peer_record_limit == 0) {
      return broken(AlertDescription::kIllegalParameter, "its record_size_limit is below 64");
    }
  }
  return {};
}

}  // namespace dtls::handshake
