// gnutls-cli and gnutls-serv. The server echoes, and says nothing of handshakes that went well.
#include "interop/peer.hpp"

namespace dtls::interop {
namespace {

std::string priority_of(const PeerWishes& wishes) {
  std::string text = "NORMAL:-VERS-ALL:+VERS-DTLS1.2";
  if (!wishes.psk_hex.empty()) {
    text += wishes.psk_dhe ? ":-KX-ALL:+ECDHE-PSK" : ":-KX-ALL:+PSK";
  }
  if (wishes.groups == "P-256") text += ":-GROUP-ALL:+GROUP-SECP256R1";
  if (wishes.groups == "P-384") text += ":-GROUP-ALL:+GROUP-SECP384R1";
  if (wishes.groups == "X25519") text += ":-GROUP-ALL:+GROUP-X25519";
  return text;
}

Words gnutls_command(const PeerWishes& wishes) {
  Words words{wishes.is_server ? "gnutls-serv" : "gnutls-cli",
              "--udp",
              "--port",
              std::to_string(wishes.port),
              "--priority",
              priority_of(wishes),
              std::string("--keymatexport=") + kExportLabel,
              "--keymatexportsize=" + std::to_string(kExportSize)};
  if (!wishes.ca.empty()) add(words, {"--x509cafile", wishes.ca});
  if (!wishes.certificate.empty()) {
    add(words, {"--x509certfile", wishes.certificate, "--x509keyfile", wishes.key});
  }
  if (wishes.mtu != 0) add(words, {"--mtu", std::to_string(wishes.mtu)});
  if (wishes.is_server) {
    add(words, {"--echo"});
    add(words, {wishes.ca.empty() ? "--disable-client-cert" : "--require-client-cert"});
    if (!wishes.psk_file.empty()) add(words, {"--pskpasswd", wishes.psk_file});
    return words;
  }
  add(words, {"--verify-hostname", wishes.server_name, "--sni-hostname", wishes.server_name});
  if (!wishes.psk_hex.empty()) {
    add(words, {"--pskusername", wishes.psk_identity, "--pskkey", wishes.psk_hex});
  }
  if (wishes.connections > 1) add(words, {"--resume"});
  add(words, {"127.0.0.1"});
  return words;
}

class Gnutls final : public Peer {
 public:
  Gnutls(EventLoop& loop, const PeerWishes& wishes)
      : Peer(loop, gnutls_command(wishes)), is_server_(wishes.is_server) {}

  // It says that it listens, but not where.
  [[nodiscard]] std::uint16_t port() const override {
    return program().says("port 0...done") ? program().bound_port() : 0;
  }
  [[nodiscard]] bool has_established() const override {
    return is_server_ || program().says("Handshake was completed") || program().has_ended();
  }
  [[nodiscard]] bool has_verified() const override {
    return is_server_ || program().says("The certificate is trusted");
  }
  [[nodiscard]] bool has_refused() const override {
    return program().says("NOT trusted") || program().says("Error in the certificate");
  }
  [[nodiscard]] bool has_resumed() const override {
    return program().says("This is a resumed session");
  }
  [[nodiscard]] bool echoes() const override { return is_server_; }
  [[nodiscard]] std::string exported() const override {
    return program().after("- Key material: ");
  }

 private:
  bool is_server_;
};

}  // namespace

std::unique_ptr<Peer> make_gnutls(EventLoop& loop, const PeerWishes& wishes) {
  return std::make_unique<Gnutls>(loop, wishes);
}

}  // namespace dtls::interop
