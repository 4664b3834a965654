// openssl s_client and s_server.
#include <algorithm>
#include <cctype>
#include <filesystem>

#include "interop/peer.hpp"

namespace dtls::interop {
namespace {

Words openssl_command(const PeerWishes& wishes) {
  Words words{"openssl", wishes.is_server ? "s_server" : "s_client", "-dtls1_2"};
  if (wishes.is_server) {
    add(words, {"-accept", "127.0.0.1:0"});
    if (!wishes.ca.empty()) {
      add(words, {"-CAfile", wishes.ca, "-Verify", "2", "-verify_return_error"});
    }
    if (!wishes.psk_hex.empty()) add(words, {"-nocert"});
  } else {
    add(words, {"-connect", "127.0.0.1:" + std::to_string(wishes.port)});
    if (!wishes.ca.empty()) {
      add(words, {"-CAfile", wishes.ca, "-verify", "2", "-verify_return_error", "-servername",
                  wishes.server_name, "-verify_hostname", wishes.server_name});
    }
    if (!wishes.session.empty()) {
      const bool is_there = std::filesystem::exists(wishes.session);
      add(words, {is_there ? "-sess_in" : "-sess_out", wishes.session});
    }
  }
  if (!wishes.certificate.empty()) {
    add(words, {"-cert", wishes.certificate, "-key", wishes.key});
  }
  if (!wishes.groups.empty()) add(words, {"-groups", wishes.groups});
  if (!wishes.psk_hex.empty()) {
    add(words, {"-psk", wishes.psk_hex, "-psk_identity", wishes.psk_identity, "-cipher",
                wishes.psk_dhe ? "ECDHE-PSK-CHACHA20-POLY1305"
                               : "PSK-AES128-GCM-SHA256:PSK-CHACHA20-POLY1305"});
  }
  // It counts the headers of IPv4 and UDP.
  if (wishes.mtu != 0) add(words, {"-mtu", std::to_string(wishes.mtu + 28)});
  add(words, {"-keymatexport", kExportLabel, "-keymatexportlen", std::to_string(kExportSize)});
  return words;
}

class Openssl final : public Peer {
 public:
  Openssl(EventLoop& loop, const PeerWishes& wishes)
      : Peer(loop, openssl_command(wishes)), is_server_(wishes.is_server) {}

  [[nodiscard]] std::uint16_t port() const override {
    const auto text = program().after("ACCEPT 127.0.0.1:");
    return text.empty() ? 0 : static_cast<std::uint16_t>(std::stoul(text));
  }
  [[nodiscard]] bool has_established() const override {
    return program().says("Keying material: ");
  }
  [[nodiscard]] bool has_verified() const override {
    // s_client sums up; s_server tells of each certificate, and ends at one that is not accepted.
    return program().says(is_server_ ? "verify return:1" : "Verification: OK");
  }
  [[nodiscard]] bool has_refused() const override {
    return program().says("verify error:") || program().says("certificate verify failed");
  }
  [[nodiscard]] bool has_resumed() const override { return program().says("Reused,"); }
  [[nodiscard]] bool echoes() const override { return false; }
  [[nodiscard]] std::string exported() const override {
    auto hex = program().after("Keying material: ");
    std::ranges::transform(hex, hex.begin(), [](unsigned char c) { return std::tolower(c); });
    return hex;
  }

 private:
  bool is_server_;
};

}  // namespace

std::unique_ptr<Peer> make_openssl(EventLoop& loop, const PeerWishes& wishes) {
  return std::make_unique<Openssl>(loop, wishes);
}

}  // namespace dtls::interop
