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
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include "credentials/openssl_errors.hpp"
#include "credentials/trust.hpp"
#include "session/datagram_bio.hpp"
#include "session/failure.hpp"
#include "session/ssl_types.hpp"

namespace dtls {
namespace {

// Handshake datagrams stay below IPv6's minimum link MTU (RFC 8200 §5: 1280, less 48 bytes of
// headers), so that no path fragments them.
constexpr long kHandshakeMtu = 1280 - 48;

// A flight that is not answered may have been too large for the path: RFC 6347 §4.1.1.1 has it go
// on in smaller fragments after repeated retransmissions ("2-3 seems appropriate"). Ours is smaller
// with the second, 3 s after the flight, since few clients wait for much longer. Every IPv4 host
// takes 576 bytes (RFC 791 §3.1), less 28 of headers.
constexpr long kFallbackMtu = 576 - 28;
constexpr int kFallbackRetransmission = 2;

// Filling a datagram, libssl does not count what AEAD adds to the encrypted records of a flight: 8
// bytes of nonce and 16 of tag (RFC 5288 §3) to its one encrypted message.
constexpr long kUncounted = 8 + 16;

}  // namespace

struct Session::State {
  struct Opening {};  // server: the first ClientHello has not come
  struct Handshaking {};
  struct Established {};
  struct Ended {};  // closed, failed, or closed by the peer: nothing more comes
  using Phase = std::variant<Opening, Handshaking, Established, Ended>;

  std::shared_ptr<const Context> context;
  Address peer;
  std::optional<Address> local;  // server: what the first hello was sent to
  session::DatagramPort port;
  OwnedSsl ssl;
  Phase phase;
  std::deque<Event> events;  // never a Message: those are read on demand
  PeerVerification verification;
  session::AlertTrace alerts;
  Duration patience{};  // how long a handshake may take
  std::optional<TimePoint> handshake_deadline;
  std::optional<TimePoint> retransmission;
  bool heard_from_peer = false;
  int retransmissions = 0;  // of the flight that waits for its answer

  template <typename P>
  [[nodiscard]] bool is() const {
    return std::holds_alternative<P>(phase);
  }

  static State& of(const SSL* ssl) { return *static_cast<State*>(SSL_get_app_data(ssl)); }

