#include "bogo/engine_settings.hpp"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "credentials/pem.hpp"
#include "crypto/key_share.hpp"
#include "handshake/suites.hpp"

namespace dtls::bogo {
namespace {

const Credential& credential_of(const Options& options) {
  return options.credentials.empty() ? options.own : options.credentials.front();
}

// Signature schemes that BoringSSL verifies unless told otherwise: without Ed25519 and P-521.
constexpr crypto::SignatureScheme kDefaultSchemes[] = {
    crypto::SignatureScheme::kEcdsaSecp256r1Sha256, crypto::SignatureScheme::kRsaPssRsaeSha256,
    crypto::SignatureScheme::kRsaPkcs1Sha256,       crypto::SignatureScheme::kEcdsaSecp384r1Sha384,
    crypto::SignatureScheme::kRsaPssRsaeSha384,     crypto::SignatureScheme::kRsaPkcs1Sha384,
    crypto::SignatureScheme::kRsaPssRsaeSha512,     crypto::SignatureScheme::kRsaPkcs1Sha512,
};

constexpr crypto::Group kHybrid = crypto::Group::kX25519MlKem768;
// Without a word about groups the runner takes it that a client has a key ready of the one that its
// server prefers. Ours would keep the hybrid one until it is asked for.
constexpr crypto::Group kDefaultGroups[] = {crypto::Group::kX25519, crypto::Group::kP256,
                                            crypto::Group::kP384};

std::string read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// split_alpn reads names that each follow a byte with their length.
std::vector<std::string> split_alpn(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const std::size_t size = static_cast<unsigned char>(list.front());
    names.emplace_back(list.substr(1, size));
    list.remove_prefix(std::min(list.size(), 1 + size));
  }
  return names;
}

std::vector<std::string> protocols(const Options& options) {
  if (!options.server) {
    return split_alpn(options.advertise_alpn);
  }
  if (options.reject_alpn) {
    return {"nothing that any test offers"};
  }
  if (options.select_alpn.empty() || options.decline_alpn) {
    return {};
  }
  return {options.select_alpn};
}

std::optional<std::vector<std::uint16_t>> srtp_profiles(std::string_view names) {
  std::vector<std::uint16_t> profiles;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(':'));
    if (name == "SRTP_AES128_CM_SHA1_80") {
      profiles.push_back(static_cast<std::uint16_t>(wire::SrtpProfile::kAes128CmHmacSha1Tag80));
    } else if (name == "SRTP_AES128_CM_SHA1_32") {
      profiles.push_back(static_cast<std::uint16_t>(wire::SrtpProfile::kAes128CmHmacSha1Tag32));
    } else {
      return std::nullopt;
    }
    names.remove_prefix(std::min(names.size(), name.size() + 1));
  }
  return profiles;
}

std::vector<crypto::SignatureScheme> schemes(std::span<const std::uint16_t> numbers) {
  std::vector<crypto::SignatureScheme> result;
  for (const auto number : numbers) {
    result.push_back(static_cast<crypto::SignatureScheme>(number));
  }
  return result;
}

std::optional<Unsupported> set_versions(const Options& options, handshake::Settings& settings) {
  if (options.no_tls12) {
    settings.min_version = wire::kDtls13;
  }
  // A PSK of BoringSSL's -psk is for DTLS 1.2 alone.
  if (options.no_tls13 || !options.psk.empty()) {
    settings.max_version = wire::kDtls12;
  }
  if (options.min_version != 0) {
    settings.min_version = std::min(settings.min_version, options.min_version);
  }
  if (options.max_version != 0) {
    settings.max_version = std::max(settings.max_version, options.max_version);
  }
  if (settings.min_version < settings.max_version) {
    return Unsupported{"-max-version", "no version is left"};
  }
  return std::nullopt;
}

