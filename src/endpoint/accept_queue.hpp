// AcceptQueue: the openings that wait for accept, and of which address most of them are.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <unordered_map>

#include "endpoint/opening.hpp"

namespace dtls::endpoint {

// AcceptQueue keeps the order in which peers proved their address. It does not own the openings,
// whose `member` it reads for the address. Every operation but oldest_of_most takes constant time,
// or time logarithmic in the size of the queue.
class AcceptQueue {
 public:
  void push(Opening& opening);
  // replace gives an opening the place of an earlier one of the same peer.
  static void replace(const Opening& replaced, Opening& opening);
  void remove(const Opening& opening);

  [[nodiscard]] bool empty() const { return order_.empty(); }
  [[nodiscard]] std::size_t size() const { return order_.size(); }
  [[nodiscard]] Opening& front() const { return *order_.front(); }
  // oldest_of_most gives the opening that has waited longest among those of the addresses with the
  // most openings; nullptr if the queue is empty. It passes over the older ones of other addresses.
  [[nodiscard]] Opening* oldest_of_most() const;

 private:
  void recount(std::size_t from, std::size_t to);

  std::list<Opening*> order_;                           // the oldest in front
  std::unordered_map<const void*, std::size_t> sizes_;  // of each address, by its Census group
  std::map<std::size_t, std::size_t> addresses_;        // how many addresses have that many
};

}  // namespace dtls::endpoint
