// Client: makes a Connection to a server.
#pragma once

#include "dtls/config.hpp"
#include "dtls/connection.hpp"

namespace dtls {

class Client {
 public:
  // start begins a handshake that goes on by itself. Fails with EINVAL for unusable credentials or
  // options, or the errno of socket(2) / connect(2).
  static Result<Connection> start(EventLoop& loop, const ClientConfig& config, const Address& peer);
  // connect is start, then waits until the handshake has ended; ETIMEDOUT when it has not in time,
  // ECONNREFUSED when nothing listens there, EPROTO or EACCES when it failed (see Error::message).
  static Result<Connection> connect(EventLoop& loop, const ClientConfig& config,
                                    const Address& peer, Timeout timeout = {});
};

}  // namespace dtls
