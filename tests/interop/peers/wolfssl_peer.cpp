// A peer that speaks DTLS with wolfSSL: 1.2, and 1.3 where the library has it (Debian 12's has
// not; newer_suite.sh fetches one that has).
#include <wolfssl/options.h>
// After the options.
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include <algorithm>
#include <array>
#include <memory>

#include "peer_program.hpp"

namespace {

using namespace dtls::peers;

constexpr std::size_t kExportSize = 20;

void require(bool fine, const char* what) {
  if (!fine) fail(what);
}

int push(WOLFSSL* /*ssl*/, char* data, int size, void* socket) {
  const int sent = static_cast<Socket*>(socket)->send(data, static_cast<std::size_t>(size));
  return sent < 0 ? size : sent;  // what the kernel does not take is lost
}

int pull(WOLFSSL* /*ssl*/, char* into, int size, void* socket) {
  const int got = static_cast<Socket*>(socket)->receive(into, static_cast<std::size_t>(size));
  return got < 0 ? WOLFSSL_CBIO_ERR_WANT_READ : got;
}

// The cookie is a MAC of the peer's port.
int make_cookie(WOLFSSL* /*ssl*/, unsigned char* cookie, int size, void* socket) {
  static constexpr std::array<unsigned char, 32> kKey{1};
  const auto& peer = static_cast<const Socket*>(socket)->peer();
  std::array<unsigned char, WC_SHA256_DIGEST_SIZE> mac{};
  Hmac hmac;
  if (wc_HmacInit(&hmac, nullptr, INVALID_DEVID) != 0 ||
      wc_HmacSetKey(&hmac, WC_SHA256, kKey.data(), kKey.size()) != 0 ||
      wc_HmacUpdate(&hmac, reinterpret_cast<const unsigned char*>(&peer.sin_port),
                    sizeof(peer.sin_port)) != 0 ||
      wc_HmacFinal(&hmac, mac.data()) != 0) {
    return -1;
  }
  wc_HmacFree(&hmac);
  const auto count = std::min(mac.size(), static_cast<std::size_t>(size));
  std::copy_n(mac.begin(), count, cookie);
  return static_cast<int>(count);
}

unsigned short group_of(const std::string& name) {
  if (name == "P-256") return WOLFSSL_ECC_SECP256R1;
  if (name == "P-384") return WOLFSSL_ECC_SECP384R1;
#ifdef WOLFSSL_HAVE_MLKEM
  if (name == "X25519MLKEM768") return WOLFSSL_X25519MLKEM768;
#endif
  return WOLFSSL_ECC_X25519;
}

WOLFSSL_METHOD* method_of(const Options& options) {
  if (!options.speaks_13) {
    return options.is_server ? wolfDTLSv1_2_server_method() : wolfDTLSv1_2_client_method();
  }
#ifdef WOLFSSL_DTLS13
  return options.is_server ? wolfDTLSv1_3_server_method() : wolfDTLSv1_3_client_method();
#else
  fail("this wolfSSL was built without DTLS 1.3");
#endif
}

using Context = std::unique_ptr<WOLFSSL_CTX, decltype(&wolfSSL_CTX_free)>;
using Session = std::unique_ptr<WOLFSSL_SESSION, decltype(&wolfSSL_SESSION_free)>;

Context make_context(const Options& options) {
  Context context(wolfSSL_CTX_new(method_of(options)), wolfSSL_CTX_free);
  require(context != nullptr, "no context");
  wolfSSL_SetIORecv(context.get(), pull);
  wolfSSL_SetIOSend(context.get(), push);
  wolfSSL_CTX_SetGenCookie(context.get(), make_cookie);
  wolfSSL_CTX_set_verify(context.get(),
                         options.ca.empty()
                             ? WOLFSSL_VERIFY_NONE
                             : WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                         nullptr);
  require(options.ca.empty() || wolfSSL_CTX_load_verify_locations(context.get(), options.ca.c_str(),
                                                                  nullptr) == WOLFSSL_SUCCESS,
          "the authority cannot be read");
  if (!options.cert.empty()) {
    require(wolfSSL_CTX_use_certificate_chain_file(context.get(), options.cert.c_str()) ==
                    WOLFSSL_SUCCESS &&
                wolfSSL_CTX_use_PrivateKey_file(context.get(), options.key.c_str(),
                                                WOLFSSL_FILETYPE_PEM) == WOLFSSL_SUCCESS,
            "the certificate cannot be read");
  }
#ifdef WOLFSSL_DTLS_MTU
  if (options.mtu != 0) {
    wolfSSL_CTX_dtls_set_mtu(context.get(), static_cast<unsigned short>(options.mtu));
  }
#endif
  return context;
}

class Conversation final : public Talker {
 public:
  Conversation(WOLFSSL_CTX* context, const Options& options, Socket& socket)
      : options_(options), socket_(socket), ssl_(wolfSSL_new(context)) {
    require(ssl_ != nullptr, "no association");
    wolfSSL_SetIOReadCtx(ssl_, &socket);
    wolfSSL_SetIOWriteCtx(ssl_, &socket);
    wolfSSL_SetCookieCtx(ssl_, &socket);
    wolfSSL_dtls_set_using_nonblock(ssl_, 1);
    wolfSSL_dtls_set_timeout_init(ssl_, 1);
    wolfSSL_KeepArrays(ssl_);
    for (const auto& group : options.groups)
      wolfSSL_UseSupportedCurve(ssl_, group_of(group));
    if (options.is_server) return;
    wolfSSL_UseSNI(ssl_, WOLFSSL_SNI_HOST_NAME, options.name.data(),
                   static_cast<unsigned short>(options.name.size()));
    wolfSSL_check_domain_name(ssl_, options.name.c_str());
    wolfSSL_UseSessionTicket(ssl_);
#ifdef WOLFSSL_DTLS13
    if (options.speaks_13 && !options.groups.empty()) {
      wolfSSL_UseKeyShare(ssl_, group_of(options.groups.front()));
    }
#endif
  }
  ~Conversation() override {
    wolfSSL_free(ssl_);
  }

