// Census: how many associations a server holds, in all and for each address.
#pragma once

#include <cstddef>
#include <unordered_map>

#include "dtls/address.hpp"
#include "dtls/config.hpp"

namespace dtls::endpoint {

// Census admits peers as long as Limits allow. Peers are counted by IPv4 address, and by the first
// 64 bits of an IPv6 address: whoever has one of those has all of them.
class Census {
 public:
  explicit Census(const Limits& limits) : limits_(limits) {}

  // enter counts one more, half-open, association; false, and nothing counted, at a limit.
  bool enter(const Address& peer);
  // establish and leave follow an enter that succeeded.
  void establish(const Address& peer);
  void leave(const Address& peer, bool half_open);

  [[nodiscard]] std::size_t associations() const { return total_.associations; }

 private:
  struct Counts {
    std::size_t associations = 0;
    std::size_t half_open = 0;
  };

  Limits limits_;
  Counts total_;
  std::unordered_map<Address, Counts> by_address_;
};

}  // namespace dtls::endpoint
