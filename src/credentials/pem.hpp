// PEM texts to certificates and keys, with errors that name the option at fault.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/owned.hpp"
#include "dtls/config.hpp"
#include "dtls/error.hpp"

namespace dtls::credentials {

// parse_certificates reads every certificate of a PEM text, in order. `option` names it in errors.
// Fails with EINVAL when there is none or one cannot be read.
Result<std::vector<crypto::OwnedCertificate>> parse_certificates(const std::string& pem,
                                                                 std::string_view option);

// parse_key reads the first private key of a PEM text, encrypted or not.
Result<crypto::OwnedKey> parse_key(const std::string& pem, const std::string& passwd,
                                   std::string_view option);

// to_der and subject_der give a certificate, and its subject, as they travel.
std::vector<std::byte> to_der(const X509* certificate);
std::vector<std::byte> subject_der(const X509* certificate);
// from_der reads a certificate; null where it is none.
crypto::OwnedCertificate from_der(std::span<const std::byte> der);

// Identity is a chain, leaf first, with the leaf's private key.
struct Identity {
  std::vector<crypto::OwnedCertificate> chain;
  crypto::OwnedKey key;
};

// load_identity parses a config's PEM texts and checks that key and certificate belong together.
Result<Identity> load_identity(const IdentityConfig& config);

}  // namespace dtls::credentials
