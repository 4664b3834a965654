// What the peer programs share: their command line, their UDP socket, their way to report.
//
//   server  prints "listening PORT", serves so many connections one after the other, and sends back
//           every message
//   client  sends every line of its input, and says close_notify at its end
//
// and then, a line each: "established SUITE", "verified yes", "resumed yes|no", "exported HEX",
// "received TEXT", "closed", "refused WHY" for a certificate, "failed WHY".
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dtls::peers {

struct Options {
  bool is_server = false;
  bool speaks_13 = false;
  std::uint16_t port = 0;
  std::string name;
  std::string ca;
  std::string cert;
  std::string key;
  std::vector<std::string> groups;  // "P-256", "P-384", "X25519"
  std::string psk_identity;
  std::vector<unsigned char> psk;
  bool psk_dhe = false;
  unsigned mtu = 0;
  unsigned connections = 1;
  std::string export_label;
};

// parse ends the program with status 2 where it does not understand.
Options parse(int argc, char** argv);

// say prints one line, at once.
void say(const std::string& line);
// fail prints "failed WHY" and ends the program.
[[noreturn]] void fail(const std::string& why);
// refuse prints "refused WHY", and then it fails.
[[noreturn]] void refuse(const std::string& why);
std::string hex_of(const unsigned char* bytes, std::size_t size);

using Clock = std::chrono::steady_clock;

// Socket is one end of a conversation over loopback. Datagrams of others than the peer are dropped.
class Socket {
 public:
  // A server says where it listens; a client's peer is the server.
  explicit Socket(const Options& options);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] int descriptor() const { return fd_; }
  [[nodiscard]] const sockaddr_in& peer() const { return peer_; }
  // await_first waits for the first datagram of a server's peer, who is known from then on. It is
  // left for receive.
  void await_first();
  // -1: nothing is there.
  int receive(void* into, std::size_t size);
  int send(const void* data, std::size_t size) const;

  enum class Woken { kDatagram, kInput, kTimeout };
  // wait waits for a datagram, a line of input where `with_input`, or the time; nullopt: no limit.
  Woken wait(std::optional<Clock::time_point> until, bool with_input) const;

 private:
  int fd_;
  bool known_ = false;
  sockaddr_in peer_{};
};

// Talker is an association of the peer's library that is established.
class Talker {
 public:
  Talker() = default;
  virtual ~Talker() = default;
  Talker(const Talker&) = delete;
  Talker& operator=(const Talker&) = delete;

  // talk goes on until one of both says close_notify; a client also until the line "next". False
  // at the end of the input.
  bool talk(bool is_server);

 protected:
  // receive gives the size of the next message, 0 after the peer's close_notify, nullopt if nothing
  // has come. Whatever else there is ends the program.
  virtual std::optional<std::size_t> receive(std::span<char> into) = 0;
  virtual void send(const std::string& text) = 0;
  virtual void update_keys() {}
  virtual void close() = 0;  // says close_notify
  virtual Socket::Woken wait(bool with_input) = 0;
};

// read_line gives the next line of the input; nullopt at its end. It waits for it.
std::optional<std::string> read_line();
// has_line: read_line would not wait, though there may be nothing to read in the descriptor.
bool has_line();

}  // namespace dtls::peers
