// Owners of libssl's objects, the inside of Context, and the functions libssl calls.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "crypto/owned.hpp"
#include "dtls/session.hpp"

namespace dtls {

namespace session {
class HostIdentities;
class KeyLog;

// PeerRule says what becomes of the peer's certificate.
struct PeerRule {
  bool asks = false;     // it is asked for and checked at all
  bool enforce = false;  // a rejected one ends the handshake
};
}  // namespace session

using OwnedSsl = crypto::OwnedBy<SSL, SSL_free>;
using OwnedSslContext = crypto::OwnedBy<SSL_CTX, SSL_CTX_free>;

struct Context::Inside {
  OwnedSslContext ssl;
  session::PeerRule peer_rule;  // where no host's identity has one of its own
  std::string server_name;      // client: checked and, unless an IP literal, sent as SNI
  Duration handshake_timeout{};
  Duration first_retransmission{};
  bool renegotiate = false;
  bool select_by_address = false;
  std::unique_ptr<session::HostIdentities> hosts;  // servers only
  std::shared_ptr<session::KeyLog> key_log;        // null: none is kept
};

namespace session {

// Callbacks of every SSL made from a Context; callbacks.cpp defines them. on_ssl_info is told of
// alerts, on_certificate of every verdict about a certificate, on_client_hello chooses the server's
// identity before anything else is done with a ClientHello.
void on_ssl_info(const SSL* ssl, int where, int value);
int on_certificate(int accepted, X509_STORE_CTX* verification);
unsigned int on_timer_start(SSL* ssl, unsigned int current_us);
int on_client_hello(SSL* ssl, int* alert, void* unused);
int on_server_name(SSL* ssl, int* alert, void* unused);
void on_key_log(const SSL* ssl, const char* line);

}  // namespace session
}  // namespace dtls
