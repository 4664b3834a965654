// A peer that speaks DTLS 1.2 and 1.3 with NSS, as browsers did it: no cookies, no choice of MTU.
#include <cert.h>
#include <keyhi.h>
#include <nspr.h>
#include <nss.h>
#include <nssb64.h>
#include <pk11pub.h>
#include <secerr.h>
#include <ssl.h>
#include <sslerr.h>
#include <sslexp.h>
#include <sslproto.h>

#include <array>
#include <fstream>
#include <iterator>
#include <memory>

#include "peer_program.hpp"

namespace {

using namespace dtls::peers;

constexpr unsigned kExportSize = 20;

void require(bool fine, const char* what) {
  if (fine) return;
  const char* name = PR_ErrorToName(PR_GetError());
  fail(std::string(what) + ": " + (name == nullptr ? "unknown" : name));
}

// ---- the socket, as NSPR sees it ----

Socket& socket_of(PRFileDesc* layer) {
  return *reinterpret_cast<Socket*>(layer->secret);
}

PRInt32 pull(PRFileDesc* layer, void* into, PRInt32 size, PRIntn /*flags*/,
             PRIntervalTime /*timeout*/) {
  const int got = socket_of(layer).receive(into, static_cast<std::size_t>(size));
  if (got < 0) PR_SetError(PR_WOULD_BLOCK_ERROR, 0);
  return got;
}

PRInt32 push(PRFileDesc* layer, const void* data, PRInt32 size, PRIntn /*flags*/,
             PRIntervalTime /*timeout*/) {
  socket_of(layer).send(data, static_cast<std::size_t>(size));
  return size;  // what the kernel does not take is lost
}

PRStatus tell_peer(PRFileDesc* layer, PRNetAddr* address) {
  PR_InitializeNetAddr(PR_IpAddrLoopback, 0, address);
  address->inet.port = socket_of(layer).peer().sin_port;
  return PR_SUCCESS;
}

PRStatus tell_option(PRFileDesc* /*layer*/, PRSocketOptionData* option) {
  if (option->option != PR_SockOpt_Nonblocking) return PR_FAILURE;
  option->value.non_blocking = PR_TRUE;
  return PR_SUCCESS;
}

// NSS wants to set some when it closes; a layer without a lower one has nobody to pass them to.
PRStatus take_option(PRFileDesc* /*layer*/, const PRSocketOptionData* /*option*/) {
  return PR_SUCCESS;
}

// The socket is not NSPR's to close, and the layer goes with the program.
PRStatus leave(PRFileDesc* /*layer*/) {
  return PR_SUCCESS;
}
PRStatus shut(PRFileDesc* /*layer*/, PRIntn /*how*/) {
  return PR_SUCCESS;
}

PRFileDesc* make_layer(Socket& socket) {
  static const PRIOMethods kMethods = [] {
    PRIOMethods methods = *PR_GetDefaultIOMethods();
    methods.recv = pull;
    methods.send = push;
    methods.getpeername = tell_peer;
    methods.getsocketoption = tell_option;
    methods.setsocketoption = take_option;
    methods.close = leave;
    methods.shutdown = shut;
    return methods;
  }();
  static const PRDescIdentity kIdentity = PR_GetUniqueIdentity("loopback");
  PRFileDesc* layer = PR_CreateIOLayerStub(kIdentity, &kMethods);
  require(layer != nullptr, "no layer");
  layer->secret = reinterpret_cast<PRFilePrivate*>(&socket);
  return layer;
}

// ---- certificates and keys ----

SECItem* der_of(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto begin = text.find("-----\n") + 6;
  const auto end = text.find("-----END");
  require(begin < end && end != std::string::npos, "no PEM file");
  SECItem* der = NSSBase64_DecodeBuffer(nullptr, nullptr, text.data() + begin,
                                        static_cast<unsigned>(end - begin));
  require(der != nullptr, "no PEM file");
  return der;
}

CERTCertificate* load_certificate(const std::string& path) {
  SECItem* der = der_of(path);
  CERTCertificate* certificate =
      CERT_NewTempCertificate(CERT_GetDefaultCertDB(), der, nullptr, PR_FALSE, PR_TRUE);
  require(certificate != nullptr, "the certificate cannot be read");
  SECITEM_FreeItem(der, PR_TRUE);
  return certificate;
}

SECKEYPrivateKey* load_key(const std::string& path) {
  SECItem* der = der_of(path);
  PK11SlotInfo* slot = PK11_GetInternalSlot();
  SECKEYPrivateKey* key = nullptr;
  require(PK11_ImportDERPrivateKeyInfoAndReturnKey(slot, der, nullptr, nullptr, PR_FALSE, PR_TRUE,
                                                   KU_ALL, &key, nullptr) == SECSuccess,
          "the key cannot be read");
  PK11_FreeSlot(slot);
  SECITEM_ZfreeItem(der, PR_TRUE);
  return key;
}

void trust(const std::string& path) {
  CERTCertTrust trust{};
  CERT_DecodeTrustString(&trust, "CT,C,C");
  require(
      CERT_ChangeCertTrust(CERT_GetDefaultCertDB(), load_certificate(path), &trust) == SECSuccess,
      "the authority is not trusted");
}

struct Identity {
  CERTCertificate* certificate = nullptr;
  SECKEYPrivateKey* key = nullptr;
};

SECStatus show_identity(void* identity, PRFileDesc* /*fd*/, CERTDistNames* /*authorities*/,
                        CERTCertificate** certificate, SECKEYPrivateKey** key) {
  const auto& own = *static_cast<const Identity*>(identity);
  if (own.certificate == nullptr) return SECFailure;
  *certificate = CERT_DupCertificate(own.certificate);
  *key = SECKEY_CopyPrivateKey(own.key);
  return SECSuccess;
}

SSLNamedGroup group_of(const std::string& name) {
  if (name == "P-256") return ssl_grp_ec_secp256r1;
  if (name == "P-384") return ssl_grp_ec_secp384r1;
  return ssl_grp_ec_curve25519;
}

class Conversation final : public Talker {
 public:
  Conversation(const Options& options, Identity& identity, Socket& socket)
      : options_(options), socket_(socket) {
    if (options.is_server) socket.await_first();
    fd_ = DTLS_ImportFD(nullptr, make_layer(socket));
    require(fd_ != nullptr, "no association");
    const auto version = static_cast<PRUint16>(options.speaks_13 ? SSL_LIBRARY_VERSION_DTLS_1_3
                                                                 : SSL_LIBRARY_VERSION_DTLS_1_2);
    const SSLVersionRange range{version, version};
    require(SSL_VersionRangeSet(fd_, &range) == SECSuccess, "no such version");
    require(SSL_OptionSet(fd_, SSL_ENABLE_SESSION_TICKETS, PR_TRUE) == SECSuccess &&
                SSL_OptionSet(fd_, SSL_ENABLE_EXTENDED_MASTER_SECRET, PR_TRUE) == SECSuccess,
            "settings");
    if (!options.groups.empty()) {
      std::vector<SSLNamedGroup> groups;
      for (const auto& name : options.groups)
        groups.push_back(group_of(name));
      require(SSL_NamedGroupConfig(fd_, groups.data(), static_cast<unsigned>(groups.size())) ==
                  SECSuccess,
              "groups");
    }
    options.is_server ? serve(identity) : ask(identity);
    require(SSL_ResetHandshake(fd_, options.is_server ? PR_TRUE : PR_FALSE) == SECSuccess, "reset");
  }
  ~Conversation() override { PR_Close(fd_); }

