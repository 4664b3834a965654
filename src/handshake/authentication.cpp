#include "handshake/authentication.hpp"

#include <algorithm>
#include <string_view>

#include "wire/parameter_lists.hpp"
#include "wire/reader.hpp"

namespace dtls::handshake {
namespace {

bool offers(Bytes list, crypto::SignatureScheme wanted) {
  wire::Reader reader(list);
  while (!reader.empty()) {
    if (reader.u16() == static_cast<std::uint16_t>(wanted) && reader.ok()) return true;
  }
  return false;
}

bool has(const std::vector<crypto::SignatureScheme>& list, crypto::SignatureScheme wanted) {
  return std::ranges::find(list, wanted) != list.end();
}

}  // namespace

std::optional<crypto::SignatureScheme> choose_scheme(const Settings& settings, const Identity& own,
                                                     wire::Version version, Bytes offered) {
  std::array<crypto::SignatureScheme, crypto::kMaxSchemesOfKey> known{};
  const std::size_t count = crypto::schemes_of(own.key.get(), version == wire::kDtls13, known);
  const auto ours = std::span(known).first(count);
  if (settings.sign_schemes.empty()) {
    for (const auto scheme : ours) {
      if (offers(offered, scheme)) return scheme;
    }
    return std::nullopt;
  }
  for (const auto scheme : settings.sign_schemes) {
    if (std::ranges::find(ours, scheme) != ours.end() && offers(offered, scheme)) return scheme;
  }
  return std::nullopt;
}

SignedContent::SignedContent(Sender signer, const crypto::Digest& transcript) {
  const std::string_view context = signer == Sender::kServer ? "TLS 1.3, server CertificateVerify"
                                                             : "TLS 1.3, client CertificateVerify";
  static_assert(std::string_view("TLS 1.3, server CertificateVerify").size() == kContext);
  auto out = std::ranges::fill_n(bytes_.begin(), kPadding, std::byte{0x20});
  out = std::ranges::copy(std::as_bytes(std::span(context)), out).out;
  *out++ = std::byte{0};
  out = std::ranges::copy(transcript.view(), out).out;
  size_ = static_cast<std::size_t>(out - bytes_.begin());
}

bool signs_with_rsa(wire::SignatureScheme scheme) {
  switch (scheme) {
    case wire::SignatureScheme::kRsaPkcs1Sha256:
    case wire::SignatureScheme::kRsaPkcs1Sha384:
    case wire::SignatureScheme::kRsaPkcs1Sha512:
    case wire::SignatureScheme::kRsaPssRsaeSha256:
    case wire::SignatureScheme::kRsaPssRsaeSha384:
    case wire::SignatureScheme::kRsaPssRsaeSha512:
    case wire::SignatureScheme::kRsaPssPssSha256:
    case wire::SignatureScheme::kRsaPssPssSha384:
    case wire::SignatureScheme::kRsaPssPssSha512:
      return true;
    default:
      return false;
  }
}

void write_schemes(wire::Writer& writer, std::span<const crypto::SignatureScheme> schemes,
                   wire::Version version) {
  std::vector<wire::SignatureScheme> list;
  for (const auto scheme : schemes) {
    const bool is_pkcs1 = scheme == crypto::SignatureScheme::kRsaPkcs1Sha256 ||
                          scheme == crypto::SignatureScheme::kRsaPkcs1Sha384 ||
                          scheme == crypto::SignatureScheme::kRsaPkcs1Sha512;
    if (version == wire::kDtls13 && is_pkcs1) continue;
    list.push_back(static_cast<wire::SignatureScheme>(scheme));
  }
  wire::write_signature_algorithms(writer, wire::ExtensionType::kSignatureAlgorithms, list);
}

Step PeerCredentials::take(Core& core, std::span<const Bytes> chain) {
  auto verdict = core.decisions->verify(chain);
  if (!verdict.goes_on) {
    return Failure{verdict.alert, {ErrorKind::kUntrusted, EACCES, verdict.reason, {}}};
  }
  if (chain.empty()) return {};
  if (verdict.key == nullptr) {
    return Failure{wire::AlertDescription::kBadCertificate,
                   {ErrorKind::kMalformed,
                    EPROTO,
                    "sent a certificate that cannot be used: it is malformed, its key is of an "
                    "unknown kind, or its keyUsage does not allow digitalSignature",
                    {}}};
  }
  key_ = std::move(verdict.key);
  leaf_.assign(chain.front().begin(), chain.front().end());
  authorized_ = verdict.authorized;
  if (verdict.valid_for) core.resumable_until = core.now + *verdict.valid_for;
  return {};
}

std::optional<crypto::Digest> leaf_hash(const Buffer& leaf) {
  if (leaf.empty()) return std::nullopt;
  return crypto::hash(crypto::HashAlgorithm::kSha256, {leaf});
}

Step PeerCredentials::same_as_before(const std::optional<Renegotiation>& renegotiation) const {
  if (!renegotiation) return {};
  const auto now = leaf_hash(leaf_);
  const auto& before = renegotiation->peer_leaf;
  const bool same = now.has_value() == before.has_value() &&
                    (!now || std::ranges::equal(now->view(), before->view()));
  if (same) return {};
  return Failure{wire::AlertDescription::kAccessDenied,
                 {ErrorKind::kUntrusted,
                  EACCES,
                  "showed another certificate in a renegotiation than before",
                  {}}};
}

Step PeerCredentials::prove(Core& core, wire::Version version, wire::SignatureScheme scheme,
                            Bytes content, Bytes signature) const {
  const auto wanted = static_cast<crypto::SignatureScheme>(scheme);
  // RFC 5246 §7.4.3, §7.4.8, RFC 8446 §4.4.3
  if (!has(core.settings->schemes, wanted)) {
    return broken(wire::AlertDescription::kIllegalParameter,
                  "it signed with a scheme that it was not offered");
  }
  if (!crypto::fits(key_.get(), wanted, version == wire::kDtls13)) {
    return broken(wire::AlertDescription::kIllegalParameter,
                  "it signed with a scheme that does not fit its certificate's key");
  }
  if (!crypto::verify(key_.get(), wanted, content, signature)) {
    return broken(wire::AlertDescription::kDecryptError,
                  "its signature does not match its certificate");
  }
  core.negotiated.peer_scheme = scheme;
  return {};
}

}  // namespace dtls::handshake
