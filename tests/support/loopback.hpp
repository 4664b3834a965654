// Servers and clients on loopback, with certificates that fit.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "dtls/dtls.hpp"
#include "support/certificates.hpp"

namespace dtls::test {

inline std::size_t open_descriptors() {
  namespace fs = std::filesystem;
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator{}));
}

// A generous bound for what must happen; it is no measurement.
inline constexpr Timeout kSoon = Duration(10000);

class Loopback : public testing::Test {
 protected:
  Loopback() {
    server_config_.identity = authority_.issue();
    client_config_.ca = authority_.certificate();
    client_config_.server_name = "localhost";
  }

  Server listen(const char* literal = "127.0.0.1") {
    auto server = Server::listen(loop_, server_config_, *Address::parse(literal, 0));
    if (!server) throw std::runtime_error(server.error().message);
    return std::move(*server);
  }
  // A connected pair, as the two ends see it.
  std::pair<Connection, Connection> connect(Server& server) {
    auto client = std::move(*Client::start(loop_, client_config_, server.local_address()));
    auto accepted = std::move(*server.accept(kSoon));
    const auto there = client.wait_established(kSoon);
    EXPECT_TRUE(there) << there.error().message;
    const auto here = accepted.wait_established(kSoon);
    EXPECT_TRUE(here) << here.error().message;
    return {std::move(client), std::move(accepted)};
  }
  static std::string receive(Connection& from, Timeout timeout = kSoon) {
    std::string text(kMaxMessage, '\0');
    const auto size = from.recv(std::as_writable_bytes(std::span(text)), timeout);
    if (!size) return "error " + std::to_string(size.error().sys_errno);
    text.resize(*size);
    return text;
  }

  Authority authority_;
  ServerConfig server_config_;
  ClientConfig client_config_;
  EventLoop loop_;
};

}  // namespace dtls::test
