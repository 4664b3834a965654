// What a connection of a server needs of the server.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dtls/address.hpp"
#include "dtls/error.hpp"
#include "dtls/server.hpp"
#include "endpoint/endpoint.hpp"
#include "net/udp_socket.hpp"

namespace dtls::runtime {

// Carrier is the server of the same thread (ServerCore), or one of another (RemoteServer).
class Carrier {
 public:
  virtual ~Carrier() = default;

  // send_to sends one datagram from the server's socket.
  virtual Result<void> send_to(std::span<const std::byte> datagram, const Address& peer,
                               const Address& local) = 0;
  // split opens a socket for one peer on the server's address.
  virtual Result<net::UdpSocket> split(const Address& local, const Address& peer) = 0;
  // device is the interface that the server's socket is bound to; "" for all.
  [[nodiscard]] virtual std::string device() const = 0;
  // take_in reads what waits in the server's socket and routes it, until a connection says by
  // note_full that its queue is full: then the program may read first. take_in_all does not stop
  // there.
  virtual void take_in(TimePoint now) = 0;
  virtual void take_in_all(TimePoint now) = 0;
  virtual void note_full() = 0;
  // give_back routes a datagram that a connection's own socket received and that is not for it.
  virtual void give_back(const Address& peer, const std::optional<Address>& local,
                         std::span<std::byte> datagram, TimePoint now) = 0;

  // See Endpoint.
  virtual void establish(endpoint::Receiver& receiver, TimePoint now) = 0;
  virtual void charge(endpoint::Receiver& receiver, std::size_t bytes, TimePoint now) = 0;
  virtual void spoke(endpoint::Receiver& receiver, TimePoint now) = 0;
  virtual void forget(const Address& peer, endpoint::Receiver& receiver) = 0;
  // note_failure hears of the failed handshake of a connection that counts.
  virtual void note_failure(HandshakeFailure failure) = 0;
  virtual void depart(const Address& peer, endpoint::Receiver& receiver,
                      std::weak_ptr<endpoint::Receiver> away) = 0;
  // `inlet` reaches the receiver from another thread.
  virtual void restore(const Address& peer, endpoint::Receiver& receiver,
                       std::weak_ptr<endpoint::Receiver> inlet, wire::HelloMark mark) = 0;
};

}  // namespace dtls::runtime
