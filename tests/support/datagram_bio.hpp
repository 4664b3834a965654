// A BIO that keeps datagram boundaries: libssl's only view of the network.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "crypto/owned.hpp"

namespace dtls::test {

// DatagramPort is what the BIO reads from and writes to. It must outlive the BIO.
struct DatagramPort {
  std::span<const std::byte> incoming;  // one datagram, not owned; empty when read
  bool peek = false;                    // a read leaves the datagram (DTLSv1_listen asks for it)
  std::deque<std::vector<std::byte>> outgoing;
  std::size_t handshake_limit = 0;  // handshake records share a datagram up to this size
};

crypto::OwnedBio make_datagram_bio(DatagramPort& port);

}  // namespace dtls::test
