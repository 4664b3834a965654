// The way of an association through libssl: opening, handshake, messages, end.
#include "session/state.hpp"

#include <openssl/err.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <utility>

#include "credentials/openssl_errors.hpp"

namespace dtls {

void Session::State::limit_handshake_datagrams(std::size_t size) {
  // Filling a datagram, libssl does not count what AEAD adds to the encrypted records of a flight:
  // 8 bytes of nonce and 16 of tag (RFC 5288 §3) to its one encrypted message.
  constexpr std::size_t kUncounted = 8 + 16;
  port.handshake_limit = size;
  SSL_set_mtu(ssl.get(), static_cast<long>(size - kUncounted));
}

void Session::State::open() {
  if (!handshake_deadline) start_clock();
  const crypto::OwnedBy<BIO_ADDR, BIO_ADDR_free> unused(BIO_ADDR_new());
  ERR_clear_error();
  // The endpoint has verified the cookie; DTLSv1_listen sets libssl's message and record numbers to
  // continue after the exchange it did not see.
  const bool usable = DTLSv1_listen(ssl.get(), unused.get()) == 1;
  // It also asks for cookies from now on, but a renegotiation has none.
  SSL_clear_options(ssl.get(), SSL_OP_COOKIE_EXCHANGE);
  if (usable) {
    phase = Handshaking{};
  } else {
    fail({ErrorKind::kMalformed,
          EPROTO,
          "the client's first message is not a usable ClientHello",
          {}});
  }
}

void Session::State::advance() {
  if (is<Opening>()) open();
  if (is<Handshaking>()) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl.get());
    if (done == 1) {
      phase = Established{};
      handshake_deadline.reset();
      note_verification();
      events.emplace_back(Connected{});
    } else {
      const int problem = SSL_get_error(ssl.get(), done);
      if (problem != SSL_ERROR_WANT_READ && problem != SSL_ERROR_WANT_WRITE) fail_from_ssl();
    }
  }
  reread_timer();
}

void Session::State::fail(Error error) {
  if (is<Ended>()) return;
  phase = Ended{};
  handshake_deadline.reset();
  retransmission.reset();
  hello_request.reset();
  note_verification();
  events.emplace_back(Failed{std::move(error)});
}

void Session::State::fail_from_ssl() {
  if (declined && alerts.received == SSL_AD_HANDSHAKE_FAILURE) {
    ERR_clear_error();
    return fail(session::renegotiation_insisted(peer, *alerts.received));
  }
  fail(session::explain_failure(peer, alerts, rejection));
}

void Session::State::note_verification() {
  PeerVerification outcome;
  X509* certificate = SSL_get0_peer_certificate(ssl.get());
  if (!peer_rule.asks) {
    outcome.reason = "no certificate was asked of the client (option `ca` is not set)";
  } else if (certificate == nullptr) {
    // One that was refused does not become the peer's in libssl.
    outcome.certificate = rejected_leaf;
    outcome.reason = rejection.empty() ? "the peer sent no certificate" : rejection;
  } else {
    const long verdict = SSL_get_verify_result(ssl.get());
    outcome.certificate = credentials::to_pem(certificate);
    outcome.reason = rejection;
    outcome.authorized = verdict == X509_V_OK && rejection.empty();
    if (!outcome.authorized && rejection.empty()) {
      // A resumed session repeats the verdict of the first one, without its words.
      outcome.reason = X509_verify_cert_error_string(verdict);
    }
  }
  verification = std::move(outcome);
}

std::optional<Event> Session::State::read_message() {
  // One record is one message; a full one fits. Shared by all sessions of a thread: the event
  // is documented to be valid until the next call.
  thread_local std::array<std::byte, kMaxMessage> plaintext;
  while (is_open()) {
    ERR_clear_error();
    // Not SSL_read: that one calls an empty record (RFC 5246 §6.2.1) a failure.
    std::size_t size = 0;
    const int got = SSL_read_ex(ssl.get(), plaintext.data(), plaintext.size(), &size);
    switch (SSL_get_error(ssl.get(), got)) {
      case SSL_ERROR_NONE:
        follow_renegotiation();
        if (!is_open()) return {};
        return Message{std::span<const std::byte>(plaintext).first(size)};
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        follow_renegotiation();
        if (!is_open() || !feed_next_record()) return {};  // libssl has taken in all there was
        break;
      case SSL_ERROR_ZERO_RETURN:
        SSL_shutdown(ssl.get());  // answers with our close_notify (RFC 5246 §7.2.1)
        ERR_clear_error();
        phase = Ended{};
        handshake_deadline.reset();
        retransmission.reset();
        hello_request.reset();
        return Closed{};
      default:
        fail_from_ssl();
    }
  }
  return {};
}

void Session::State::reread_timer() {
  timeval left{};
  if (is<Ended>() || DTLSv1_get_timeout(ssl.get(), &left) != 1) {
    retransmission.reset();
    return;
  }
  retransmission =
      now + std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
}

}  // namespace dtls
