// wolfSSL: it answers the first hello without state by itself, so one WOLFSSL does all.
#include <wolfssl/options.h>
// After the options.
#include <wolfssl/ssl.h>
#include <wolfssl/version.h>

#include "engine/candidate.hpp"

namespace dtls::bench {
namespace {

struct Wires {
  Wire* in;
  Wire* out;
};

int push(WOLFSSL* /*ssl*/, char* data, int size, void* wires) {
  const auto bytes = std::as_bytes(std::span(data, static_cast<std::size_t>(size)));
  return static_cast<Wires*>(wires)->out->push(bytes) ? size : WOLFSSL_CBIO_ERR_GENERAL;
}

int pull(WOLFSSL* /*ssl*/, char* data, int size, void* wires) {
  auto& in = *static_cast<Wires*>(wires)->in;
  if (in.empty()) return WOLFSSL_CBIO_ERR_WANT_READ;
  const auto datagram = in.pop();
  const auto count = std::min(datagram.size(), static_cast<std::size_t>(size));
  std::ranges::copy(datagram.first(count), reinterpret_cast<std::byte*>(data));
  return static_cast<int>(count);
}

// The cookie is a MAC over the address; here all clients have the same.
int make_cookie(WOLFSSL* /*ssl*/, unsigned char* cookie, int size, void* /*context*/) {
  static constexpr std::array<unsigned char, 23> kAddress{};
  static constexpr std::array<unsigned char, 32> kKey{1};
  std::array<unsigned char, WC_SHA256_DIGEST_SIZE> mac{};
  Hmac hmac;
  if (wc_HmacInit(&hmac, nullptr, INVALID_DEVID) != 0 ||
      wc_HmacSetKey(&hmac, WC_SHA256, kKey.data(), kKey.size()) != 0 ||
      wc_HmacUpdate(&hmac, kAddress.data(), kAddress.size()) != 0 ||
      wc_HmacFinal(&hmac, mac.data()) != 0) {
    return -1;
  }
  wc_HmacFree(&hmac);
  const auto count = std::min(mac.size(), static_cast<std::size_t>(size));
  std::copy_n(mac.begin(), count, cookie);
  return static_cast<int>(count);
}

using Session = std::unique_ptr<WOLFSSL_SESSION, decltype(&wolfSSL_SESSION_free)>;

class WolfsslEnd final : public End {
 public:
  WolfsslEnd(WOLFSSL_CTX* context, Session& kept, Role role, Wire& in, Wire& out)
      : wires_{&in, &out}, ssl_(wolfSSL_new(context)), kept_(&kept), role_(role) {
    require(ssl_ != nullptr, "wolfSSL: wolfSSL_new");
    wolfSSL_SetIOReadCtx(ssl_, &wires_);
    wolfSSL_SetIOWriteCtx(ssl_, &wires_);
    wolfSSL_dtls_set_using_nonblock(ssl_, 1);
    if (role == Role::kClient) {
      wolfSSL_UseSNI(ssl_, WOLFSSL_SNI_HOST_NAME, kServerName, sizeof("localhost") - 1);
      wolfSSL_check_domain_name(ssl_, kServerName);
      wolfSSL_UseSessionTicket(ssl_);
    }
  }
  ~WolfsslEnd() override { wolfSSL_free(ssl_); }
  WolfsslEnd(WolfsslEnd&&) = delete;
  WolfsslEnd& operator=(WolfsslEnd&&) = delete;

  void resume() {
    require(wolfSSL_set_session(ssl_, kept_->get()) == WOLFSSL_SUCCESS,
            "wolfSSL: wolfSSL_set_session");
  }

