// The programs of peers/, and which of all peers is to be had.
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "interop/peer.hpp"

namespace dtls::interop {
namespace {

using Words = std::vector<std::string>;

// One line, written by newer_suite.sh: the command that runs the program with the libraries of the
// newer suite, words separated by single spaces; or why there is none.
std::string first_line_of(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Words split(const std::string& line) {
  Words words;
  std::size_t begin = 0;
  while (begin < line.size()) {
    const auto end = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

Words command_of(const std::string& program, const PeerWishes& wishes) {
  Words words = split(program);
  words.emplace_back(wishes.is_server ? "server" : "client");
  const auto option = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    words.emplace_back(name);
    words.push_back(value);
  };
  option("--version", wishes.speaks_13 ? "1.3" : "1.2");
  if (!wishes.is_server) {
    option("--port", std::to_string(wishes.port));
    option("--name", wishes.server_name);
  }
  option("--ca", wishes.ca);
  option("--cert", wishes.certificate);
  option("--key", wishes.key);
  option("--groups", wishes.groups);
  option("--psk-identity", wishes.psk_identity);
  option("--psk", wishes.psk_hex);
  if (!wishes.psk_hex.empty()) option("--psk-mode", wishes.psk_dhe ? "dhe" : "plain");
  if (wishes.mtu != 0) option("--mtu", std::to_string(wishes.mtu));
  option("--connections", std::to_string(wishes.connections));
  option("--export-label", kExportLabel);
  return words;
}

class OwnProgram final : public Peer {
 public:
  OwnProgram(EventLoop& loop, const std::string& program, const PeerWishes& wishes)
      : Peer(loop, command_of(program, wishes)), is_server_(wishes.is_server) {}

  [[nodiscard]] std::uint16_t port() const override {
    const auto text = program().after("listening ");
    return text.empty() ? 0 : static_cast<std::uint16_t>(std::stoul(text));
  }
  [[nodiscard]] bool has_established() const override { return program().says("established "); }
  [[nodiscard]] bool has_verified() const override { return program().says("verified yes"); }
  [[nodiscard]] bool has_refused() const override { return program().says("refused "); }
  [[nodiscard]] bool has_resumed() const override { return program().says("resumed yes"); }
  [[nodiscard]] bool echoes() const override { return is_server_; }
  [[nodiscard]] std::string exported() const override { return program().after("exported "); }

 private:
  bool is_server_;
};

std::string program_of(Library library) {
  switch (library) {
    case Library::kMbedtls:
      return DTLS_INTEROP_MBEDTLS;
    case Library::kWolfssl:
      return DTLS_INTEROP_WOLFSSL;
    case Library::kNss:
      return DTLS_INTEROP_NSS;
    case Library::kNewWolfssl:
      return first_line_of(DTLS_INTEROP_NEWER "/wolfssl.command");
    case Library::kNewNss:
      return first_line_of(DTLS_INTEROP_NEWER "/nss.command");
    default:
      return {};
  }
}

const char* package_of(Library library) {
  switch (library) {
    case Library::kMbedtls:
      return "mbedTLS was not found by CMake (Debian: libmbedtls-dev)";
    case Library::kWolfssl:
      return "wolfSSL with DTLS was not found by CMake (Debian: libwolfssl-dev)";
    default:
      return "NSS was not found by CMake (Debian: libnss3-dev)";
  }
}

bool is_command(const std::string& name) {
  for (const char* folder : {"/usr/bin/", "/usr/local/bin/", "/bin/"}) {
    if (std::filesystem::exists(folder + name)) return true;
  }
  return false;
}

}  // namespace

std::unique_ptr<Peer> make_own_program(EventLoop& loop, const std::string& path,
                                       const PeerWishes& wishes) {
  return std::make_unique<OwnProgram>(loop, path, wishes);
}

std::unique_ptr<Peer> make_peer(EventLoop& loop, Library library, const PeerWishes& wishes) {
  if (library == Library::kOpenssl) return make_openssl(loop, wishes);
  if (library == Library::kGnutls) return make_gnutls(loop, wishes);
  return make_own_program(loop, program_of(library), wishes);
}

std::string missing(Library library) {
  if (library == Library::kOpenssl) {
    return is_command("openssl") ? "" : "there is no openssl (Debian: openssl)";
  }
  if (library == Library::kGnutls) {
    return is_command("gnutls-cli") && is_command("gnutls-serv")
               ? ""
               : "there is no gnutls-cli and gnutls-serv (Debian: gnutls-bin)";
  }
  if (!program_of(library).empty()) return {};
  const bool is_nss = library == Library::kNewNss;
  if (library != Library::kNewWolfssl && !is_nss) return package_of(library);
  const auto reason = first_line_of(is_nss ? DTLS_INTEROP_NEWER "/nss.reason"
                                           : DTLS_INTEROP_NEWER "/wolfssl.reason");
  return reason.empty() ? "peers/newer_suite.sh has not been run" : reason;
}

}  // namespace dtls::interop
