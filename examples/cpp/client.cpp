// client ca.pem message [port]: sends one message to a server on this machine, prints the answer.
#include <dtls/dtls.hpp>

#include <array>
#include <fstream>
#include <iostream>
#include <iterator>

int main(int argc, char** argv) {
  if (argc < 3) return std::cerr << "usage: client ca.pem message [port]\n", 2;
  std::ifstream ca(argv[1]);
  const auto port = static_cast<std::uint16_t>(argc > 3 ? std::stoi(argv[3]) : 5684);

  dtls::EventLoop loop;
  dtls::ClientConfig config;
  config.ca = std::string(std::istreambuf_iterator<char>(ca), {});
  config.server_name = "localhost";
  auto connection = dtls::Client::connect(loop, config, *dtls::Address::parse("127.0.0.1", port));
  if (!connection) return std::cerr << connection.error().message << '\n', 1;

  std::array<char, dtls::kMaxMessage> answer;
  static_cast<void>(connection->send(argv[2]));
  const auto size =
      connection->recv(std::as_writable_bytes(std::span(answer)), dtls::Duration(5000));
  if (!size || *size == 0) return std::cerr << "no answer\n", 1;
  std::cout << std::string_view(answer.data(), *size) << '\n';
}
