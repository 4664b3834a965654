#include "endpoint/census.hpp"

#include <algorithm>

namespace dtls::endpoint {
namespace {

Address without_port(const Address& peer) {
  Address owner = peer;
  owner.port = 0;
  constexpr std::size_t kSubnetBytes = 8;
  if (peer.family == Address::Family::kIpv6 && !peer.is_ipv4_mapped()) {
    std::fill(owner.ip.begin() + kSubnetBytes, owner.ip.end(), std::uint8_t{0});
  }
  return owner;
}

}  // namespace

bool Census::enter(const Address& peer) {
  if (total_.associations >= limits_.associations || total_.half_open >= limits_.half_open) {
    return false;
  }
  const Address owner = without_port(peer);
  const auto known = by_address_.find(owner);
  if (known != by_address_.end() &&
      (known->second.associations >= limits_.associations_per_address ||
       known->second.half_open >= limits_.half_open_per_address)) {
    return false;
  }
  Counts& counts = known != by_address_.end() ? known->second : by_address_[owner];
  for (Counts* each : {&total_, &counts}) {
    ++each->associations;
    ++each->half_open;
  }
  return true;
}

void Census::establish(const Address& peer) {
  --total_.half_open;
  --by_address_[without_port(peer)].half_open;
}

void Census::leave(const Address& peer, bool half_open) {
  const auto counts = by_address_.find(without_port(peer));
  for (Counts* each : {&total_, &counts->second}) {
    --each->associations;
    if (half_open) --each->half_open;
  }
  if (counts->second.associations == 0) by_address_.erase(counts);
}

}  // namespace dtls::endpoint
