// What libssl asks and tells while it drives a session.
#include <openssl/err.h>

#include <algorithm>
#include <string_view>

#include "credentials/openssl_errors.hpp"
#include "credentials/trust.hpp"
#include "session/key_log.hpp"
#include "session/state.hpp"
#include "wire/reader.hpp"

namespace dtls::session {
namespace {

// A flight that is not answered may have been too large for the path: RFC 6347 §4.1.1.1 has it go
// on in smaller fragments after repeated retransmissions ("2-3 seems appropriate"). Ours is smaller
// with the second, 3 s after the flight, since few clients wait for much longer. Every IPv4 host
// takes 576 bytes (RFC 791 §3.1), less 28 of headers.
constexpr std::size_t kFallbackMtu = 576 - 28;
constexpr int kFallbackRetransmission = 2;

// The host_name of a ClientHello (RFC 6066 §3); empty where there is none. What libssl would not
// accept it refuses later by itself.
std::string_view requested_name(SSL* ssl) {
  const unsigned char* content = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &content, &size) != 1) return {};
  wire::Reader extension(std::as_bytes(std::span(content, size)));
  wire::Reader list(extension.vector16(1, size));
  const bool is_host_name = list.u8() == TLSEXT_NAMETYPE_host_name;
  const auto name = list.vector16(1, TLSEXT_MAXLEN_host_name);
  if (!is_host_name || !list.ok()) return {};
  return {reinterpret_cast<const char*>(name.data()), name.size()};
}

}  // namespace

void on_ssl_info(const SSL* ssl, int where, int value) {
  if ((where & SSL_CB_ALERT) == 0) return;
  auto& state = Session::State::of(ssl);
  const bool received = (where & SSL_CB_READ) != 0;
  const auto alert = static_cast<std::uint8_t>(value & 0xff);
  if (alert == SSL_AD_NO_RENEGOTIATION) {
    // A warning, not the reason of an end.
    (received ? state.refused_by_peer : state.declined) = true;
    return;
  }
  (received ? state.alerts.received : state.alerts.sent) = alert;
}

int on_certificate(int accepted, X509_STORE_CTX* verification) {
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& state = Session::State::of(ssl);
  if (accepted != 1 && state.rejection.empty()) {
    state.rejection =
        credentials::describe_rejection(verification, state.context->inside().server_name);
    state.rejected_leaf = credentials::to_pem(X509_STORE_CTX_get0_cert(verification));
  }
  return state.peer_rule.enforce ? accepted : 1;
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

// Before libssl looks at a session that the client wants to resume: that it may only under the
// identity under which it began.
int on_client_hello(SSL* ssl, int* alert, void* /*unused*/) {
  auto& state = Session::State::of(ssl);
  if (state.identity_chosen) return SSL_CLIENT_HELLO_SUCCESS;
  state.identity_chosen = true;

  const auto& settings = state.context->inside();
  HostIdentities::Found found;
  if (const auto name = requested_name(ssl); !name.empty()) {
    found = settings.hosts->by_name(name);
    state.named = found != nullptr;
  } else if (settings.select_by_address && state.local) {
    found = settings.hosts->by_address(*state.local);
  }
  if (found == nullptr) return SSL_CLIENT_HELLO_SUCCESS;
  if (!found->apply(ssl)) {
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
  }
  if (found->authority) state.peer_rule = {true, true};
  return SSL_CLIENT_HELLO_SUCCESS;
}

// RFC 6066 §3: a server that has gone by the name says so.
int on_server_name(SSL* ssl, int* /*alert*/, void* /*unused*/) {
  return Session::State::of(ssl).named ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void on_key_log(const SSL* ssl, const char* line) {
  Session::State::of(ssl).context->inside().key_log->append(line);
}

}  // namespace dtls::session