  void shake_hands() {
    while (SSL_ForceHandshake(fd_) != SECSuccess) {
      if (PR_GetError() != PR_WOULD_BLOCK_ERROR) fail_with(PR_GetError());
      wait(false);
    }
    SSLChannelInfo info{};
    require(SSL_GetChannelInfo(fd_, &info, sizeof(info)) == SECSuccess, "no info");
    say("established " + std::to_string(info.cipherSuite));
    // Both sides ask NSS to check; had it not accepted the certificate there were no association.
    CERTCertificate* peer = SSL_PeerCertificate(fd_);
    say(peer != nullptr && !options_.ca.empty() ? "verified yes" : "verified no");
    if (peer != nullptr) CERT_DestroyCertificate(peer);
    say(info.resumed != PR_FALSE ? "resumed yes" : "resumed no");
    std::array<unsigned char, kExportSize> keys{};
    require(SSL_ExportKeyingMaterial(fd_, options_.export_label.data(),
                                     static_cast<unsigned>(options_.export_label.size()), PR_FALSE,
                                     nullptr, 0, keys.data(), kExportSize) == SECSuccess,
            "exporter");
    say("exported " + hex_of(keys.data(), keys.size()));
  }

 private:
  void serve(const Identity& identity) {
    require(SSL_ConfigServerCert(fd_, identity.certificate, identity.key, nullptr, 0) == SECSuccess,
            "the certificate");
    if (options_.ca.empty()) return;
    require(SSL_OptionSet(fd_, SSL_REQUEST_CERTIFICATE, PR_TRUE) == SECSuccess &&
                SSL_OptionSet(fd_, SSL_REQUIRE_CERTIFICATE, SSL_REQUIRE_ALWAYS) == SECSuccess,
            "settings");
  }