  void resume(WOLFSSL_SESSION* session) {
    require(wolfSSL_set_session(ssl_, session) == WOLFSSL_SUCCESS, "the session cannot be taken");
  }
  void keep(Session& session) {
    session.reset(wolfSSL_get1_session(ssl_));
  }

  void shake_hands() {
    if (options_.is_server) socket_.await_first();
    while (true) {
      const int done = options_.is_server ? wolfSSL_accept(ssl_) : wolfSSL_connect(ssl_);
      if (done == WOLFSSL_SUCCESS) break;
      const int error = wolfSSL_get_error(ssl_, done);
      if (error == WOLFSSL_ERROR_WANT_READ) {
        wait(false);
      } else {
        fail_with(error);
      }
    }
    say(std::string("established ") + wolfSSL_get_cipher(ssl_));
    say(!options_.ca.empty() && wolfSSL_get_verify_result(ssl_) == 0 ? "verified yes"
                                                                     : "verified no");
    say(wolfSSL_session_reused(ssl_) == 1 ? "resumed yes" : "resumed no");
#ifdef HAVE_KEYING_MATERIAL
    std::array<unsigned char, kExportSize> keys{};
    if (wolfSSL_export_keying_material(ssl_, keys.data(), keys.size(),
                                       options_.export_label.c_str(), options_.export_label.size(),
                                       nullptr, 0, 0) == WOLFSSL_SUCCESS) {
      say("exported " + hex_of(keys.data(), keys.size()));
    }
#endif
  }

 private:
  std::optional<std::size_t> receive(std::span<char> into) override {
    const int size = wolfSSL_read(ssl_, into.data(), static_cast<int>(into.size()));
    if (size > 0) return static_cast<std::size_t>(size);
    const int error = wolfSSL_get_error(ssl_, size);
    if (error == WOLFSSL_ERROR_ZERO_RETURN) {
      wolfSSL_shutdown(ssl_);
      return 0;
    }
    if (error != WOLFSSL_ERROR_WANT_READ) fail_with(error);
    return std::nullopt;
  }

  void close() override {
    wolfSSL_shutdown(ssl_);
  }

  Socket::Woken wait(bool with_input) override {
    const auto until = Clock::now() + std::chrono::seconds(wolfSSL_dtls_get_current_timeout(ssl_));
    const auto woken = socket_.wait(until, with_input);
    if (woken == Socket::Woken::kTimeout && wolfSSL_dtls_got_timeout(ssl_) == WOLFSSL_FATAL_ERROR) {
      fail("the handshake was repeated too often");
    }
    return woken;
  }

  void send(const std::string& text) override {
    require(wolfSSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0, "nothing sent");
  }

  void update_keys() override {
#ifdef WOLFSSL_DTLS13
    if (options_.speaks_13) {
      require(wolfSSL_update_keys(ssl_) == WOLFSSL_SUCCESS, "no key update");
      say("updated");
    }
#endif
  }

  [[noreturn]] void fail_with(int error) {
    std::array<char, WOLFSSL_MAX_ERROR_SZ> text{};
    wolfSSL_ERR_error_string(static_cast<unsigned long>(error), text.data());
    const std::string why = std::to_string(error) + " " + text.data();
    const bool of_certificate = error == ASN_NO_SIGNER_E || error == ASN_SELF_SIGNED_E ||
                                error == ASN_SIG_CONFIRM_E || error == DOMAIN_NAME_MISMATCH ||
                                error == NO_PEER_CERT;
    of_certificate ? refuse(why) : fail(why);
  }

  const Options& options_;
  Socket& socket_;
  WOLFSSL* ssl_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  wolfSSL_Init();
  const auto context = make_context(options);
  Session session(nullptr, wolfSSL_SESSION_free);
  std::optional<Socket> socket;
  for (unsigned i = 0; i < options.connections; ++i) {
    if (!socket || !options.is_server) socket.emplace(options);
    Conversation conversation(context.get(), options, *socket);
    if (session != nullptr) conversation.resume(session.get());
    conversation.shake_hands();
    const bool goes_on = conversation.talk(options.is_server);
    if (!options.is_server) conversation.keep(session);
    if (!goes_on) break;
  }
  return 0;
}
