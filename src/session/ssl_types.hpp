// Owners of libssl's objects, and the inside of Context.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "crypto/owned.hpp"
#include "dtls/session.hpp"

namespace dtls {

using OwnedSsl = crypto::OwnedBy<SSL, SSL_free>;
using OwnedSslContext = crypto::OwnedBy<SSL_CTX, SSL_CTX_free>;

struct Context::Inside {
  OwnedSslContext ssl;
  bool enforce = false;     // a rejected certificate ends the handshake
  bool asks_peer = false;   // the peer's certificate is checked at all
  std::string server_name;  // client: checked and, unless an IP literal, sent as SNI
  Duration handshake_timeout{};
  Duration first_retransmission{};
};

namespace session {

// observe is given every change of an SSL made from a Context (SSL_CTX_set_info_callback) and every
// verdict about a certificate; session.cpp defines them.
void on_ssl_info(const SSL* ssl, int where, int value);
int on_certificate(int accepted, X509_STORE_CTX* verification);
unsigned int on_timer_start(SSL* ssl, unsigned int current_us);

}  // namespace session
}  // namespace dtls
