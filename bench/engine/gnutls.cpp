// GnuTLS: gnutls_dtls_cookie_* before there is a session, then gnutls_dtls_prestate_set.
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>

#include <optional>

#include "engine/candidate.hpp"

namespace dtls::bench {
namespace {

constexpr unsigned kNoTimeout = 1'000'000;  // milliseconds: nothing is lost here
// The client's certificate signatures need P-256 as well.
constexpr const char* kPriorities =
    "NONE:+VERS-DTLS1.2:+ECDHE-ECDSA:+AES-128-GCM:+AEAD:+SIGN-ECDSA-SHA256:"
    "+SIGN-ECDSA-SECP256R1-SHA256:+GROUP-X25519:+GROUP-SECP256R1:+COMP-NULL:+CTYPE-X509";

struct Wires {
  Wire* in;
  Wire* out;
};

ssize_t push(gnutls_transport_ptr_t wires, const void* data, std::size_t size) {
  const auto bytes = std::span(static_cast<const std::byte*>(data), size);
  return static_cast<Wires*>(wires)->out->push(bytes) ? static_cast<ssize_t>(size) : -1;
}

ssize_t pull(gnutls_transport_ptr_t wires, void* data, std::size_t size) {
  auto& in = *static_cast<Wires*>(wires)->in;
  if (in.empty()) {
    errno = EAGAIN;
    return -1;
  }
  const auto datagram = in.pop();
  const auto count = std::min(datagram.size(), size);
  std::ranges::copy(datagram.first(count), static_cast<std::byte*>(data));
  return static_cast<ssize_t>(count);
}

int has_input(gnutls_transport_ptr_t wires, unsigned int /*milliseconds*/) {
  return static_cast<Wires*>(wires)->in->empty() ? 0 : 1;
}

gnutls_datum_t datum_of(const std::string& text) {
  // GnuTLS reads it only; its type has no const.
  auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
  return {data, static_cast<unsigned>(text.size())};
}

// What all ends of one side share.
struct Shared {
  gnutls_certificate_credentials_t credentials = nullptr;
  gnutls_priority_t priorities = nullptr;
  gnutls_datum_t ticket_key{};
  gnutls_datum_t cookie_key{};
  gnutls_datum_t session{};
  std::array<char, 23> address{};  // the cookie is a MAC over it; here all have the same
};

class GnutlsEnd final : public End {
 public:
  GnutlsEnd(Shared& shared, Role role, Wire& in, Wire& out) : shared_(&shared), wires_{&in, &out} {
    if (role == Role::kClient) open(GNUTLS_CLIENT);
  }
  ~GnutlsEnd() override {
    if (session_ != nullptr) gnutls_deinit(session_);
  }
  GnutlsEnd(GnutlsEnd&&) = delete;
  GnutlsEnd& operator=(GnutlsEnd&&) = delete;

  void resume() {
    require(gnutls_session_set_data(session_, shared_->session.data, shared_->session.size) == 0,
            "GnuTLS: gnutls_session_set_data");
  }

  void handshake() override {
    if (session_ == nullptr && !admit()) return;
    if (established_ && wires_.in->empty()) return;
    const int done = gnutls_handshake(session_);
    require(done == 0 || gnutls_error_is_fatal(done) == 0, gnutls_strerror(done));
    established_ = done == 0;
  }
  [[nodiscard]] bool is_established() const override { return established_; }
  [[nodiscard]] bool is_resumed() const override {
    return gnutls_session_is_resumed(session_) != 0;
  }
  void send(std::span<const std::byte> message) override {
    require(gnutls_record_send(session_, message.data(), message.size()) > 0, "GnuTLS: send");
  }
  std::span<const std::byte> receive() override {
    static std::array<std::byte, Wire::kMaxDatagram> buffer;
    const auto size = gnutls_record_recv(session_, buffer.data(), buffer.size());
    closed_ = size == 0;
    return std::span(buffer).first(size > 0 ? static_cast<std::size_t>(size) : 0);
  }
  [[nodiscard]] bool is_closed() const override { return closed_; }
  [[nodiscard]] bool has_proven_peer() const override { return session_ != nullptr; }
  bool keep_session() override {
    gnutls_free(shared_->session.data);
    return gnutls_session_get_data2(session_, &shared_->session) == 0;
  }

