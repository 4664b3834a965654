// A user's program: it needs the headers, the library and its OpenSSL. Port 9 of the loopback
// address has no listener, so connecting there must fail, and at once.
#include <dtls/dtls.hpp>

#include <cerrno>
#include <chrono>
#include <iostream>

int main() {
  using namespace std::chrono_literals;
  dtls::EventLoop loop;
  const auto nobody = dtls::Address::parse("127.0.0.1", 9);
  if (!nobody) {
    std::cerr << nobody.error().message << '\n';
    return 1;
  }
  const auto connection = dtls::Client::connect(loop, dtls::ClientConfig{}, *nobody, 5000ms);
  if (connection) {
    std::cerr << "connected to nobody\n";
    return 1;
  }
  std::cout << connection.error().message << '\n';
  return connection.error().sys_errno == ECONNREFUSED ? 0 : 1;
}
