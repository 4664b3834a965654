#include "endpoint/opening.hpp"

namespace dtls::endpoint {

std::size_t Opening::hold(Datagrams& datagrams, std::span<const std::byte> datagram) {
  std::size_t bytes = 0;
  for (const auto& each : datagrams)
    bytes += each.size();
  const std::size_t with_it = bytes + datagram.size();
  if (datagrams.size() >= kMostDatagrams || with_it > kMostBytes) return bytes;
  datagrams.emplace_back(datagram.begin(), datagram.end());
  return with_it;
}

}  // namespace dtls::endpoint
