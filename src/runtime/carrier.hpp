// What a connection that shares its server's socket needs of the server.
#pragma once

#include <cstddef>
#include <span>

#include "dtls/address.hpp"
#include "dtls/error.hpp"
#include "net/udp_socket.hpp"

namespace dtls::runtime {

class Carrier {
 public:
  virtual ~Carrier() = default;

  // send_to sends one datagram from the server's socket.
  virtual Result<void> send_to(std::span<const std::byte> datagram, const Address& peer,
                               const Address& local) = 0;
  // split opens a socket for one peer on the server's address.
  virtual Result<net::UdpSocket> split(const Address& local, const Address& peer) = 0;
  // take_in reads what waits in the server's socket and routes it.
  virtual void take_in(TimePoint now) = 0;
  // give_back routes a datagram of another peer that landed in a split socket (see net/udp_socket).
  virtual void give_back(const Address& peer, const std::optional<Address>& local,
                         std::span<std::byte> datagram, TimePoint now) = 0;
  // forget ends the routing of a peer's datagrams to its connection.
  virtual void forget(const Address& peer) = 0;
};

}  // namespace dtls::runtime
