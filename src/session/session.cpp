// Session on libssl: memory transport in, memory transport out.
//
//   receive ──► DatagramPort ──► libssl ──► poll_event
//   send ─────► libssl ──► DatagramPort ──► poll_transmit
//
// libssl keeps the retransmission timer by the system's clock; `deadline` converts what is left of
// it to the caller's time. Everything else depends only on what is handed in.
#include "dtls/session.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "credentials/openssl_errors.hpp"
#include "session/state.hpp"

namespace dtls {
namespace {

// Handshake datagrams stay below IPv6's minimum link MTU (RFC 8200 §5: 1280, less 48 bytes of
// headers), so that no path fragments them.
constexpr std::size_t kHandshakeMtu = 1280 - 48;

}  // namespace

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Result<Session> Session::make(std::shared_ptr<const Context> context, const Address& peer) {
  auto state = std::make_unique<State>();
  state->context = std::move(context);
  state->peer = peer;
  state->patience = state->context->inside().handshake_timeout;
  state->peer_rule = state->context->inside().peer_rule;
  state->ssl.reset(SSL_new(state->context->inside().ssl.get()));
  if (state->ssl == nullptr) {
    return Error{ErrorKind::kSystem,
                 ENOMEM,
                 "OpenSSL cannot make a session: " + credentials::take_error_text(),
                 {}};
  }
  SSL* ssl = state->ssl.get();
  SSL_set_app_data(ssl, state.get());
  state->limit_handshake_datagrams(kHandshakeMtu);
  DTLS_set_timer_cb(ssl, session::on_timer_start);
  BIO* bio = session::make_datagram_bio(state->port).release();
  SSL_set_bio(ssl, bio, bio);
  return Session(std::move(state));
}

Result<Session> Session::server(std::shared_ptr<const Context> context, const Address& peer,
                                const std::optional<Address>& local) {
  auto session = make(std::move(context), peer);
  if (session) {
    session->state_->local = local;
    SSL_set_accept_state(session->state_->ssl.get());
    session->state_->phase = State::Opening{};
  }
  return session;
}

Result<Session> Session::client(std::shared_ptr<const Context> context, const Address& peer,
                                TimePoint now) {
  auto session = make(std::move(context), peer);
  if (!session) return session;
  State& state = *session->state_;
  SSL* ssl = state.ssl.get();
  SSL_set_connect_state(ssl);
  state.phase = State::Handshaking{};

  if (const std::string& name = state.context->inside().server_name; !name.empty()) {
    // An IP literal is checked against iPAddress names and never sent as SNI (RFC 6066 §3).
    const bool is_ip = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
    ERR_clear_error();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (!is_ip && (SSL_set1_host(ssl, name.c_str()) != 1 ||
                   SSL_set_tlsext_host_name(ssl, name.c_str()) != 1)) {
      return Error{ErrorKind::kMisuse,
                   EINVAL,
                   "option `server`: \"" + name + "\" is neither a host name nor an IP address",
                   {}};
    }
  }
  state.now = now;
  state.start_clock();
  state.advance();
  return session;
}

void Session::receive(std::span<std::byte> datagram, TimePoint now) {
  State& state = *state_;
  if (state.is<State::Ended>()) return;
  state.heard_from_peer = true;
  state.now = now;
  if (state.is_open()) {
    state.unread = datagram;
  } else {
    state.port.incoming = datagram;
    state.advance();
  }
}

Result<void> Session::send(std::span<const std::byte> message) {
  State& state = *state_;
  if (message.size() > kMaxMessage) {
    return Error{ErrorKind::kMisuse,
                 EMSGSIZE,
                 "a message of " + std::to_string(message.size()) +
                     " bytes does not fit one record; send at most 16384 bytes at once",
                 {}};
  }
  if (state.is<State::Ended>()) {
    return Error{
        ErrorKind::kMisuse, EPIPE, "the association has ended; nothing can be sent any more", {}};
  }
  if (state.is<State::Renegotiating>()) {
    return Error{
        ErrorKind::kMisuse, EAGAIN, "a renegotiation is under way; send when it has ended", {}};
  }
  if (!state.is<State::Established>()) {
    return Error{
        ErrorKind::kMisuse, EAGAIN, "the handshake has not finished yet; send after Connected", {}};
  }
  if (message.empty()) return {};  // an empty record would never be shown to the peer's program
  ERR_clear_error();
  const int sent = SSL_write(state.ssl.get(), message.data(), static_cast<int>(message.size()));
  if (sent > 0) return {};
  const int problem = SSL_get_error(state.ssl.get(), sent);
  if (problem == SSL_ERROR_WANT_READ || problem == SSL_ERROR_WANT_WRITE) {
    return Error{
        ErrorKind::kMisuse, EAGAIN, "the association is busy; send again after draining", {}};
  }
  state.fail_from_ssl();
  return Error{
      ErrorKind::kPeer, EPIPE, "the association has ended; nothing can be sent any more", {}};
}

void Session::close() {
  State& state = *state_;
  if (state.is<State::Ended>()) return;
  if (state.is<State::Established>()) {
    ERR_clear_error();
    SSL_shutdown(state.ssl.get());
    ERR_clear_error();
  }
  state.phase = State::Ended{};
  state.handshake_deadline.reset();
  state.retransmission.reset();
  state.hello_request.reset();
}

void Session::set_handshake_timeout(Duration timeout, TimePoint now) {
  State& state = *state_;
  state.patience = timeout;
  state.now = now;
  const bool finished = state.is<State::Established>() || state.is<State::Ended>();
  if (!finished) state.start_clock();
}

bool Session::is_renegotiating() const {
  return state_->is<State::Renegotiating>();
}

std::optional<Event> Session::poll_event() {
  State& state = *state_;
  if (state.events.empty()) {
    if (auto message = state.read_message()) return message;
  }
  // The datagram is the caller's; what libssl has not taken by now it will not take.
  if (state.events.empty()) {
    state.port.incoming = {};
    state.unread = {};
    return {};
  }
  Event event = std::move(state.events.front());
  state.events.pop_front();
  return event;
}

std::size_t Session::poll_transmit(std::span<std::byte> out) {
  auto& outgoing = state_->port.outgoing;
  if (outgoing.empty()) return 0;
  const auto& datagram = outgoing.front();
  const std::size_t size = std::min(datagram.size(), out.size());
  std::memcpy(out.data(), datagram.data(), size);
  outgoing.pop_front();
  return size;
}

std::optional<TimePoint> Session::deadline() const {
  const State& state = *state_;
  std::optional<TimePoint> first = state.handshake_deadline;
  const auto consider = [&](TimePoint due) { first = first ? std::min(*first, due) : due; };
  if (state.retransmission) consider(*state.retransmission);
  if (state.hello_request) consider(state.hello_request->due());
  return first;
}

void Session::handle_timeout(TimePoint now) {
  State& state = *state_;
  state.now = now;
  if (state.handshake_deadline && now >= *state.handshake_deadline) {
    state.fail(session::handshake_timed_out(state.peer, state.patience, state.heard_from_peer));
    return;
  }
  state.repeat_hello_request();
  if (!state.retransmission || now < *state.retransmission) return;
  ERR_clear_error();
  if (DTLSv1_handle_timeout(state.ssl.get()) < 0) state.fail_from_ssl();
  state.reread_timer();
}

const PeerVerification& Session::verification() const {
  return state_->verification;
}

}  // namespace dtls
