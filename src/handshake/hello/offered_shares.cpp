#include "handshake/hello/offered_shares.hpp"

#include <algorithm>
#include <array>

#include "wire/key_share.hpp"
#include "wire/parameter_lists.hpp"

namespace dtls::handshake {

using wire::AlertDescription;
using wire::ExtensionType;

namespace {

std::optional<wire::KeyShares> shares_of(const ReceivedHello& hello) {
  const auto content = hello.find(ExtensionType::kKeyShare);
  return content ? wire::parse_key_shares(*content) : std::nullopt;
}

wire::NamedGroups groups_of(const ReceivedHello& hello) {
  const auto content = hello.find(ExtensionType::kSupportedGroups);
  const auto groups = content ? wire::parse_supported_groups(*content) : std::nullopt;
  return groups.value_or(wire::NamedGroups());
}

}  // namespace

Step check_offered_shares(const ReceivedHello& hello) {
  if (!hello.find(ExtensionType::kKeyShare)) return {};
  const auto shares = shares_of(hello);
  if (!shares) return broken(AlertDescription::kDecodeError, "its key_share is malformed");
  const auto groups = groups_of(hello);
  std::array<wire::NamedGroup, kMaxOfferedShares> seen{};
  std::size_t count = 0;
  // Both lists are walked once, side by side: what is not found from here on is missing, or stands
  // before a group whose share has come already.
  auto group = groups.begin();
  for (const auto share : *shares) {
    if (count == seen.size()) {
      return broken(AlertDescription::kIllegalParameter, "it sent too many keys");
    }
    const auto before = std::span(seen).first(count);
    if (std::ranges::find(before, share.group) != before.end()) {
      return broken(AlertDescription::kIllegalParameter, "it sent two keys for one group");
    }
    seen.at(count++) = share.group;
    while (group != groups.end() && *group != share.group)
      ++group;
    if (group == groups.end()) {
      return broken(AlertDescription::kIllegalParameter,
                    "it sent a key for a group that it does not support, or not in the order of "
                    "its groups");
    }
  }
  return {};
}

Step check_retried_share(const ReceivedHello& hello, crypto::Group asked) {
  const auto shares = shares_of(hello);
  if (!shares)
    return broken(AlertDescription::kMissingExtension, "its second ClientHello has no key share");
  auto entry = shares->begin();
  if (entry == shares->end() || static_cast<crypto::Group>((*entry).group) != asked ||
      ++entry != shares->end()) {
    return broken(AlertDescription::kIllegalParameter,
                  "its second ClientHello lacks the requested key share");
  }
  return {};
}

std::optional<Bytes> share_of(const ReceivedHello& hello, crypto::Group group) {
  const auto shares = shares_of(hello);
  if (!shares) return std::nullopt;
  for (const auto share : *shares) {
    if (static_cast<crypto::Group>(share.group) == group) return share.key_exchange;
  }
  return std::nullopt;
}

}  // namespace dtls::handshake
