// Real peers: programs of other DTLS libraries, told to do the same thing each in its own words.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interop/program.hpp"

namespace dtls::interop {

enum class Library : std::uint8_t {
  kOpenssl,     // openssl s_client, s_server
  kGnutls,      // gnutls-cli, gnutls-serv
  kMbedtls,     // peers/mbedtls_peer.cpp
  kWolfssl,     // peers/wolfssl_peer.cpp with this system's library
  kNewWolfssl,  // the same, of a newer suite (peers/newer_suite.sh)
  kNss,         // peers/nss_peer.cpp with this system's library: DTLS 1.2, its 1.3 is a draft
  kNewNss,      // the same with one of a newer suite
};

// A command line, and adding to one.
using Words = std::vector<std::string>;

inline void add(Words& words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
}

struct PeerWishes {
  bool is_server = false;
  bool speaks_13 = false;
  std::uint16_t port = 0;  // client: of the server
  // Paths of PEM files; empty: none.
  std::string ca;  // whom it trusts; a server asks for a certificate, and insists, if it is set
  std::string certificate;
  std::string key;
  std::string server_name = "localhost";
  std::string groups;  // as OpenSSL writes them, with colons: "P-256:X25519"; empty: its default
  std::string psk_identity;
  std::string psk_hex;
  std::string psk_file;      // the same two, in the form of GnuTLS
  bool psk_dhe = false;      // ECDHE_PSK instead of PSK
  unsigned mtu = 0;          // bytes of a datagram; 0: its default
  std::string session;       // client: path of a file from which to resume, if it exists
  unsigned connections = 1;  // client: so many, each resuming the one before
};

class Peer {
 public:
  virtual ~Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // port is where a server listens; 0 as long as it does not.
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  [[nodiscard]] virtual bool has_established() const = 0;
  [[nodiscard]] virtual bool has_verified() const = 0;  // it says that it has accepted us
  [[nodiscard]] virtual bool has_refused() const = 0;   // it says that it has not
  [[nodiscard]] virtual bool has_resumed() const = 0;
  [[nodiscard]] virtual bool echoes() const = 0;  // it sends back what it receives
  // exported is the keying material for the label "EXPERIMENTAL interop", in lower-case hex.
  [[nodiscard]] virtual std::string exported() const = 0;
  void close() { program_.close_input(); }  // has it send close_notify

  void send(std::string_view line) const { program_.write(std::string(line) + "\n"); }
  [[nodiscard]] bool has_received(std::string_view text) const { return program_.says(text); }
  [[nodiscard]] const Program& program() const { return program_; }

 protected:
  Peer(EventLoop& loop, const std::vector<std::string>& command) : program_(loop, command) {}

 private:
  Program program_;
};

inline constexpr const char* kExportLabel = "EXPERIMENTAL interop";
inline constexpr std::size_t kExportSize = 20;

std::unique_ptr<Peer> make_openssl(EventLoop& loop, const PeerWishes& wishes);
std::unique_ptr<Peer> make_gnutls(EventLoop& loop, const PeerWishes& wishes);
// One of peers/: they have one command line and one way to report.
std::unique_ptr<Peer> make_own_program(EventLoop& loop, const std::string& path,
                                       const PeerWishes& wishes);
std::unique_ptr<Peer> make_peer(EventLoop& loop, Library library, const PeerWishes& wishes);

// missing says why a library cannot be tested with here; empty where it can.
std::string missing(Library library);

}  // namespace dtls::interop
