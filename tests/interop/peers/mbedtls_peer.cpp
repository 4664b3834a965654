// A peer that speaks DTLS 1.2 with mbedTLS 2.28, and checks certificates as it does.
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

#include <algorithm>
#include <array>

#include "peer_program.hpp"

namespace {

using namespace dtls::peers;

constexpr std::uint32_t kTicketLifetime = 7200;  // seconds
constexpr std::size_t kExportSize = 20;

void require(int status, const char* what) {
  if (status == 0) return;
  std::array<char, 128> text{};
  mbedtls_strerror(status, text.data(), text.size());
  fail(std::string(what) + ": " + text.data());
}

// The two delays of the library's retransmission timer.
struct Timer {
  Clock::time_point intermediate;
  std::optional<Clock::time_point> final;
};

void set_timer(void* timer, std::uint32_t intermediate_ms, std::uint32_t final_ms) {
  auto& own = *static_cast<Timer*>(timer);
  own.intermediate = Clock::now() + std::chrono::milliseconds(intermediate_ms);
  own.final = final_ms == 0 ? std::nullopt
                            : std::optional(Clock::now() + std::chrono::milliseconds(final_ms));
}

int get_timer(void* timer) {
  const auto& own = *static_cast<Timer*>(timer);
  if (!own.final) return -1;
  if (Clock::now() >= *own.final) return 2;
  return Clock::now() >= own.intermediate ? 1 : 0;
}

int push(void* socket, const unsigned char* data, std::size_t size) {
  return static_cast<Socket*>(socket)->send(data, size);
}

int pull(void* socket, unsigned char* into, std::size_t size) {
  const int got = static_cast<Socket*>(socket)->receive(into, size);
  return got < 0 ? MBEDTLS_ERR_SSL_WANT_READ : got;
}

// The master secret and randoms, from which RFC 5705 makes keying material.
struct Exporter {
  std::array<unsigned char, 48> master{};
  std::array<unsigned char, 64> randoms{};
  mbedtls_tls_prf_types prf{};
};

int note_keys(void* exporter, const unsigned char* master, const unsigned char* /*block*/,
              std::size_t /*mac*/, std::size_t /*key*/, std::size_t /*iv*/,
              const unsigned char client_random[32], const unsigned char server_random[32],
              mbedtls_tls_prf_types prf) {
  auto& own = *static_cast<Exporter*>(exporter);
  std::copy_n(master, own.master.size(), own.master.begin());
  std::copy_n(client_random, 32, own.randoms.begin());
  std::copy_n(server_random, 32, own.randoms.begin() + 32);
  own.prf = prf;
  return 0;
}

class Settings {
 public:
  explicit Settings(const Options& options) : options_(options) {
    mbedtls_entropy_init(&entropy_);
    mbedtls_ctr_drbg_init(&random_);
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_cookie_init(&cookies_);
    mbedtls_ssl_ticket_init(&tickets_);
    mbedtls_pk_init(&key_);
    mbedtls_x509_crt_init(&own_);
    mbedtls_x509_crt_init(&trust_);
    require(mbedtls_ctr_drbg_seed(&random_, mbedtls_entropy_func, &entropy_, nullptr, 0), "random");
    const int side = options.is_server ? MBEDTLS_SSL_IS_SERVER : MBEDTLS_SSL_IS_CLIENT;
    require(mbedtls_ssl_config_defaults(&config, side, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                        MBEDTLS_SSL_PRESET_DEFAULT),
            "settings");
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random_);
    mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_handshake_timeout(&config, 200, 10000);
    mbedtls_ssl_conf_export_keys_ext_cb(&config, note_keys, &exporter);
    set_certificates();
    set_groups();
    set_psk();
    if (options.is_server) set_server();
  }
  ~Settings() {
    mbedtls_ssl_config_free(&config);
    mbedtls_x509_crt_free(&trust_);
    mbedtls_x509_crt_free(&own_);
    mbedtls_pk_free(&key_);
    mbedtls_ssl_ticket_free(&tickets_);
    mbedtls_ssl_cookie_free(&cookies_);
    mbedtls_ctr_drbg_free(&random_);
    mbedtls_entropy_free(&entropy_);
  }
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  mbedtls_ssl_config config;
  Exporter exporter;

