#include "credentials/names.hpp"

#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "crypto/owned.hpp"

namespace dtls::credentials {
namespace {

constexpr std::size_t kLongestLabel = 63;  // RFC 1035 §2.3.4
constexpr std::size_t kLongestName = 253;  // 255 octets on the wire, less lengths and the root

using OwnedNames = crypto::OwnedBy<GENERAL_NAMES, GENERAL_NAMES_free>;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Underscores are no part of host names by the book, but of names in use.
bool is_label(std::string_view label) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return label.size() <= kLongestLabel && !label.empty() && label.front() != '-' &&
         label.back() != '-' && std::ranges::all_of(label, fits);
}

// What is wrong with a name in lower case; empty when nothing is.
std::string fault_of(std::string_view name, Wildcard wild) {
  if (name.empty()) return "is empty; give a host name such as \"example.org\"";
  if (!is_ascii(name)) {
    return "has characters beyond ASCII; give its A-label, which begins with \"xn--\" (RFC 5890)";
  }
  if (name.size() > kLongestName) return "is longer than the 253 characters of a host name";
  std::string_view rest = name;
  if (wild == Wildcard::kAllowed && rest.starts_with("*.")) rest.remove_prefix(2);
  if (rest.find('*') != std::string_view::npos) {
    return wild == Wildcard::kAllowed
               ? "has a \"*\" that is not the whole left-most label, as in \"*.example.org\""
               : "has a \"*\"; give the name itself";
  }
  while (true) {
    const auto dot = rest.find('.');
    const auto label = rest.substr(0, dot);
    if (!is_label(label)) {
      return "has the label \"" + std::string(label) +
             "\"; a label has 1 to 63 letters, digits and inner hyphens";
    }
    if (dot == std::string_view::npos) return {};
    rest.remove_prefix(dot + 1);
  }
}

}  // namespace

Result<std::string> parse_host_name(std::string_view name, std::string_view option, Wildcard wild) {
  std::string lowered = lower_case(name);
  if (const auto fault = fault_of(lowered, wild); !fault.empty()) {
    return Error{ErrorKind::kMisuse,
                 EINVAL,
                 "option `" + std::string(option) + "`: the host name \"" + std::string(name) +
                     "\" " + fault,
                 {}};
  }
  return lowered;
}

std::string lower_case(std::string_view name) {
  std::string lowered(name);
  for (char& c : lowered)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lowered;
}

std::string wildcard_for(std::string_view name) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  return "*" + std::string(name.substr(dot));
}

std::string ip_octets(const Address& address) {
  const auto* first = reinterpret_cast<const char*>(address.ip.data());
  if (address.family == Address::Family::kIpv4) return {first, 4};
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), address.ip.begin())) return {first + 12, 4};
  return {first, address.ip.size()};
}

std::vector<std::string> ip_names(const X509* certificate) {
  std::vector<std::string> found;
  const OwnedNames names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_IPADD) continue;
    const auto* octets = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.iPAddress));
    found.emplace_back(octets, static_cast<std::size_t>(ASN1_STRING_length(name->d.iPAddress)));
  }
  return found;
}

}  // namespace dtls::credentials