 private:
  void open(unsigned side) {
    gnutls_init(&session_, side | GNUTLS_DATAGRAM | GNUTLS_NONBLOCK);
    gnutls_priority_set(session_, shared_->priorities);
    gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, shared_->credentials);
    gnutls_transport_set_ptr(session_, &wires_);
    gnutls_transport_set_push_function(session_, push);
    gnutls_transport_set_pull_function(session_, pull);
    gnutls_transport_set_pull_timeout_function(session_, has_input);
    gnutls_dtls_set_mtu(session_, kMtu);
    gnutls_dtls_set_timeouts(session_, kNoTimeout, kNoTimeout);
    if (side == GNUTLS_SERVER) {
      gnutls_session_ticket_enable_server(session_, &shared_->ticket_key);
    } else {
      gnutls_server_name_set(session_, GNUTLS_NAME_DNS, kServerName, sizeof("localhost") - 1);
      gnutls_session_set_verify_cert(session_, kServerName, 0);
    }
  }

  // A stranger's hello is left on the wire when its cookie is right: the session reads it again.
  bool admit() {
    if (wires_.in->empty()) return false;
    const auto hello = wires_.in->pop();
    gnutls_dtls_prestate_st state{};
    if (gnutls_dtls_cookie_verify(&shared_->cookie_key, shared_->address.data(),
                                  shared_->address.size(), hello.data(), hello.size(),
                                  &state) < 0) {
      gnutls_dtls_cookie_send(&shared_->cookie_key, shared_->address.data(),
                              shared_->address.size(), &state, &wires_, push);
      return false;
    }
    open(GNUTLS_SERVER);
    gnutls_dtls_prestate_set(session_, &state);
    std::array<std::byte, Wire::kMaxDatagram> again;
    std::ranges::copy(hello, again.begin());
    wires_.in->push(std::span(again).first(hello.size()));
    return true;
  }

  Shared* shared_;
  gnutls_session_t session_ = nullptr;
  Wires wires_;
  bool established_ = false;
  bool closed_ = false;
};

class Gnutls final : public Candidate {
 public:
  explicit Gnutls(const Material& material) {
    const auto root = datum_of(material.root_pem);
    const auto leaf = datum_of(material.leaf_pem);
    const auto key = datum_of(material.key_pem);
    for (auto* side : {&server_, &client_}) {
      require(gnutls_certificate_allocate_credentials(&side->credentials) == 0 &&
                  gnutls_priority_init(&side->priorities, kPriorities, nullptr) == 0,
              "GnuTLS: settings");
    }
    require(gnutls_certificate_set_x509_key_mem(server_.credentials, &leaf, &key,
                                                GNUTLS_X509_FMT_PEM) == 0 &&
                gnutls_certificate_set_x509_trust_mem(client_.credentials, &root,
                                                      GNUTLS_X509_FMT_PEM) == 1,
            "GnuTLS: the identity");
    gnutls_session_ticket_key_generate(&server_.ticket_key);
    gnutls_key_generate(&server_.cookie_key, GNUTLS_COOKIE_KEY_SIZE);
  }
  ~Gnutls() override {
    for (auto* side : {&server_, &client_}) {
      gnutls_certificate_free_credentials(side->credentials);
      gnutls_priority_deinit(side->priorities);
      for (auto* datum : {&side->ticket_key, &side->cookie_key, &side->session}) {
        gnutls_free(datum->data);
      }
    }
  }
  Gnutls(Gnutls&&) = delete;
  Gnutls& operator=(Gnutls&&) = delete;

  [[nodiscard]] std::string name() const override { return "GnuTLS"; }
  [[nodiscard]] std::string release() const override { return gnutls_check_version(nullptr); }
  [[nodiscard]] bool speaks(Version version) const override { return version == Version::kDtls12; }

  std::unique_ptr<End> make_server(Version /*version*/, Wire& in, Wire& out) override {
    return std::make_unique<GnutlsEnd>(server_, Role::kServer, in, out);
  }
  std::unique_ptr<End> make_client(Version /*version*/, bool resumes, Wire& in,
                                   Wire& out) override {
    auto end = std::make_unique<GnutlsEnd>(client_, Role::kClient, in, out);
    if (resumes) end->resume();
    return end;
  }
  std::size_t challenge(std::span<const std::byte> hello, Wire& out) override {
    // Only what a listening server does; no End, whose wires would need a copy of the hello.
    gnutls_dtls_prestate_st state{};
    Wires wires{nullptr, &out};
    copy_.assign(hello.begin(), hello.end());
    if (gnutls_dtls_cookie_verify(&server_.cookie_key, server_.address.data(),
                                  server_.address.size(), copy_.data(), copy_.size(),
                                  &state) == 0) {
      return 0;
    }
    const int sent = gnutls_dtls_cookie_send(&server_.cookie_key, server_.address.data(),
                                             server_.address.size(), &state, &wires, push);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }

 private:
  Shared server_;
  Shared client_;
  std::vector<std::byte> copy_;
};

}  // namespace

std::unique_ptr<Candidate> make_gnutls(const Material& material) {
  return std::make_unique<Gnutls>(material);
}

}  // namespace dtls::bench