 private:
  void set_certificates() {
    if (!options_.ca.empty()) {
      require(mbedtls_x509_crt_parse_file(&trust_, options_.ca.c_str()), "the authority");
      mbedtls_ssl_conf_ca_chain(&config, &trust_, nullptr);
    }
    mbedtls_ssl_conf_authmode(
        &config, options_.ca.empty() ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_REQUIRED);
    if (options_.cert.empty()) return;
    require(mbedtls_x509_crt_parse_file(&own_, options_.cert.c_str()), "the certificate");
    require(mbedtls_pk_parse_keyfile(&key_, options_.key.c_str(), nullptr), "the key");
    require(mbedtls_ssl_conf_own_cert(&config, &own_, &key_), "the certificate");
  }

  void set_groups() {
    if (options_.groups.empty()) return;
    for (const auto& name : options_.groups) {
      groups_.push_back(name == "P-256"   ? MBEDTLS_ECP_DP_SECP256R1
                        : name == "P-384" ? MBEDTLS_ECP_DP_SECP384R1
                                          : MBEDTLS_ECP_DP_CURVE25519);
    }
    groups_.push_back(MBEDTLS_ECP_DP_NONE);
    mbedtls_ssl_conf_curves(&config, groups_.data());
  }

  void set_psk() {
    if (options_.psk.empty()) return;
    require(
        mbedtls_ssl_conf_psk(&config, options_.psk.data(), options_.psk.size(),
                             reinterpret_cast<const unsigned char*>(options_.psk_identity.data()),
                             options_.psk_identity.size()),
        "the PSK");
    static constexpr std::array<int, 4> kPlain{MBEDTLS_TLS_PSK_WITH_AES_128_CCM_8,
                                               MBEDTLS_TLS_PSK_WITH_AES_128_GCM_SHA256,
                                               MBEDTLS_TLS_PSK_WITH_CHACHA20_POLY1305_SHA256, 0};
    static constexpr std::array<int, 2> kDhe{MBEDTLS_TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256,
                                             0};
    mbedtls_ssl_conf_ciphersuites(&config, options_.psk_dhe ? kDhe.data() : kPlain.data());
  }

  void set_server() {
    require(mbedtls_ssl_cookie_setup(&cookies_, mbedtls_ctr_drbg_random, &random_), "cookies");
    require(mbedtls_ssl_ticket_setup(&tickets_, mbedtls_ctr_drbg_random, &random_,
                                     MBEDTLS_CIPHER_AES_256_GCM, kTicketLifetime),
            "tickets");
    mbedtls_ssl_conf_dtls_cookies(&config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check,
                                  &cookies_);
    mbedtls_ssl_conf_session_tickets_cb(&config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                        &tickets_);
  }

  const Options& options_;
  mbedtls_entropy_context entropy_;
  mbedtls_ctr_drbg_context random_;
  mbedtls_ssl_cookie_ctx cookies_;
  mbedtls_ssl_ticket_context tickets_;
  mbedtls_pk_context key_;
  mbedtls_x509_crt own_;
  mbedtls_x509_crt trust_;
  std::vector<mbedtls_ecp_group_id> groups_;
};

class Conversation final : public Talker {
 public:
  Conversation(Settings& settings, const Options& options, Socket& socket)
      : settings_(settings), options_(options), socket_(socket) {
    mbedtls_ssl_init(&ssl_);
    require(mbedtls_ssl_setup(&ssl_, &settings.config), "setup");
    mbedtls_ssl_set_bio(&ssl_, &socket, push, pull, nullptr);
    mbedtls_ssl_set_timer_cb(&ssl_, &timer_, set_timer, get_timer);
    if (options.mtu != 0) mbedtls_ssl_set_mtu(&ssl_, static_cast<std::uint16_t>(options.mtu));
    if (!options.is_server) require(mbedtls_ssl_set_hostname(&ssl_, options.name.c_str()), "name");
  }
  ~Conversation() override { mbedtls_ssl_free(&ssl_); }

