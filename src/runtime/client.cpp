#include "dtls/client.hpp"

#include <utility>

#include "net/udp_socket.hpp"
#include "runtime/connection_core.hpp"

namespace dtls {

Result<Connection> Client::start(EventLoop& loop, const ClientConfig& config, const Address& peer) {
  auto context = Context::for_client(config);
  if (!context) return std::move(context).error();
  auto socket = net::UdpSocket::connect(peer, config.local);
  if (!socket) return std::move(socket).error();
  // The wildcard address means this host (Linux), and answers come from another.
  auto actual = socket->peer_address();
  if (!actual) return std::move(actual).error();
  auto session = Session::client(std::move(*context), *actual, Clock::now());
  if (!session) return std::move(session).error();
  auto core = std::make_shared<runtime::ConnectionCore>(
      loop, runtime::Association(std::move(*session), {{}, *actual}, config.receive_queue));
  if (auto begun = core->begin_on(std::move(*socket)); !begun) return std::move(begun).error();
  return Connection(std::move(core));
}

Result<Connection> Client::connect(EventLoop& loop, const ClientConfig& config, const Address& peer,
                                   Timeout timeout) {
  auto connection = start(loop, config, peer);
  if (!connection) return connection;
  if (auto settled = connection->wait_established(timeout); !settled) {
    return std::move(settled).error();
  }
  return connection;
}

}  // namespace dtls
