#include "association/protocol_options.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>

#include "handshake/flight/channel.hpp"
#include "handshake/suites.hpp"
#include "wire/record_header.hpp"

namespace dtls::association {
namespace {

// A ClientHello should fit one datagram, or no server can answer it without memory.
constexpr std::size_t kMaxAlpnList = 512;
constexpr std::size_t kMaxAlpnName = 255;             // RFC 7301 §3.1
constexpr std::uint16_t kLeastRecordLimit = 64;       // RFC 8449 §4
constexpr std::uint16_t kLargestUdpPayload = 65'507;  // of IPv4

Error refuse(std::string what) {
  return {ErrorKind::kMisuse, EINVAL, "option " + std::move(what), {}};
}

Result<void> check_versions(const Versions& versions, ProtocolVersion max) {
  if (max >= versions.min) return {};
  return refuse("`versions`: the minimum is DTLS 1.3, the maximum DTLS 1.2");
}

Result<void> check_alpn(const std::vector<std::string>& names) {
  std::size_t size = 0;
  for (const auto& name : names) {
    if (name.empty() || name.size() > kMaxAlpnName) {
      return refuse("`alpn`: a protocol's name must have 1 to 255 bytes, but one has " +
                    std::to_string(name.size()));
    }
    size += 1 + name.size();
  }
  if (size <= kMaxAlpnList) return {};
  return refuse("`alpn`: the names, and a byte for each, must have at most " +
                std::to_string(kMaxAlpnList) + " bytes, but have " + std::to_string(size));
}

Result<void> check_srtp(const std::vector<SrtpProfile>& profiles) {
  for (const auto profile : profiles) {
    switch (profile) {
      case SrtpProfile::kAes128CmHmacSha1Tag80:
      case SrtpProfile::kAes128CmHmacSha1Tag32:
      case SrtpProfile::kAeadAes128Gcm:
      case SrtpProfile::kAeadAes256Gcm:
        continue;
    }
    return refuse("`srtp_profiles`: must be of the profiles of SrtpProfile, but has " +
                  std::to_string(static_cast<int>(profile)));
  }
  return {};
}

Result<void> check_record_limit(std::uint16_t limit) {
  if (limit == 0 || (limit >= kLeastRecordLimit && limit <= wire::kMaxPlaintext)) return {};
  return refuse("`record_size_limit`: must be 0 or from 64 to 16384 bytes, but is " +
                std::to_string(limit));
}

Result<void> check_mtu(std::uint16_t mtu) {
  constexpr auto kLeast = handshake::Channel::kSmallestMtu;
  if (mtu >= kLeast && mtu <= kLargestUdpPayload) return {};
  return refuse("`mtu`: must be from " + std::to_string(kLeast) + " to " +
                std::to_string(kLargestUdpPayload) + " bytes of UDP payload, but is " +
                std::to_string(mtu));
}

// PSKs first: a client that offers some is known by them. CCM last.
void choose_suites(handshake::Settings& settings, bool with_certificates, bool with_ccm) {
  settings.suites.clear();
  for (const auto& suite : handshake::all_suites()) {
    if (handshake::uses_ccm(suite) && !with_ccm) continue;
    if (handshake::uses_psk(suite) && !settings.offers_psk) continue;
    const bool by_certificate = suite.version == wire::kDtls12 && !handshake::uses_psk(suite);
    if (by_certificate && !with_certificates) continue;
    settings.suites.push_back(suite.id);
  }
  const auto rank = [](wire::CipherSuite id) {
    const auto& suite = *handshake::find_suite(id);
    return (handshake::uses_ccm(suite) ? 2 : 0) + (handshake::uses_psk(suite) ? 0 : 1);
  };
  std::ranges::stable_sort(settings.suites, {}, rank);
}

template <typename Config>
Result<void> apply(handshake::Settings& settings, const Config& config) {
  const auto number = [](ProtocolVersion version) {
    return version == ProtocolVersion::kDtls13 ? wire::kDtls13 : wire::kDtls12;
  };
  const auto newest = config.renegotiate && config.versions.min == ProtocolVersion::kDtls12
                          ? ProtocolVersion::kDtls12
                          : ProtocolVersion::kDtls13;
  const auto max = config.versions.max.value_or(newest);
  for (auto fine : {check_versions(config.versions, max), check_alpn(config.alpn),
                    check_srtp(config.srtp_profiles), check_record_limit(config.record_size_limit),
                    check_mtu(config.mtu)}) {
    if (!fine) return fine;
  }
  settings.min_version = number(config.versions.min);
  settings.max_version = number(max);
  settings.alpn = config.alpn;
  for (const auto profile : config.srtp_profiles)
    settings.srtp_profiles.push_back(static_cast<std::uint16_t>(profile));
  settings.record_size_limit = config.record_size_limit;
  settings.psk_only = config.psk_key_exchange != PskKeyExchange::kWithDhe;
  settings.psk_with_dhe = config.psk_key_exchange != PskKeyExchange::kAlone;
  settings.channel.mtu = config.mtu;
  return {};
}

}  // namespace

Result<void> check_handshake_timeout(Duration timeout) {
  if (timeout > Duration::zero() && timeout <= std::chrono::hours(24)) return {};
  return refuse("`handshake_timeout`: must be above 0 ms and at most 24 hours, but is " +
                std::to_string(timeout.count()) + " ms");
}

Result<void> apply_protocol(handshake::Settings& settings, const ServerConfig& config) {
  if (auto applied = apply(settings, config); !applied) return applied;
  settings.offers_psk = !config.psks.empty() || config.psk_callback;
  settings.tickets = config.tickets;
  choose_suites(settings, true, config.ccm_suites);  // certificates may be added later
  return {};
}

Result<void> apply_protocol(handshake::Settings& settings, const ClientConfig& config) {
  if (auto applied = apply(settings, config); !applied) return applied;
  settings.offers_psk = config.psk || config.psk_callback;
  settings.tickets = config.tickets || config.session;
  // A certificate that is not verified proves nothing, so the server has to prove that it knows the
  // PSK.
  choose_suites(settings, !settings.offers_psk || config.verify, config.ccm_suites);
  return {};
}

}  // namespace dtls::association