  void resume(const mbedtls_ssl_session& session) {
    require(mbedtls_ssl_set_session(&ssl_, &session), "the session");
  }
  void keep(mbedtls_ssl_session& session) {
    mbedtls_ssl_session_free(&session);
    require(mbedtls_ssl_get_session(&ssl_, &session), "the session");
  }

  // `former` is the master secret of the session that it may resume.
  void shake_hands(const std::array<unsigned char, 48>& former) {
    if (options_.is_server) await_peer();
    int done = 0;
    while ((done = mbedtls_ssl_handshake(&ssl_)) != 0) {
      if (done == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) {
        require(mbedtls_ssl_session_reset(&ssl_), "reset");
        await_peer();
      } else if (done == MBEDTLS_ERR_SSL_WANT_READ) {
        socket_.wait(next(), false);
      } else {
        if (done == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) say("refused " + verdict());
        require(done, "handshake");
      }
    }
    say(std::string("established ") + mbedtls_ssl_get_ciphersuite(&ssl_));
    const auto* peer = mbedtls_ssl_get_peer_cert(&ssl_);
    const bool verified =
        peer != nullptr && !options_.ca.empty() && mbedtls_ssl_get_verify_result(&ssl_) == 0;
    say(verified ? "verified yes" : "verified no");
    say(settings_.exporter.master == former ? "resumed yes" : "resumed no");
    say("exported " + exported());
  }

 private:
  std::optional<std::size_t> receive(std::span<char> into) override {
    const int size =
        mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(into.data()), into.size());
    if (size > 0) return static_cast<std::size_t>(size);
    if (size == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return 0;
    if (size != MBEDTLS_ERR_SSL_WANT_READ) require(size, "reading");
    return std::nullopt;
  }

  void close() override { mbedtls_ssl_close_notify(&ssl_); }

  Socket::Woken wait(bool with_input) override { return socket_.wait(next(), with_input); }

  void send(const std::string& text) override {
    const int sent =
        mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    if (sent < 0) require(sent, "sending");
  }

  void await_peer() {
    socket_.await_first();
    const auto& peer = socket_.peer();
    require(
        mbedtls_ssl_set_client_transport_id(
            &ssl_, reinterpret_cast<const unsigned char*>(&peer.sin_port), sizeof(peer.sin_port)),
        "the address");
  }

  [[nodiscard]] std::optional<Clock::time_point> next() const {
    if (!timer_.final) return std::nullopt;
    return Clock::now() < timer_.intermediate ? timer_.intermediate : *timer_.final;
  }

  [[nodiscard]] std::string verdict() const {
    std::array<char, 512> text{};
    mbedtls_x509_crt_verify_info(text.data(), text.size(), "",
                                 mbedtls_ssl_get_verify_result(&ssl_));
    std::string line(text.data());
    std::ranges::replace(line, '\n', ' ');
    return line;
  }

  [[nodiscard]] std::string exported() const {
    const auto& keys = settings_.exporter;
    std::array<unsigned char, kExportSize> out{};
    require(mbedtls_ssl_tls_prf(keys.prf, keys.master.data(), keys.master.size(),
                                options_.export_label.c_str(), keys.randoms.data(),
                                keys.randoms.size(), out.data(), out.size()),
            "exporter");
    return hex_of(out.data(), out.size());
  }

  Settings& settings_;
  const Options& options_;
  Socket& socket_;
  Timer timer_;
  mbedtls_ssl_context ssl_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Settings settings(options);
  mbedtls_ssl_session session;
  mbedtls_ssl_session_init(&session);
  std::array<unsigned char, 48> former{};
  std::optional<Socket> socket;
  for (unsigned i = 0; i < options.connections; ++i) {
    if (!socket || !options.is_server) socket.emplace(options);
    Conversation conversation(settings, options, *socket);
    if (!options.is_server && i > 0) conversation.resume(session);
    conversation.shake_hands(former);
    former = settings.exporter.master;
    const bool goes_on = conversation.talk(options.is_server);
    if (!options.is_server) conversation.keep(session);
    if (!goes_on) break;
  }
  mbedtls_ssl_session_free(&session);
  return 0;
}
