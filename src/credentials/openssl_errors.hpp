// OpenSSL's error queue and names as text for people.
#pragma once

#include <openssl/x509.h>

#include <string>

namespace dtls::credentials {

// take_error_text empties this thread's OpenSSL error queue and returns the newest reason.
std::string take_error_text();

// subject_of gives a certificate's subject on one line ("CN=example.org,O=Example").
std::string subject_of(X509* certificate);

// to_pem gives a certificate as PEM text.
std::string to_pem(X509* certificate);

}  // namespace dtls::credentials
