#include "handshake/hello/received_hello.hpp"

#include <algorithm>

#include "wire/parameter_lists.hpp"
#include "wire/small_extensions.hpp"

namespace dtls::handshake {

using wire::AlertDescription;
using wire::ExtensionType;

namespace {

// It is a name of DNS (RFC 6066 §3), which has 255 bytes at most (RFC 1035 §2.3.4).
constexpr std::size_t kMaxServerName = 255;

}  // namespace

Step ReceivedHello::read(const HandshakeMessage& message, ReceivedHello& out) {
  out.raw_.assign(message.raw.begin(), message.raw.end());
  const auto hello = wire::parse_client_hello(Bytes(out.raw_).subspan(wire::kHandshakeHeaderSize));
  if (!hello) return broken(AlertDescription::kDecodeError, "its ClientHello is malformed");
  out.hello_ = *hello;
  return out.check();
}

Step ReceivedHello::check() {
  if (hello_.extension_list().has_duplicate()) {
    return broken(AlertDescription::kIllegalParameter, "its ClientHello has an extension twice");
  }
  // RFC 5246 §7.4.1.2: the null compression must be offered.
  if (std::ranges::find(hello_.compression_methods, std::byte{0}) ==
      hello_.compression_methods.end()) {
    return broken(AlertDescription::kIllegalParameter, "it does not offer the null compression");
  }
  if (const auto content = find(ExtensionType::kServerName)) {
    const auto name = wire::parse_server_name(*content);
    if (!name) return broken(AlertDescription::kDecodeError, "its server_name is malformed");
    if (name->size() > kMaxServerName) {
      return broken(AlertDescription::kUnrecognizedName, "its server_name is longer than any name");
    }
    server_name_ = *name;
    if (server_name_.find('\0') != std::string::npos) {
      return broken(AlertDescription::kUnrecognizedName, "its server_name has a zero byte");
    }
  }
  if (const auto content = find(ExtensionType::kSupportedGroups)) {
    if (!wire::parse_supported_groups(*content)) {
      return broken(AlertDescription::kDecodeError, "its supported_groups are malformed");
    }
  }
  if (const auto content = find(ExtensionType::kSignatureAlgorithms)) {
    if (!wire::parse_signature_algorithms(*content)) {
      return broken(AlertDescription::kDecodeError, "its signature_algorithms are malformed");
    }
  }
  if (const auto content = find(ExtensionType::kSupportedVersions)) {
    if (!wire::parse_supported_versions(*content)) {
      return broken(AlertDescription::kDecodeError, "its supported_versions are malformed");
    }
  }
  return {};
}

std::optional<Bytes> ReceivedHello::find(ExtensionType type) const {
  return hello_.extension_list().find(type);
}

bool ReceivedHello::offers(wire::CipherSuite suite) const {
  return hello_.suites().contains(suite);
}

bool ReceivedHello::offers(crypto::Group group) const {
  const auto content = find(ExtensionType::kSupportedGroups);
  const auto groups = content ? wire::parse_supported_groups(*content) : std::nullopt;
  return groups && groups->contains(static_cast<wire::NamedGroup>(group));
}

bool ReceivedHello::offers(wire::SrtpProfile profile) const {
  const auto content = find(ExtensionType::kUseSrtp);
  const auto offer = content ? wire::parse_use_srtp(*content) : std::nullopt;
  return offer && offer->profiles.contains(profile);
}

bool ReceivedHello::offers_protocol(std::string_view name) const {
  const auto content = find(ExtensionType::kAlpn);
  const auto names = content ? wire::parse_alpn(*content) : std::nullopt;
  return names && std::find(names->begin(), names->end(), name) != names->end();
}

bool ReceivedHello::offers_version(wire::Version version) const {
  if (const auto content = find(ExtensionType::kSupportedVersions)) {
    const auto versions = wire::parse_supported_versions(*content);
    return versions && versions->contains(version);
  }
  return version == wire::kDtls12 && wire::at_least_dtls12(hello_.legacy_version);
}

Random ReceivedHello::random() const {
  Random random{};
  std::ranges::copy(hello_.random, random.begin());
  return random;
}

Step choose_alpn(const Settings& settings, const ReceivedHello& hello, std::string& chosen) {
  const auto content = hello.find(ExtensionType::kAlpn);
  if (!content) return {};
  if (!wire::parse_alpn(*content)) {
    return broken(AlertDescription::kDecodeError, "its list of protocols is malformed");
  }
  if (settings.alpn.empty()) return {};
  for (const auto& ours : settings.alpn) {
    if (!hello.offers_protocol(ours)) continue;
    chosen = ours;
    return {};
  }
  return incompatible(AlertDescription::kNoApplicationProtocol,
                      "offered no application protocol that is spoken here (ALPN)");
}

Step choose_srtp_profile(const Settings& settings, const ReceivedHello& hello,
                         std::uint16_t& chosen) {
  const auto content = hello.find(ExtensionType::kUseSrtp);
  if (!content) return {};
  if (!wire::parse_use_srtp(*content)) {
    return broken(AlertDescription::kDecodeError, "its use_srtp is malformed");
  }
  for (const auto ours : settings.srtp_profiles) {
    if (!hello.offers(static_cast<wire::SrtpProfile>(ours))) continue;
    chosen = ours;
    return {};
  }
  return {};
}

Step read_record_limit(const Settings& settings, const ReceivedHello& hello, wire::Version version,
                       std::uint16_t& limit) {
  const auto content = hello.find(ExtensionType::kRecordSizeLimit);
  if (!content || settings.record_size_limit == 0) return {};
  const auto theirs = wire::parse_record_size_limit(*content);
  if (!theirs) return broken(AlertDescription::kDecodeError, "its record_size_limit is malformed");
  limit = plaintext_limit(*theirs, version);
  if (limit == 0) {
    return broken(AlertDescription::kIllegalParameter, "its record_size_limit is below 64");
  }
  return {};
}

std::optional<crypto::Group> choose_group(const Settings& settings, const ReceivedHello& hello,
                                          wire::Version version) {
  const bool takes_any =
      version == wire::kDtls12 && !hello.find(ExtensionType::kSupportedGroups).has_value();
  for (const auto group : settings.groups) {
    if (is_usable(group, version) && (takes_any || hello.offers(group))) return group;
  }
  return std::nullopt;
}

}  // namespace dtls::handshake