  void ask(Identity& identity) {
    require(SSL_SetURL(fd_, options_.name.c_str()) == SECSuccess &&
                SSL_GetClientAuthDataHook(fd_, show_identity, &identity) == SECSuccess,
            "settings");
  }

  std::optional<std::size_t> receive(std::span<char> into) override {
    const auto size = PR_Recv(fd_, into.data(), static_cast<PRInt32>(into.size()), 0, 0);
    if (size >= 0) return static_cast<std::size_t>(size);
    if (PR_GetError() != PR_WOULD_BLOCK_ERROR) fail_with(PR_GetError());
    return std::nullopt;
  }

  void close() override { PR_Shutdown(fd_, PR_SHUTDOWN_BOTH); }

  Socket::Woken wait(bool with_input) override {
    PRIntervalTime left = 0;
    std::optional<Clock::time_point> until;
    if (DTLS_GetHandshakeTimeout(fd_, &left) == SECSuccess) {
      until = Clock::now() + std::chrono::milliseconds(PR_IntervalToMilliseconds(left));
    }
    return socket_.wait(until, with_input);
  }

  void send(const std::string& text) override {
    require(PR_Send(fd_, text.data(), static_cast<PRInt32>(text.size()), 0, 0) > 0, "nothing sent");
  }

  void update_keys() override {
    if (!options_.speaks_13) return;
    require(SSL_KeyUpdate(fd_, PR_FALSE) == SECSuccess, "no key update");
    say("updated");
  }

  [[noreturn]] static void fail_with(PRErrorCode error) {
    const char* name = PR_ErrorToName(error);
    const std::string why = name == nullptr ? std::to_string(error) : name;
    const bool of_certificate =
        error == SEC_ERROR_UNKNOWN_ISSUER || error == SEC_ERROR_UNTRUSTED_ISSUER ||
        error == SEC_ERROR_UNTRUSTED_CERT || error == SSL_ERROR_BAD_CERT_DOMAIN ||
        error == SSL_ERROR_NO_CERTIFICATE;
    of_certificate ? refuse(why) : fail(why);
  }

  const Options& options_;
  Socket& socket_;
  PRFileDesc* fd_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  require(NSS_NoDB_Init(nullptr) == SECSuccess, "NSS");
  NSS_SetDomesticPolicy();
  if (options.is_server) {
    require(SSL_ConfigServerSessionIDCache(0, 0, 0, nullptr) == SECSuccess, "no session cache");
  }
  Identity identity;
  if (!options.ca.empty()) trust(options.ca);
  if (!options.cert.empty()) {
    identity = {load_certificate(options.cert), load_key(options.key)};
  }
  std::optional<Socket> socket;
  for (unsigned i = 0; i < options.connections; ++i) {
    if (!socket || !options.is_server) socket.emplace(options);
    Conversation conversation(options, identity, *socket);
    conversation.shake_hands();
    if (!conversation.talk(options.is_server)) break;
  }
  return 0;
}
