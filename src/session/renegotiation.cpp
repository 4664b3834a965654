// Renegotiation (RFC 5246 §7.4.1, RFC 5746): what libssl does not do by itself.
//
//   Established ── ClientHello, HelloRequest or renegotiate() ──► Renegotiating
//        ▲                                                              │
//        └── Finished, or refused with no_renegotiation ────────────────┘
//
// Two habits of libssl shape this file. It ends the association when it meets application data in
// the middle of a handshake, which on a path that reorders datagrams nobody can help: such records
// are taken out before, as if lost. And after a refusal it goes on counting message numbers where
// the peer begins anew, and then waits for a message that never comes: so one request is answered,
// and the later ones are dropped (RFC 5246 §7.4.1.1 allows both).
#include "session/renegotiation.hpp"

#include <openssl/err.h>

#include <cerrno>

#include "session/state.hpp"

namespace dtls {
namespace {

// The ciphertext of a Finished: header and verify_data, with the 16 or 24 bytes that ChaCha20 and
// GCM or CCM add (RFC 7905 §2, RFC 5288 §3, RFC 6655 §3). Neither hello has this size.
bool has_size_of_finished(std::size_t ciphertext) {
  constexpr std::size_t kFinished = 12 + 12;
  return ciphertext == kFinished + 16 || ciphertext == kFinished + 24;
}

}  // namespace

bool Session::State::feed_next_record() {
  while (!unread.empty()) {
    wire::Reader reader(unread);
    const auto record = wire::read_record(reader);
    const auto bytes = unread.first(unread.size() - reader.remaining());
    unread = unread.subspan(bytes.size());
    if (!record) {
      unread = {};
      return false;  // RFC 6347 §4.1.2.7
    }
    if (admits(record->header)) {
      port.incoming = bytes;
      return true;
    }
  }
  return false;
}

bool Session::State::admits(const wire::RecordHeader& header) {
  if (header.epoch != read_epoch) return true;
  if (header.type == wire::ContentType::kApplicationData && is<Renegotiating>()) {
    // The only time at which libssl takes it.
    return SSL_is_server(ssl.get()) == 0 && SSL_get_state(ssl.get()) == TLS_ST_CW_CLNT_HELLO;
  }
  if (header.type == wire::ContentType::kHandshake && is<Established>()) {
    if (declined) return has_size_of_finished(header.length);
    permit_renegotiation();
  }
  return true;
}

void Session::State::permit_renegotiation() {
  if (!context->inside().renegotiate) return;  // the SSL_CTX forbids it
  if (peers_renegotiations.allows(now)) {
    SSL_clear_options(ssl.get(), SSL_OP_NO_RENEGOTIATION);
    SSL_set_options(ssl.get(), SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
  } else {
    SSL_set_options(ssl.get(), SSL_OP_NO_RENEGOTIATION);
  }
}

void Session::State::follow_renegotiation() {
  const bool running = SSL_in_init(ssl.get()) == 1;
  if (running && is<Established>()) {
    phase = Renegotiating{};
    start_clock();
    rejection.clear();
    rejected_leaf.clear();
    if (!asked_by_us) peers_renegotiations.count(now);
    asked_by_us = false;
    hello_request.reset();
  } else if (!running && is<Renegotiating>()) {
    finish_renegotiation();
  }
  if (std::exchange(refused_by_peer, false)) {
    hello_request.reset();
    asked_by_us = false;
    if (is<Renegotiating>()) fail(session::renegotiation_refused(peer));
  }
  if (running || retransmission) reread_timer();
}

void Session::State::finish_renegotiation() {
  phase = Established{};
  handshake_deadline.reset();
  if (declined) return;
  ++read_epoch;
  const std::string before = verification.certificate;
  note_verification();
  if (verification.certificate == before) return;
  SSL_shutdown(ssl.get());
  ERR_clear_error();
  fail({ErrorKind::kUntrusted,
        EACCES,
        "the peer at " + peer.text() + " showed another certificate in a renegotiation than before",
        {}});
}

void Session::State::repeat_hello_request() {
  if (!hello_request || now < hello_request->due()) return;
  if (hello_request->has_ended(now)) {
    hello_request.reset();  // the peer may ignore it (RFC 5246 §7.4.1.1)
  } else {
    port.outgoing.push_back(hello_request->again(now));
  }
}

Result<void> Session::renegotiate(TimePoint now) {
  State& state = *state_;
  SSL* ssl = state.ssl.get();
  const auto refuse = [](int sys_errno, const char* why) {
    return Error{ErrorKind::kMisuse, sys_errno, why, {}};
  };
  if (state.is<State::Ended>()) return refuse(EPIPE, "the association has ended");
  if (state.is<State::Renegotiating>() || state.hello_request) {
    return refuse(EALREADY, "a renegotiation is under way already");
  }
  if (!state.is<State::Established>()) {
    return refuse(EAGAIN, "the handshake has not finished yet; renegotiate after Connected");
  }
  const auto& settings = state.context->inside();
  if (!settings.renegotiate) return refuse(EOPNOTSUPP, "option `renegotiate` is off");
  if (SSL_get_secure_renegotiation_support(ssl) == 0) {
    return refuse(EOPNOTSUPP, "the peer does not know secure renegotiation (RFC 5746)");
  }
  if (state.declined) {
    return refuse(EOPNOTSUPP, "the peer's request was refused, so ours could not be understood");
  }
  state.now = now;
  state.asked_by_us = true;
  SSL_clear_options(ssl, SSL_OP_NO_RENEGOTIATION);
  ERR_clear_error();
  const bool sent = SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1;
  if (sent) {  // a server's part: the handshake begins with the client's answer
    state.hello_request.emplace(state.port.outgoing.back(), settings.first_retransmission, now,
                                state.patience);
    return {};
  }
  state.follow_renegotiation();
  if (!state.is<State::Renegotiating>()) state.fail_from_ssl();
  return {};
}

}  // namespace dtls
