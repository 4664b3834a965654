// The memory that datagrams are received into, one per thread.
#pragma once

#include "net/udp_socket.hpp"

namespace dtls::runtime {

// receive_batch is shared by all sockets of a thread: it is large, and never needed twice at once,
// because what is received is dealt with before the next receive.
inline net::ReceiveBatch& receive_batch() {
  thread_local net::ReceiveBatch batch;
  return batch;
}

}  // namespace dtls::runtime
