#include "peer_program.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace dtls::peers {
namespace {

[[noreturn]] void misuse(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(2);
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ':');)
    parts.push_back(part);
  return parts;
}

std::vector<unsigned char> from_hex(const std::string& text) {
  std::vector<unsigned char> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    bytes.push_back(static_cast<unsigned char>(std::stoul(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string& pending_input() {
  static std::string pending;
  return pending;
}

}  // namespace

Options parse(int argc, char** argv) {
  if (argc < 2) misuse("usage: PROGRAM client|server --OPTION VALUE...");
  Options options;
  options.is_server = std::string_view(argv[1]) == "server";
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--version") {
      options.speaks_13 = value == "1.3";
    } else if (name == "--port") {
      options.port = static_cast<std::uint16_t>(std::stoul(value));
    } else if (name == "--name") {
      options.name = value;
    } else if (name == "--ca") {
      options.ca = value;
    } else if (name == "--cert") {
      options.cert = value;
    } else if (name == "--key") {
      options.key = value;
    } else if (name == "--groups") {
      options.groups = split(value);
    } else if (name == "--psk-identity") {
      options.psk_identity = value;
    } else if (name == "--psk") {
      options.psk = from_hex(value);
    } else if (name == "--psk-mode") {
      options.psk_dhe = value == "dhe";
    } else if (name == "--mtu") {
      options.mtu = static_cast<unsigned>(std::stoul(value));
    } else if (name == "--connections") {
      options.connections = static_cast<unsigned>(std::stoul(value));
    } else if (name == "--export-label") {
      options.export_label = value;
    } else {
      misuse("no such option: " + std::string(name));
    }
  }
  return options;
}

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void fail(const std::string& why) {
  say("failed " + why);
  std::exit(1);
}

void refuse(const std::string& why) {
  say("refused " + why);
  fail(why);
}

std::string hex_of(const unsigned char* bytes, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    std::array<char, 3> two{};
    std::snprintf(two.data(), two.size(), "%02x", static_cast<unsigned>(bytes[i]));
    text += two.data();
  }
  return text;
}

Socket::Socket(const Options& options) : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
  if (fd_ < 0) fail("no socket to be had");
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof(own)) != 0) fail("no port to be had");
  if (options.is_server) {
    socklen_t size = sizeof(own);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size);
    say("listening " + std::to_string(ntohs(own.sin_port)));
  } else {
    peer_ = own;
    peer_.sin_port = htons(options.port);
    known_ = true;
  }
}

Socket::~Socket() {
  close(fd_);
}

void Socket::await_first() {
  sockaddr_in from{};
  socklen_t length = sizeof(from);
  do {
    wait(std::nullopt, false);
  } while (recvfrom(fd_, nullptr, 0, MSG_PEEK, reinterpret_cast<sockaddr*>(&from), &length) < 0);
  peer_ = from;
  known_ = true;
}

int Socket::receive(void* into, std::size_t size) {
  while (true) {
    sockaddr_in from{};
    socklen_t length = sizeof(from);
    const auto got = recvfrom(fd_, into, size, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 0) return -1;
    if (known_ && from.sin_port == peer_.sin_port) return static_cast<int>(got);
  }
}

int Socket::send(const void* data, std::size_t size) const {
  return static_cast<int>(
      sendto(fd_, data, size, 0, reinterpret_cast<const sockaddr*>(&peer_), sizeof(peer_)));
}

Socket::Woken Socket::wait(std::optional<Clock::time_point> until, bool with_input) const {
  if (with_input && has_line()) return Woken::kInput;
  int timeout = -1;
  if (until) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(*until - Clock::now()).count() + 1;
    timeout = left > 0 ? static_cast<int>(left) : 0;
  }
  std::array<pollfd, 2> watched{pollfd{fd_, POLLIN, 0}, pollfd{0, POLLIN, 0}};
  if (poll(watched.data(), with_input ? 2 : 1, timeout) <= 0) return Woken::kTimeout;
  return watched[0].revents != 0 ? Woken::kDatagram : Woken::kInput;
}

bool has_line() {
  return pending_input().find('\n') != std::string::npos;
}

std::optional<std::string> read_line() {
  auto& pending = pending_input();
  while (!has_line()) {
    std::array<char, 512> buffer;
    const auto got = read(0, buffer.data(), buffer.size());
    if (got <= 0) return std::nullopt;
    pending.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const auto end = pending.find('\n');
  auto line = pending.substr(0, end);
  pending.erase(0, end + 1);
  return line;
}

bool Talker::talk(bool is_server) {
  while (true) {
    std::array<char, 16384> buffer;
    if (const auto size = receive(buffer)) {
      if (*size == 0) {
        say("closed");
        return true;
      }
      const std::string text(buffer.data(), *size);
      say("received " + text);
      if (text.starts_with("update")) update_keys();
      if (is_server) send(text);
      continue;
    }
    if (wait(!is_server) != Socket::Woken::kInput) continue;
    const auto line = read_line();
    if (line && *line != "next") {
      if (*line == "update") update_keys();
      send(*line);
      continue;
    }
    close();
    return line.has_value();
  }
}

}  // namespace dtls::peers
