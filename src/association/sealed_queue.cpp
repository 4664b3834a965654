#include "association/sealed_queue.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "crypto/per_thread.hpp"

namespace dtls::handshake {
namespace {

// What a thread keeps for its associations: more than are filled between two drains is freed.
constexpr std::size_t kMostSpare = 64;
// Room for a datagram of an Ethernet; larger ones are rare.
constexpr std::size_t kUsual = 2048;

struct Spare {
  std::vector<SealedQueue::Datagram> datagrams;
  std::vector<SealedQueue::Datagram> list;  // an empty one with room, for the next queue
};

SealedQueue::Datagram take(std::size_t capacity) {
  return crypto::PerThread<Spare>::with([&](Spare& spare) -> SealedQueue::Datagram {
    auto& pool = spare.datagrams;
    if (!pool.empty() && pool.back().capacity >= capacity) {
      auto datagram = std::move(pool.back());
      pool.pop_back();
      return datagram;
    }
    const std::size_t size = std::max(capacity, kUsual);
    return {std::make_unique_for_overwrite<std::byte[]>(size), size, 0};
  });
}

void give_back(SealedQueue::Datagram datagram) {
  if (datagram.bytes == nullptr) return;
  crypto::PerThread<Spare>::with([&](Spare& spare) {
    if (spare.datagrams.size() < kMostSpare) spare.datagrams.push_back(std::move(datagram));
  });
}

}  // namespace

SealedQueue::~SealedQueue() {
  for (auto& datagram : datagrams_)
    give_back(std::move(datagram));
}

std::span<std::byte> SealedQueue::add(std::size_t capacity) {
  if (datagrams_.capacity() == 0) {
    crypto::PerThread<Spare>::with([&](Spare& spare) { datagrams_.swap(spare.list); });
  }
  datagrams_.push_back(take(capacity));
  return {datagrams_.back().bytes.get(), capacity};
}

void SealedQueue::commit(std::size_t size) {
  datagrams_.back().size = size;
  if (size != 0) return;
  give_back(std::move(datagrams_.back()));
  datagrams_.pop_back();
  if (empty()) release_list();
}

std::size_t SealedQueue::pop(std::span<std::byte> out) {
  auto& datagram = datagrams_[next_++];
  const std::size_t size = std::min(datagram.size, out.size());
  std::memcpy(out.data(), datagram.bytes.get(), size);
  give_back(std::move(datagram));
  if (empty()) release_list();
  return size;
}

// An idle association keeps not even the list.
void SealedQueue::release_list() {
  datagrams_.clear();
  next_ = 0;
  crypto::PerThread<Spare>::with([&](Spare& spare) {
    if (spare.list.capacity() < datagrams_.capacity()) spare.list.swap(datagrams_);
  });
  std::vector<Datagram>().swap(datagrams_);
}

}  // namespace dtls::handshake
