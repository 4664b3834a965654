// The pair of addresses that a datagram travels between.
#pragma once

#include "dtls/address.hpp"

namespace dtls {

// Path tells one route between two hosts from another: a peer that changes its address, or writes
// to another address of ours, comes by another path. A wildcard `local` leaves the choice of the
// source address to the kernel; the port of `local` is not used for sending.
struct Path {
  Address local;
  Address peer;

  friend bool operator==(const Path&, const Path&) = default;
};

}  // namespace dtls
