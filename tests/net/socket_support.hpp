// Sockets on loopback for the tests.
#pragma once

#include <gtest/gtest.h>
#include <optional>
#include <span>
#include <stdexcept>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/sockaddr.hpp"
#include "net/udp_socket.hpp"

namespace dtls::net {

inline Address address(std::string_view host, std::uint16_t port = 0) {
  auto parsed = Address::parse(host, port);
  EXPECT_TRUE(parsed) << host;
  return parsed ? *parsed : Address{};
}

// must gives the value, or ends the test program's case with the error's sentence.
template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return *std::move(result);
}
inline void must(Result<void> result) {
  if (!result) throw std::runtime_error(result.error().message);
}

inline std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}
inline std::string text(std::span<const std::byte> bytes) {
  std::string result;
  for (const std::byte byte : bytes)
    result += static_cast<char>(byte);
  return result;
}

// Received is a datagram that outlives its batch.
struct Received {
  Address peer;
  std::optional<Address> local;
  std::string text;
};

// receive_now takes what waits; loopback delivers before the send returns.
inline std::vector<Received> receive_now(UdpSocket& socket) {
  ReceiveBatch batch;
  std::vector<Received> all;
  while (must(socket.receive(batch)) > 0) {
    for (const Incoming& each : batch.datagrams()) {
      all.push_back({each.peer, each.local, text(each.bytes)});
    }
  }
  return all;
}

inline std::vector<std::string> texts(const std::vector<Received>& all) {
  std::vector<std::string> result;
  for (const Received& each : all)
    result.push_back(each.text);
  return result;
}

inline bool has_ipv6() {
  return static_cast<bool>(UdpSocket::bind(address("::1")));
}

}  // namespace dtls::net
