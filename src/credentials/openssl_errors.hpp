// OpenSSL's error queue and names as text for people.
#pragma once

#include <openssl/x509.h>

#include <cstddef>
#include <span>
#include <string>

namespace dtls::credentials {

// take_error_text empties this thread's OpenSSL error queue and returns the newest reason.
std::string take_error_text();

// subject_of gives a certificate's subject on one line ("CN=example.org,O=Example").
std::string subject_of(X509* certificate);

// to_pem gives a certificate in DER as PEM text. It does not parse the certificate, which costs
// more than the rest of a resumed handshake.
std::string to_pem(std::span<const std::byte> der);

}  // namespace dtls::credentials
