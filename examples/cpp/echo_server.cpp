// echo_server cert.pem key.pem [port]: sends every message back to whoever sent it.
#include <dtls/dtls.hpp>

#include <fstream>
#include <iostream>
#include <iterator>
#include <list>

int main(int argc, char** argv) {
  if (argc < 3) return std::cerr << "usage: echo_server cert.pem key.pem [port]\n", 2;
  const auto read = [](const char* path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const auto port = static_cast<std::uint16_t>(argc > 3 ? std::stoi(argv[3]) : 5684);

  dtls::EventLoop loop;
  dtls::ServerConfig config;
  config.identity = {read(argv[1]), read(argv[2]), ""};
  auto server = dtls::Server::listen(loop, config, *dtls::Address::parse("127.0.0.1", port));
  if (!server) return std::cerr << server.error().message << '\n', 1;
  std::cout << "listening on " << server->local_address().text() << std::endl;

  std::list<dtls::Connection> peers;
  server->on_accept([&](dtls::Connection accepted) {
    const auto peer = peers.insert(peers.end(), std::move(accepted));
    peer->on_readable([&peers, peer] {
      std::array<std::byte, dtls::kMaxMessage> buffer;
      const auto size = peer->recv(buffer, dtls::Duration::zero());
      if (!size) return static_cast<void>(peers.erase(peer));  // closed or failed
      if (*size > 0) static_cast<void>(peer->send(std::span(buffer).first(*size)));
    });
  });
  loop.run();
}
