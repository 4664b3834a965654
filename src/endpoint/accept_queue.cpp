#include "endpoint/accept_queue.hpp"

#include <algorithm>

namespace dtls::endpoint {

void AcceptQueue::recount(std::size_t from, std::size_t to) {
  if (to > 0) ++addresses_[to];
  if (const auto old = addresses_.find(from); old != addresses_.end() && --old->second == 0) {
    addresses_.erase(old);
  }
}

void AcceptQueue::push(Opening& opening) {
  std::size_t& size = sizes_[opening.member->group];
  recount(size, size + 1);
  ++size;
  opening.of_address = &size;
  opening.place = order_.insert(order_.end(), &opening);
}

void AcceptQueue::replace(const Opening& replaced, Opening& opening) {
  opening.of_address = replaced.of_address;
  opening.place = replaced.place;
  *opening.place = &opening;
}

void AcceptQueue::remove(const Opening& opening) {
  order_.erase(opening.place);
  std::size_t& size = *opening.of_address;
  recount(size, size - 1);
  if (--size == 0) sizes_.erase(opening.member->group);
}

Opening* AcceptQueue::oldest_of_most() const {
  if (order_.empty()) return nullptr;
  const std::size_t most = addresses_.rbegin()->first;
  return *std::ranges::find_if(order_,
                               [&](const Opening* each) { return *each->of_address == most; });
}

}  // namespace dtls::endpoint