  // limit_handshake_datagrams to so many bytes, from now on.
  void limit_handshake_datagrams(long size) {
    port.handshake_limit = static_cast<std::size_t>(size);
    SSL_set_mtu(ssl.get(), size - kUncounted);
  }
  void start_clock(TimePoint now) { handshake_deadline = now + patience; }
  void open(TimePoint now);
  void advance(TimePoint now);
  void fail(Error error);
  void fail_from_ssl();
  void note_verification();
  std::optional<Event> read_message();
  void reread_timer(TimePoint now);
};

namespace session {

void on_ssl_info(const SSL* ssl, int where, int value) {
  auto& state = *static_cast<Session::State*>(SSL_get_app_data(ssl));
  if ((where & SSL_CB_ALERT) == 0) return;
  const auto alert = static_cast<std::uint8_t>(value & 0xff);
  ((where & SSL_CB_READ) != 0 ? state.alerts.received : state.alerts.sent) = alert;
}

int on_certificate(int accepted, X509_STORE_CTX* verification) {
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& state = *static_cast<Session::State*>(SSL_get_app_data(ssl));
  const auto& inside = state.context->inside();
  if (accepted != 1 && state.verification.reason.empty()) {
    state.verification.reason = credentials::describe_rejection(verification, inside.server_name);
  }
  return inside.enforce ? accepted : 1;
}

unsigned int on_timer_start(SSL* ssl, unsigned int current_us) {
  // RFC 6347 §4.2.4.1: double at each retransmission, to no more than 60 s.
  constexpr unsigned int kLongestUs = 60'000'000;
  Session::State& state = Session::State::of(ssl);
  if (current_us == 0) {
    state.retransmissions = 0;
    return static_cast<unsigned int>(state.context->inside().first_retransmission.count()) * 1000;
  }
  if (++state.retransmissions == kFallbackRetransmission) {
    state.limit_handshake_datagrams(kFallbackMtu);
  }
  return std::min(current_us * 2, kLongestUs);
}

}  // namespace session

void Session::State::open(TimePoint now) {
  if (!handshake_deadline) start_clock(now);
  const crypto::OwnedBy<BIO_ADDR, BIO_ADDR_free> unused(BIO_ADDR_new());
  ERR_clear_error();
  // The endpoint has verified the cookie; DTLSv1_listen sets libssl's message and record numbers to
  // continue after the exchange it did not see.
  if (DTLSv1_listen(ssl.get(), unused.get()) == 1) {
    phase = Handshaking{};
  } else {
    fail({ErrorKind::kMalformed,
          EPROTO,
          "the client's first message is not a usable ClientHello",
          {}});
  }
}

void Session::State::advance(TimePoint now) {
  if (is<Opening>()) open(now);
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
  reread_timer(now);
}

void Session::State::fail(Error error) {
  if (is<Ended>()) return;
  phase = Ended{};
  handshake_deadline.reset();
  retransmission.reset();
  note_verification();
  events.emplace_back(Failed{std::move(error)});
}

void Session::State::fail_from_ssl() {
  fail(session::explain_failure(peer, alerts, verification.reason));
}

void Session::State::note_verification() {
  X509* certificate = SSL_get0_peer_certificate(ssl.get());
  const auto& inside = context->inside();
  if (!inside.asks_peer) {
    verification.reason = "no certificate was asked of the client (option `ca` is not set)";
    return;
  }
  if (certificate == nullptr) {
    if (verification.reason.empty()) verification.reason = "the peer sent no certificate";
    return;
  }
  verification.certificate = credentials::to_pem(certificate);
  const long outcome = SSL_get_verify_result(ssl.get());
  verification.authorized = outcome == X509_V_OK && verification.reason.empty();
  if (!verification.authorized && verification.reason.empty()) {
    // A resumed session repeats the verdict of the first one, without its words.
    verification.reason = X509_verify_cert_error_string(outcome);
  }
}

std::optional<Event> Session::State::read_message() {
  // One record is one message; a full one fits. Shared by all sessions of a thread: the event
  // is documented to be valid until the next call.
  thread_local std::array<std::byte, kMaxMessage> plaintext;
  while (is<Established>()) {
    ERR_clear_error();
    const int size = SSL_read(ssl.get(), plaintext.data(), static_cast<int>(plaintext.size()));
    if (size > 0) {
      return Message{std::span<const std::byte>(plaintext).first(static_cast<std::size_t>(size))};
    }
    switch (SSL_get_error(ssl.get(), size)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE:
        return {};  // libssl has taken in all there was
      case SSL_ERROR_ZERO_RETURN:
        SSL_shutdown(ssl.get());  // answers with our close_notify (RFC 5246 §7.2.1)
        ERR_clear_error();
        phase = Ended{};
        retransmission.reset();
        return Closed{};
      default:
        fail_from_ssl();
    }
  }
  return {};
}

void Session::State::reread_timer(TimePoint now) {
  timeval left{};
  if (is<Ended>() || DTLSv1_get_timeout(ssl.get(), &left) != 1) {
    retransmission.reset();
    return;
  }
  retransmission =
      now + std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec);
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Result<Session> Session::make(std::shared_ptr<const Context> context, const Address& peer) {
  auto state = std::make_unique<State>();
  state->context = std::move(context);
  state->peer = peer;
  state->patience = state->context->inside().handshake_timeout;
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
  state.start_clock(now);
  state.advance(now);
  return session;
}

void Session::receive(std::span<std::byte> datagram, TimePoint now) {
  State& state = *state_;
  if (state.is<State::Ended>()) return;
  state.heard_from_peer = true;
  state.port.incoming = datagram;
  state.advance(now);
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
}

void Session::set_handshake_timeout(Duration timeout, TimePoint now) {
  State& state = *state_;
  state.patience = timeout;
  if (state.is<State::Opening>() || state.is<State::Handshaking>()) state.start_clock(now);
}

std::optional<Event> Session::poll_event() {
  State& state = *state_;
  if (state.events.empty()) {
    if (auto message = state.read_message()) return message;
  }
  // The datagram is the caller's; what libssl has not taken by now it will not take.
  if (state.events.empty()) {
    state.port.incoming = {};
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
  if (!state_->retransmission) return state_->handshake_deadline;
  if (!state_->handshake_deadline) return state_->retransmission;
  return std::min(*state_->retransmission, *state_->handshake_deadline);
}

void Session::handle_timeout(TimePoint now) {
  State& state = *state_;
  if (state.handshake_deadline && now >= *state.handshake_deadline) {
    state.fail(session::handshake_timed_out(state.peer, state.patience, state.heard_from_peer));
    return;
  }
  if (!state.retransmission || now < *state.retransmission) return;
  ERR_clear_error();
  if (DTLSv1_handle_timeout(state.ssl.get()) < 0) state.fail_from_ssl();
  state.reread_timer(now);
}

const PeerVerification& Session::verification() const {
  return state_->verification;
}

}  // namespace dtls
