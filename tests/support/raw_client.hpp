// A client on bare libssl, for what a Session's client does not do: resuming sessions.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "credentials/pem.hpp"
#include "crypto/owned.hpp"
#include "dtls/session.hpp"
#include "endpoint/cookie_gate.hpp"
#include "session/datagram_bio.hpp"

namespace dtls::test {

using OwnedSslSession = crypto::OwnedBy<SSL_SESSION, SSL_SESSION_free>;

// RawClient shakes hands with one server session. It verifies nothing.
class RawClient {
 public:
  explicit RawClient(const std::string& server_name)
      : settings_(SSL_CTX_new(DTLS_client_method())), ssl_(SSL_new(settings_.get())) {
    SSL* ssl = ssl_.get();
    SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
    SSL_set_mtu(ssl, 1200);
    SSL_set_connect_state(ssl);
    SSL_set_tlsext_host_name(ssl, server_name.c_str());
    BIO* bio = session::make_datagram_bio(port_).release();
    SSL_set_bio(ssl, bio, bio);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void resume(SSL_SESSION* session) { SSL_set_session(ssl_.get(), session); }
  void show(const IdentityConfig& identity) {
    const auto read = std::move(*credentials::load_identity(identity));
    SSL_use_cert_and_key(ssl_.get(), read.chain.front().get(), read.key.get(), nullptr, 1);
  }

  // connect gives whether both sides came through.
  bool connect(const std::shared_ptr<const Context>& context) {
    auto gate =
        std::move(*endpoint::CookieGate::create(std::move(*endpoint::CookieSecrets::generate())));
    const Address self = *Address::parse("192.0.2.1", 40000);
    bool server_connected = false;
    for (int rounds = 0; rounds < 10; ++rounds) {
      SSL_do_handshake(ssl_.get());
      while (!port_.outgoing.empty()) {
        auto datagram = std::move(port_.outgoing.front());
        port_.outgoing.pop_front();
        if (!server_) {
          std::array<std::byte, endpoint::CookieGate::kReplySize> reply;
          const auto answer = gate.inspect(self, datagram, Clock::now(), reply);
          if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) take(reply);
          if (answer.verdict != endpoint::CookieGate::Verdict::kProven) continue;
          server_.emplace(std::move(*Session::server(context, self)));
        }
        server_->receive(datagram, Clock::now());
        while (auto event = server_->poll_event())
          server_connected = server_connected || std::holds_alternative<Connected>(*event);
        std::array<std::byte, kMaxDatagram> out;
        while (const std::size_t size = server_->poll_transmit(out))
          take(std::span(out).first(size));
      }
    }
    return server_connected && SSL_is_init_finished(ssl_.get()) == 1;
  }

  [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
  // session gives what can be resumed; without the shutdown libssl would spoil it at the end.
  [[nodiscard]] OwnedSslSession session() {
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return OwnedSslSession(SSL_get1_session(ssl_.get()));
  }
  // Whether the server has said that it went by the name (RFC 6066 §3).
  [[nodiscard]] bool name_was_acknowledged() const {
    return SSL_SESSION_get0_hostname(SSL_get0_session(ssl_.get())) != nullptr;
  }
  Session& server() { return *server_; }

 private:
  void take(std::span<const std::byte> datagram) {
    port_.incoming = datagram;
    SSL_do_handshake(ssl_.get());
    port_.incoming = {};
  }

  session::DatagramPort port_;
  crypto::OwnedBy<SSL_CTX, SSL_CTX_free> settings_;
  crypto::OwnedBy<SSL, SSL_free> ssl_;
  std::optional<Session> server_;
};

}  // namespace dtls::test
