// OpenSSL's libssl: DTLSv1_listen for the cookie, then the same SSL goes on.
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "crypto/owned.hpp"
#include "engine/candidate.hpp"

namespace dtls::bench {
namespace {

using OwnedContext = crypto::OwnedBy<SSL_CTX, SSL_CTX_free>;
using OwnedSsl = crypto::OwnedBy<SSL, SSL_free>;
using OwnedSession = crypto::OwnedBy<SSL_SESSION, SSL_SESSION_free>;
using OwnedMethod = crypto::OwnedBy<BIO_METHOD, BIO_meth_free>;

std::span<const std::byte> bytes_of(const char* data, int size) {
  return std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
}

struct Wires {
  Wire* in;
  Wire* out;
};

Wires& wires_of(BIO* bio) {
  return *static_cast<Wires*>(BIO_get_data(bio));
}

int write_datagram(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  return wires_of(bio).out->push(bytes_of(data, size)) ? size : -1;
}

int read_datagram(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  auto& in = *wires_of(bio).in;
  if (in.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const auto datagram = in.pop();
  const auto count = std::min(datagram.size(), static_cast<std::size_t>(size));
  std::ranges::copy(datagram.first(count), reinterpret_cast<std::byte*>(data));
  return static_cast<int>(count);
}

long control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

int create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
  BIO_meth_set_write(method, write_datagram);
  BIO_meth_set_read(method, read_datagram);
  BIO_meth_set_ctrl(method, control);
  BIO_meth_set_create(method, create);
  return method;
}

// The cookie is a MAC over the address, as in the examples of OpenSSL; here all have the same.
constexpr std::array<unsigned char, 23> kAddress{};
std::array<unsigned char, 32> cookie_key;

int make_cookie(SSL* /*ssl*/, unsigned char* cookie, unsigned int* size) {
  return HMAC(EVP_sha256(), cookie_key.data(), static_cast<int>(cookie_key.size()), kAddress.data(),
              kAddress.size(), cookie, size) != nullptr
             ? 1
             : 0;
}

int check_cookie(SSL* ssl, const unsigned char* cookie, unsigned int size) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> expected{};
  unsigned int expected_size = 0;
  return make_cookie(ssl, expected.data(), &expected_size) == 1 && size == expected_size &&
                 CRYPTO_memcmp(cookie, expected.data(), size) == 0
             ? 1
             : 0;
}

crypto::OwnedBio reader_of(const std::string& pem) {
  return crypto::OwnedBio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

OwnedContext make_context(const SSL_METHOD* method) {
  OwnedContext context(SSL_CTX_new(method));
  auto* const raw = context.get();
  require(SSL_CTX_set_min_proto_version(raw, DTLS1_2_VERSION) == 1 &&
              SSL_CTX_set_cipher_list(raw, "ECDHE-ECDSA-AES128-GCM-SHA256") == 1 &&
              SSL_CTX_set1_groups_list(raw, "X25519:P-256") == 1 &&
              SSL_CTX_set1_sigalgs_list(raw, "ECDSA+SHA256") == 1,
          "OpenSSL: settings");
  SSL_CTX_set_options(raw, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION);
  // What OpenSSL offers to those who have many idle associations.
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  return context;
}

class OpensslEnd final : public End {
 public:
  OpensslEnd(SSL_CTX* context, BIO_METHOD* method, Role role, OwnedSession& kept, Wire& in,
             Wire& out)
      : wires_{&in, &out}, ssl_(SSL_new(context)), kept_(&kept), listens_(role == Role::kServer) {
    BIO* const bio = BIO_new(method);
    BIO_set_data(bio, &wires_);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_mtu(ssl_.get(), kMtu);
    if (role == Role::kServer) {
      SSL_set_accept_state(ssl_.get());
    } else {
      SSL_set_tlsext_host_name(ssl_.get(), kServerName);
      SSL_set1_host(ssl_.get(), kServerName);
      SSL_set_connect_state(ssl_.get());
    }
  }

  // A session whose end was not told to libssl cannot be resumed.
  ~OpensslEnd() override {
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  OpensslEnd(OpensslEnd&&) = delete;
  OpensslEnd& operator=(OpensslEnd&&) = delete;

  void resume(SSL_SESSION* session) {
    require(SSL_set_session(ssl_.get(), session) == 1, "OpenSSL: SSL_set_session");
  }

  // listen says whether a hello with a cookie has come.
  bool listen() { return DTLSv1_listen(ssl_.get(), peer_address()) == 1; }

  void handshake() override {
    if (listens_) {
      if (!listen()) return;
      listens_ = false;
    }
    const int done = SSL_do_handshake(ssl_.get());
    require(done == 1 || SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ,
            "OpenSSL: handshake");
  }
  [[nodiscard]] bool is_established() const override {
    return SSL_is_init_finished(ssl_.get()) == 1;
  }
  [[nodiscard]] bool is_resumed() const override { return SSL_session_reused(ssl_.get()) == 1; }
  void send(std::span<const std::byte> message) override {
    require(SSL_write(ssl_.get(), message.data(), static_cast<int>(message.size())) > 0,
            "OpenSSL: send");
  }
  std::span<const std::byte> receive() override {
    static std::array<std::byte, Wire::kMaxDatagram> buffer;
    const int size = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
    return std::span(buffer).first(size > 0 ? static_cast<std::size_t>(size) : 0);
  }
  [[nodiscard]] bool is_closed() const override {
    return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  [[nodiscard]] bool has_proven_peer() const override { return !listens_; }
  bool keep_session() override {
    kept_->reset(SSL_get1_session(ssl_.get()));
    return SSL_SESSION_has_ticket(kept_->get()) == 1;
  }

 private:
  // DTLSv1_listen wants to be told where to write the peer's address.
  static BIO_ADDR* peer_address() {
    static BIO_ADDR* const kAddressRead = BIO_ADDR_new();
    return kAddressRead;
  }

  Wires wires_;
  OwnedSsl ssl_;
  OwnedSession* kept_;
  bool listens_;
};

class Openssl final : public Candidate {
 public:
  explicit Openssl(const Material& material)
      : method_(make_method()),
        server_(make_context(DTLS_server_method())),
        client_(make_context(DTLS_client_method())) {
    RAND_bytes(cookie_key.data(), static_cast<int>(cookie_key.size()));
    const crypto::OwnedCertificate leaf(
        PEM_read_bio_X509(reader_of(material.leaf_pem).get(), nullptr, nullptr, nullptr));
    const crypto::OwnedKey key(
        PEM_read_bio_PrivateKey(reader_of(material.key_pem).get(), nullptr, nullptr, nullptr));
    const crypto::OwnedCertificate root(
        PEM_read_bio_X509(reader_of(material.root_pem).get(), nullptr, nullptr, nullptr));
    SSL_CTX* const server = server_.get();
    require(SSL_CTX_use_certificate(server, leaf.get()) == 1 &&
                SSL_CTX_use_PrivateKey(server, key.get()) == 1,
            "OpenSSL: the identity");
    SSL_CTX_set_options(server, SSL_OP_COOKIE_EXCHANGE);
    SSL_CTX_set_cookie_generate_cb(server, make_cookie);
    SSL_CTX_set_cookie_verify_cb(server, check_cookie);
    SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_session_cache_mode(client_.get(), SSL_SESS_CACHE_OFF);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(client_.get()), root.get());
    SSL_CTX_set_verify(client_.get(), SSL_VERIFY_PEER, nullptr);
  }

  [[nodiscard]] std::string name() const override { return "OpenSSL"; }
  [[nodiscard]] std::string release() const override {
    return OpenSSL_version(OPENSSL_VERSION_STRING);
  }
  // No release of libssl so far has DTLS 1.3.
  [[nodiscard]] bool speaks(Version version) const override { return version == Version::kDtls12; }

  std::unique_ptr<End> make_server(Version /*version*/, Wire& in, Wire& out) override {
    return std::make_unique<OpensslEnd>(server_.get(), method_.get(), Role::kServer, session_, in,
                                        out);
  }
  std::unique_ptr<End> make_client(Version /*version*/, bool resumes, Wire& in,
                                   Wire& out) override {
    auto end = std::make_unique<OpensslEnd>(client_.get(), method_.get(), Role::kClient, session_,
                                            in, out);
    if (resumes) end->resume(session_.get());
    return end;
  }
  std::size_t challenge(std::span<const std::byte> hello, Wire& out) override {
    if (!listener_) {
      listener_ = std::make_unique<OpensslEnd>(server_.get(), method_.get(), Role::kServer,
                                               session_, to_listener_, from_listener_);
    }
    to_listener_.push(hello);
    listener_->listen();
    if (from_listener_.empty()) return 0;
    const auto answer = from_listener_.pop();
    out.push(answer);
    return answer.size();
  }

 private:
  OwnedMethod method_;
  OwnedContext server_;
  OwnedContext client_;
  OwnedSession session_;
  Wire to_listener_;
  Wire from_listener_;
  std::unique_ptr<OpensslEnd> listener_;
};

}  // namespace

std::unique_ptr<Candidate> make_openssl(const Material& material) {
  return std::make_unique<Openssl>(material);
}

}  // namespace dtls::bench
