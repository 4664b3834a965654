// Which UDP sockets of this network namespace hold an address.
#pragma once

#include <cstdint>
#include <optional>

#include "dtls/address.hpp"

namespace dtls::net {

// is_served tells whether an unconnected UDP socket of any program receives the datagrams that are
// sent to `local`. A connected socket serves one peer and does not count.
//   ipv6_only: the setting of the socket that asks, where `local` is IPv6
//   except: the inode of a socket to leave out; 0: none
// nullopt where the system does not tell (/proc is not mounted).
[[nodiscard]] std::optional<bool> is_served(const Address& local, bool ipv6_only,
                                            std::uint64_t except = 0);

}  // namespace dtls::net
