// mbedTLS: a server's context is reset after the HelloVerifyRequest and takes the next hello.
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_cookie.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include <cstring>

#include "engine/candidate.hpp"

namespace dtls::bench {
namespace {

constexpr std::uint32_t kTicketLifetime = 7200;  // seconds
constexpr std::array<int, 2> kSuites{MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0};
// P-256 is for the certificates.
constexpr std::array<mbedtls_ecp_group_id, 3> kCurves{
    MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_NONE};
constexpr std::array<unsigned char, 23> kAddress{};  // here all clients have the same

struct Wires {
  Wire* in;
  Wire* out;
};

int push(void* wires, const unsigned char* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  return static_cast<Wires*>(wires)->out->push(bytes) ? static_cast<int>(size)
                                                      : MBEDTLS_ERR_SSL_INTERNAL_ERROR;
}

int pull(void* wires, unsigned char* data, std::size_t size) {
  auto& in = *static_cast<Wires*>(wires)->in;
  if (in.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
  const auto datagram = in.pop();
  const auto count = std::min(datagram.size(), size);
  std::memcpy(data, datagram.data(), count);
  return static_cast<int>(count);
}

// Nothing is lost here, so no timer runs out; -1 says that none is set.
void set_timer(void* is_set, std::uint32_t /*intermediate*/, std::uint32_t final) {
  *static_cast<bool*>(is_set) = final != 0;
}
int get_timer(void* is_set) {
  return *static_cast<const bool*>(is_set) ? 0 : -1;
}

const unsigned char* text_of(const std::string& pem) {
  return reinterpret_cast<const unsigned char*>(pem.c_str());
}

class MbedtlsEnd final : public End {
 public:
  MbedtlsEnd(const mbedtls_ssl_config& config, mbedtls_ssl_session& kept, Role role, Wire& in,
             Wire& out)
      : wires_{&in, &out}, kept_(&kept) {
    mbedtls_ssl_init(&ssl_);
    require(mbedtls_ssl_setup(&ssl_, &config) == 0, "mbedTLS: mbedtls_ssl_setup");
    mbedtls_ssl_set_bio(&ssl_, &wires_, push, pull, nullptr);
    mbedtls_ssl_set_timer_cb(&ssl_, &timer_is_set_, set_timer, get_timer);
    mbedtls_ssl_set_mtu(&ssl_, kMtu);
    if (role == Role::kServer) {
      mbedtls_ssl_set_client_transport_id(&ssl_, kAddress.data(), kAddress.size());
    } else {
      mbedtls_ssl_set_hostname(&ssl_, kServerName);
    }
  }
  ~MbedtlsEnd() override { mbedtls_ssl_free(&ssl_); }
  MbedtlsEnd(MbedtlsEnd&&) = delete;
  MbedtlsEnd& operator=(MbedtlsEnd&&) = delete;

  void resume() {
    require(mbedtls_ssl_set_session(&ssl_, kept_) == 0, "mbedTLS: mbedtls_ssl_set_session");
  }

  void handshake() override {
    if (is_established()) return;
    const int done = mbedtls_ssl_handshake(&ssl_);
    if (done == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) {
      mbedtls_ssl_session_reset(&ssl_);
      mbedtls_ssl_set_client_transport_id(&ssl_, kAddress.data(), kAddress.size());
      return;
    }
    require(done == 0 || done == MBEDTLS_ERR_SSL_WANT_READ, "mbedTLS: handshake");
  }
  [[nodiscard]] bool is_established() const override {
    return ssl_.state == MBEDTLS_SSL_HANDSHAKE_OVER;
  }
  // There is no function that says it; a resumed session has the master secret of the first.
  [[nodiscard]] bool is_resumed() const override {
    return std::memcmp(ssl_.session->master, kept_->master, sizeof(kept_->master)) == 0;
  }
  void send(std::span<const std::byte> message) override {
    const auto* data = reinterpret_cast<const unsigned char*>(message.data());
    require(mbedtls_ssl_write(&ssl_, data, message.size()) > 0, "mbedTLS: send");
  }
  std::span<const std::byte> receive() override {
    static std::array<unsigned char, Wire::kMaxDatagram> buffer;
    const int size = mbedtls_ssl_read(&ssl_, buffer.data(), buffer.size());
    return std::as_bytes(std::span(buffer)).first(size > 0 ? static_cast<std::size_t>(size) : 0);
  }
  bool keep_session() override {
    mbedtls_ssl_session_free(kept_);
    return mbedtls_ssl_get_session(&ssl_, kept_) == 0;
  }

 private:
  Wires wires_;
  mbedtls_ssl_session* kept_;
  mbedtls_ssl_context ssl_;
  bool timer_is_set_ = false;
};

class Mbedtls final : public Candidate {
 public:
  explicit Mbedtls(const Material& material) {
    mbedtls_entropy_init(&entropy_);
    mbedtls_ctr_drbg_init(&random_);
    mbedtls_ssl_session_init(&session_);
    mbedtls_ssl_cookie_init(&cookies_);
    mbedtls_ssl_ticket_init(&tickets_);
    mbedtls_pk_init(&key_);
    mbedtls_x509_crt_init(&leaf_);
    mbedtls_x509_crt_init(&root_);
    require(mbedtls_ctr_drbg_seed(&random_, mbedtls_entropy_func, &entropy_, nullptr, 0) == 0 &&
                mbedtls_ssl_cookie_setup(&cookies_, mbedtls_ctr_drbg_random, &random_) == 0 &&
                mbedtls_ssl_ticket_setup(&tickets_, mbedtls_ctr_drbg_random, &random_,
                                         MBEDTLS_CIPHER_AES_256_GCM, kTicketLifetime) == 0,
            "mbedTLS: settings");
    // PEM is given with its final zero.
    require(mbedtls_x509_crt_parse(&leaf_, text_of(material.leaf_pem),
                                   material.leaf_pem.size() + 1) == 0 &&
                mbedtls_pk_parse_key(&key_, text_of(material.key_pem), material.key_pem.size() + 1,
                                     nullptr, 0) == 0 &&
                mbedtls_x509_crt_parse(&root_, text_of(material.root_pem),
                                       material.root_pem.size() + 1) == 0,
            "mbedTLS: the identity");
    configure(server_, MBEDTLS_SSL_IS_SERVER);
    configure(client_, MBEDTLS_SSL_IS_CLIENT);
    mbedtls_ssl_conf_dtls_cookies(&server_, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check,
                                  &cookies_);
    mbedtls_ssl_conf_session_tickets_cb(&server_, mbedtls_ssl_ticket_write,
                                        mbedtls_ssl_ticket_parse, &tickets_);
    require(mbedtls_ssl_conf_own_cert(&server_, &leaf_, &key_) == 0, "mbedTLS: the certificate");
    mbedtls_ssl_conf_ca_chain(&client_, &root_, nullptr);
    mbedtls_ssl_conf_authmode(&client_, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_session_tickets(&client_, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
  }
  ~Mbedtls() override {
    listener_.reset();
    mbedtls_ssl_config_free(&server_);
    mbedtls_ssl_config_free(&client_);
    mbedtls_x509_crt_free(&root_);
    mbedtls_x509_crt_free(&leaf_);
    mbedtls_pk_free(&key_);
    mbedtls_ssl_ticket_free(&tickets_);
    mbedtls_ssl_cookie_free(&cookies_);
    mbedtls_ssl_session_free(&session_);
    mbedtls_ctr_drbg_free(&random_);
    mbedtls_entropy_free(&entropy_);
  }
  Mbedtls(Mbedtls&&) = delete;
  Mbedtls& operator=(Mbedtls&&) = delete;

  [[nodiscard]] std::string name() const override { return "mbedTLS"; }
  [[nodiscard]] std::string release() const override { return MBEDTLS_VERSION_STRING; }
  [[nodiscard]] bool speaks(Version version) const override { return version == Version::kDtls12; }

  std::unique_ptr<End> make_server(Version /*version*/, Wire& in, Wire& out) override {
    return std::make_unique<MbedtlsEnd>(server_, session_, Role::kServer, in, out);
  }
  std::unique_ptr<End> make_client(Version /*version*/, bool resumes, Wire& in,
                                   Wire& out) override {
    auto end = std::make_unique<MbedtlsEnd>(client_, session_, Role::kClient, in, out);
    if (resumes) end->resume();
    return end;
  }
  std::size_t challenge(std::span<const std::byte> hello, Wire& out) override {
    if (!listener_) listener_ = make_server(Version::kDtls12, to_listener_, from_listener_);
    to_listener_.push(hello);
    listener_->handshake();
    if (from_listener_.empty()) return 0;
    const auto answer = from_listener_.pop();
    out.push(answer);
    return answer.size();
  }

 private:
  void configure(mbedtls_ssl_config& config, int side) {
    mbedtls_ssl_config_init(&config);
    require(mbedtls_ssl_config_defaults(&config, side, MBEDTLS_SSL_TRANSPORT_DATAGRAM,
                                        MBEDTLS_SSL_PRESET_DEFAULT) == 0,
            "mbedTLS: mbedtls_ssl_config_defaults");
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random_);
    mbedtls_ssl_conf_ciphersuites(&config, kSuites.data());
    mbedtls_ssl_conf_curves(&config, kCurves.data());
    mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  }

  mbedtls_entropy_context entropy_;
  mbedtls_ctr_drbg_context random_;
  mbedtls_ssl_session session_;
  mbedtls_ssl_cookie_ctx cookies_;
  mbedtls_ssl_ticket_context tickets_;
  mbedtls_pk_context key_;
  mbedtls_x509_crt leaf_;
  mbedtls_x509_crt root_;
  mbedtls_ssl_config server_;
  mbedtls_ssl_config client_;
  Wire to_listener_;
  Wire from_listener_;
  std::unique_ptr<End> listener_;
};

}  // namespace

std::unique_ptr<Candidate> make_mbedtls(const Material& material) {
  return std::make_unique<Mbedtls>(material);
}

}  // namespace dtls::bench
