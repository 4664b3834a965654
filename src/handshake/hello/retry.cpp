#include "handshake/hello/retry.hpp"

#include <algorithm>
#include <array>

#include "handshake/suites.hpp"
#include "handshake/tickets.hpp"
#include "wire/key_share.hpp"
#include "wire/parameter_lists.hpp"
#include "wire/pre_shared_key.hpp"
#include "wire/server_hello.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::handshake {
namespace {

using wire::ExtensionType;

bool offers_13(const wire::ClientHello& hello) {
  const auto content = hello.extension_list().find(ExtensionType::kSupportedVersions);
  const auto versions = content ? wire::parse_supported_versions(*content) : std::nullopt;
  return versions && versions->contains(wire::kDtls13);
}

const Suite* first_suite(const Settings& settings, const wire::ClientHello& hello) {
  for (const auto id : settings.suites) {
    const Suite* suite = find_suite(id);
    if (suite != nullptr && suite->version == wire::kDtls13 && hello.suites().contains(id)) {
      return suite;
    }
  }
  return nullptr;
}

// The group to ask for: our first one that the client knows, unless its key is there already.
std::uint16_t missing_group(const Settings& settings, const wire::ClientHello& hello) {
  const auto known = hello.extension_list().find(ExtensionType::kSupportedGroups);
  const auto groups = known ? wire::parse_supported_groups(*known) : std::nullopt;
  const auto sent = hello.extension_list().find(ExtensionType::kKeyShare);
  const auto shares = sent ? wire::parse_key_shares(*sent) : std::nullopt;
  if (!groups || !shares) return 0;
  for (const auto group : settings.groups) {
    const auto named = static_cast<wire::NamedGroup>(group);
    if (!crypto::is_available(group) || !groups->contains(named)) continue;
    const bool is_there =
        std::ranges::any_of(*shares, [&](const auto& share) { return share.group == named; });
    return is_there ? std::uint16_t{0} : static_cast<std::uint16_t>(group);
  }
  return 0;
}

// Whether the keys can follow from the client's PSK alone, so that it need not send a key share:
// the client wants that, and the server has the PSK by all that can be known without a memory of
// the client. An external one is looked up later; a client that has another then is refused.
bool does_without_share(const Settings& settings, const Suite& suite,
                        const wire::ClientHello& hello, TimePoint now) {
  const auto extensions = hello.extension_list();
  const auto wanted = extensions.find(ExtensionType::kPskKeyExchangeModes);
  const auto modes = wanted ? wire::parse_psk_key_exchange_modes(*wanted) : std::nullopt;
  const auto content = extensions.find(ExtensionType::kPreSharedKey);
  const auto offer = content ? wire::parse_offered_psks(*content) : std::nullopt;
  if (!settings.psk_only || !modes || !modes->contains(wire::PskKeyExchangeMode::kPsk) || !offer ||
      (settings.psk_with_dhe && modes->contains(wire::PskKeyExchangeMode::kPskWithDhe))) {
    return false;
  }
  const Bytes first = (*offer->identities.begin()).identity;
  if (!TicketKeys::looks_like_one(first)) {
    return settings.offers_psk && suite.hash == crypto::HashAlgorithm::kSha256;
  }
  if (!settings.tickets || settings.ticket_keys == nullptr) return false;
  const auto session = settings.ticket_keys->open(first, now);
  const Suite* theirs = session ? find_suite(session->suite) : nullptr;
  return theirs != nullptr && theirs->version == wire::kDtls13 && theirs->hash == suite.hash;
}

// As the transcript has it (RFC 9147 §5.2): type and length, then the body.
crypto::Digest hash_hello(crypto::HashAlgorithm hash, Bytes body) {
  std::array<std::byte, 4> header{};
  wire::Writer writer(header);
  writer.u8(static_cast<std::uint8_t>(wire::HandshakeType::kClientHello));
  writer.u24(static_cast<std::uint32_t>(body.size()));
  return crypto::hash(hash, {header, body});
}

}  // namespace

bool may_speak_13(const Settings& settings, const wire::ClientHello& hello) {
  return settings.max_version == wire::kDtls13 && first_suite(settings, hello) != nullptr;
}

std::optional<RetryTerms> choose_retry_terms(const Settings& settings,
                                             const wire::ClientHello& hello, Bytes body,
                                             TimePoint now) {
  if (settings.max_version != wire::kDtls13 || !offers_13(hello)) return std::nullopt;
  const Suite* suite = first_suite(settings, hello);
  if (suite == nullptr) return std::nullopt;
  const std::uint16_t group = does_without_share(settings, *suite, hello, now)
                                  ? std::uint16_t{0}
                                  : missing_group(settings, hello);
  return RetryTerms{suite->id, group, hash_hello(suite->hash, body)};
}

std::size_t write_retry_terms(std::span<std::byte> out, const RetryTerms& terms) {
  wire::Writer writer(out);
  writer.u16(static_cast<std::uint16_t>(terms.suite));
  writer.u16(terms.group);
  writer.bytes(terms.hello_hash.view());
  return writer.written();
}

std::optional<RetryTerms> read_retry_terms(Bytes cookie, std::size_t after) {
  wire::Reader reader(cookie);
  RetryTerms terms;
  terms.suite = static_cast<wire::CipherSuite>(reader.u16());
  terms.group = reader.u16();
  const Suite* suite = find_suite(terms.suite);
  if (suite == nullptr || suite->version != wire::kDtls13) return std::nullopt;
  terms.hello_hash = crypto::Digest(crypto::digest_size(suite->hash));
  const auto hash = reader.take(terms.hello_hash.size());
  if (!reader.ok() || reader.remaining() != after) return std::nullopt;
  std::ranges::copy(hash, terms.hello_hash.writable().begin());
  return terms;
}

std::size_t write_hello_retry_request(std::span<std::byte> out, std::uint16_t message_seq,
                                      const RetryTerms& terms, Bytes cookie) {
  if (out.size() < wire::kHandshakeHeaderSize) return 0;
  wire::Writer writer(out.subspan(wire::kHandshakeHeaderSize));
  const auto extensions = wire::begin_server_hello(
      writer, {.random = std::as_bytes(std::span(wire::kHelloRetryRequestRandom)),
               .session_id = {},  // RFC 9147 §5: not repeated
               .cipher_suite = terms.suite,
               .extensions = {}});
  wire::write_selected_version(writer, wire::kDtls13);
  if (terms.group != 0) {
    wire::write_requested_group(writer, static_cast<wire::NamedGroup>(terms.group));
  }
  if (!cookie.empty()) wire::write_cookie(writer, cookie);
  writer.end_vector(extensions);
  if (!writer.ok()) return 0;
  const auto length = static_cast<std::uint32_t>(writer.written());
  wire::Writer head(out.first(wire::kHandshakeHeaderSize));
  wire::write_handshake_header(head,
                               {wire::HandshakeType::kServerHello, length, message_seq, 0, length});
  return wire::kHandshakeHeaderSize + length;
}

}  // namespace dtls::handshake