  void handshake() override {
    if (is_established()) return;
    const int done = role_ == Role::kServer ? wolfSSL_accept(ssl_) : wolfSSL_connect(ssl_);
    require(done == WOLFSSL_SUCCESS || wolfSSL_get_error(ssl_, done) == WOLFSSL_ERROR_WANT_READ,
            "wolfSSL: handshake");
    established_ = done == WOLFSSL_SUCCESS;
  }
  [[nodiscard]] bool is_established() const override { return established_; }
  [[nodiscard]] bool is_resumed() const override { return wolfSSL_session_reused(ssl_) == 1; }
  void send(std::span<const std::byte> message) override {
    require(wolfSSL_write(ssl_, message.data(), static_cast<int>(message.size())) > 0,
            "wolfSSL: send");
  }
  std::span<const std::byte> receive() override {
    static std::array<std::byte, Wire::kMaxDatagram> buffer;
    const int size = wolfSSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
    return std::span(buffer).first(size > 0 ? static_cast<std::size_t>(size) : 0);
  }
  bool keep_session() override {
    kept_->reset(wolfSSL_get1_session(ssl_));
    return *kept_ != nullptr;
  }

 private:
  Wires wires_;
  WOLFSSL* ssl_;
  Session* kept_;
  Role role_;
  bool established_ = false;
};

class Wolfssl final : public Candidate {
 public:
  explicit Wolfssl(const Material& material)
      : server_(wolfSSL_CTX_new(wolfDTLSv1_2_server_method())),
        client_(wolfSSL_CTX_new(wolfDTLSv1_2_client_method())) {
    for (auto* context : {server_, client_}) {
      require(context != nullptr &&
                  wolfSSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") ==
                      WOLFSSL_SUCCESS,
              "wolfSSL: settings");
      wolfSSL_CTX_UseSupportedCurve(context, WOLFSSL_ECC_X25519);
      wolfSSL_CTX_UseSupportedCurve(context, WOLFSSL_ECC_SECP256R1);
      wolfSSL_SetIORecv(context, pull);
      wolfSSL_SetIOSend(context, push);
      wolfSSL_CTX_SetGenCookie(context, make_cookie);
    }
    const auto size = [](const std::string& pem) { return static_cast<long>(pem.size()); };
    const auto data = [](const std::string& pem) {
      return reinterpret_cast<const unsigned char*>(pem.data());
    };
    const auto& [root, leaf, key] = material;
    require(wolfSSL_CTX_use_certificate_buffer(server_, data(leaf), size(leaf),
                                               WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS &&
                wolfSSL_CTX_use_PrivateKey_buffer(server_, data(key), size(key),
                                                  WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS &&
                wolfSSL_CTX_load_verify_buffer(client_, data(root), size(root),
                                               WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS,
            "wolfSSL: the identity");
    wolfSSL_CTX_set_verify(server_, WOLFSSL_VERIFY_NONE, nullptr);
    wolfSSL_CTX_set_verify(client_, WOLFSSL_VERIFY_PEER, nullptr);
    wolfSSL_CTX_set_session_cache_mode(server_, WOLFSSL_SESS_CACHE_OFF);
    wolfSSL_CTX_set_session_cache_mode(client_, WOLFSSL_SESS_CACHE_OFF);
  }
  ~Wolfssl() override {
    listener_.reset();
    session_.reset();
    wolfSSL_CTX_free(server_);
    wolfSSL_CTX_free(client_);
  }
  Wolfssl(Wolfssl&&) = delete;
  Wolfssl& operator=(Wolfssl&&) = delete;

  [[nodiscard]] std::string name() const override { return "wolfSSL"; }
  [[nodiscard]] std::string release() const override { return wolfSSL_lib_version(); }
  // Debian 12's is built without WOLFSSL_DTLS13.
  [[nodiscard]] bool speaks(Version version) const override { return version == Version::kDtls12; }

  std::unique_ptr<End> make_server(Version /*version*/, Wire& in, Wire& out) override {
    return std::make_unique<WolfsslEnd>(server_, session_, Role::kServer, in, out);
  }
  std::unique_ptr<End> make_client(Version /*version*/, bool resumes, Wire& in,
                                   Wire& out) override {
    auto end = std::make_unique<WolfsslEnd>(client_, session_, Role::kClient, in, out);
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
  WOLFSSL_CTX* server_;
  WOLFSSL_CTX* client_;
  Session session_{nullptr, wolfSSL_SESSION_free};
  Wire to_listener_;
  Wire from_listener_;
  std::unique_ptr<End> listener_;
};

}  // namespace

std::unique_ptr<Candidate> make_wolfssl(const Material& material) {
  return std::make_unique<Wolfssl>(material);
}

}  // namespace dtls::bench
