// Opening: a peer between its cookie and accept.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <span>
#include <vector>

#include "dtls/path.hpp"
#include "dtls/time.hpp"
#include "endpoint/census.hpp"
#include "wire/client_hello.hpp"

namespace dtls::endpoint {

// Opening is a peer that proved its address and waits to be accepted, with what it has sent so far.
// A peer that begins anew while an association of it lives replaces that: see Endpoint.
struct Opening {
  // While it waits to be accepted a peer may repeat its hello or go on; more than this is not a
  // handshake. A hello with a share of ML-KEM and a ticket of 3 KiB takes 18 of the smallest
  // datagrams.
  static constexpr std::size_t kMostDatagrams = 24;
  static constexpr std::size_t kMostBytes = std::size_t{8} * 1024;

  using Datagrams = std::vector<std::vector<std::byte>>;
  // hold adds a datagram to those of one peer, within these bounds, and gives the bytes that they
  // have then.
  static std::size_t hold(Datagrams& datagrams, std::span<const std::byte> datagram);

  Path path;
  Datagrams datagrams;
  TimePoint since;
  wire::HelloMark mark = 0;
  Census::Member* member = nullptr;  // the endpoint's own
  // The accept queue's own: the place, and how many of the same address wait.
  std::list<Opening*>::iterator place;
  std::size_t* of_address = nullptr;
};

}  // namespace dtls::endpoint
