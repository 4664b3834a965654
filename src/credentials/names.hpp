// Host names and addresses as certificates and the server_name extension carry them.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <string_view>
#include <vector>

#include "dtls/address.hpp"
#include "dtls/error.hpp"

namespace dtls::credentials {

// Whether "*" may stand for the whole left-most label (RFC 6125 §6.4.3).
enum class Wildcard : std::uint8_t { kRefused, kAllowed };

// parse_host_name gives a DNS name in lower case. Fails with EINVAL, naming `option`, where the
// name has no labels of the right size (RFC 1035 §2.3.4) or characters that no host name has.
Result<std::string> parse_host_name(std::string_view name, std::string_view option, Wildcard wild);

// lower_case lowers A to Z only, as names are compared (RFC 6066 §3, RFC 4343).
std::string lower_case(std::string_view name);

// wildcard_for gives the wildcard that covers a name ("*.example.org" for "a.example.org"), empty
// when the name has one label only.
std::string wildcard_for(std::string_view name);

// ip_octets gives an address as an iPAddress name has it (RFC 5280 §4.2.1.6): 4 or 16 bytes. An
// IPv4 address that came mapped into IPv6 (RFC 4291 §2.5.5.2) has 4.
std::string ip_octets(const Address& address);

// ip_names gives the iPAddress names of a certificate, as ip_octets does.
std::vector<std::string> ip_names(const X509* certificate);

}  // namespace dtls::credentials