std::optional<Unsupported> set_lists(const Options& options, handshake::Settings& settings) {
  const auto suites = handshake::default_suites();
  settings.suites.assign(suites.begin(), suites.end());
  if (!options.psk.empty()) {
    const auto with_psk = handshake::psk_suites();
    settings.suites.insert(settings.suites.end(), with_psk.begin(), with_psk.end());
  }
  for (const auto number : options.curves) {
    const auto group = static_cast<crypto::Group>(number);
    const bool is_known =
        group == kHybrid || std::ranges::find(kDefaultGroups, group) != std::end(kDefaultGroups);
    if (!is_known || !crypto::is_available(group)) {
      return Unsupported{"-curves", "group " + std::to_string(number)};
    }
    settings.groups.push_back(group);
  }
  if (options.curves.empty()) {
    settings.groups.assign(std::begin(kDefaultGroups), std::end(kDefaultGroups));
  }
  settings.schemes = schemes(options.verify_prefs);
  if (options.verify_prefs.empty()) {
    settings.schemes.assign(std::begin(kDefaultSchemes), std::end(kDefaultSchemes));
  }
  settings.sign_schemes = schemes(credential_of(options).signing_prefs);
  settings.alpn = protocols(options);
  auto profiles = srtp_profiles(options.srtp_profiles);
  if (!profiles) {
    return Unsupported{"-srtp-profiles", options.srtp_profiles};
  }
  settings.srtp_profiles = *std::move(profiles);
  return std::nullopt;
}

void set_channel(const Options& options, handshake::ChannelSettings& channel) {
  channel.first_timeout = Duration(options.first_timeout_ms);
  channel.packs_fragments = true;                    // which the runner demands
  channel.strict_plaintext = true;                   // likewise
  channel.single_acks = true;                        // likewise
  channel.shortest_timeout = channel.first_timeout;  // the runner counts on that, too
  // The runner counts on datagrams as large as it has said, however many were lost.
  channel.smallest_datagram = UINT16_MAX;
  if (options.mtu != 0) {
    channel.mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(options.mtu, UINT16_MAX));
  }
  if (options.max_cert_list != 0) {
    channel.max_message = options.max_cert_list;
  }
}

}  // namespace

std::variant<handshake::Settings, Unsupported> settings_of(const Options& options) {
  const std::size_t choices = options.credentials.size() + (options.own.cert_file.empty() ? 0 : 1);
  if (choices > 1 || credential_of(options).must_match_issuer) {
    return Unsupported{"-new-x509-credential", "a choice among several"};
  }
  handshake::Settings settings;
  settings.is_server = options.server;
  settings.tickets = !options.no_ticket;
  settings.offers_psk = !options.psk.empty();
  set_channel(options, settings.channel);
  for (auto* const set : {set_versions, set_lists}) {
    if (auto unsupported = set(options, settings)) {
      return *std::move(unsupported);
    }
  }
  return settings;
}

Result<std::shared_ptr<const handshake::Identity>> load_identity(const Options& options) {
  const Credential& credential = credential_of(options);
  if (credential.cert_file.empty() || credential.key_file.empty()) {
    return std::shared_ptr<const handshake::Identity>();
  }
  auto chain = credentials::parse_certificates(read_file(credential.cert_file), "-cert-file");
  if (!chain) {
    return chain.error();
  }
  auto key = credentials::parse_key(read_file(credential.key_file), "", "-key-file");
  if (!key) {
    return key.error();
  }
  auto identity = std::make_shared<handshake::Identity>();
  for (const auto& certificate : *chain) {
    handshake::Buffer der(
        static_cast<std::size_t>(std::max(i2d_X509(certificate.get(), nullptr), 0)));
    auto* at = reinterpret_cast<unsigned char*>(der.data());
    i2d_X509(certificate.get(), &at);
    identity->chain.push_back(std::move(der));
  }
  identity->key = {key->release(), EVP_PKEY_free};
  return std::shared_ptr<const handshake::Identity>(std::move(identity));
}

}  // namespace dtls::bogo
