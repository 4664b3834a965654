#include "handshake/sealed_queue.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace dtls::handshake {
namespace {

// What a thread keeps for its associations: more than are filled between two drains is freed.
constexpr std::size_t kMostSpare = 64;
// Room for a datagram of an Ethernet; larger ones are rare.
constexpr std::size_t kUsual = 2048;

std::vector<SealedQueue::Datagram>& spare() {
  thread_local std::vector<SealedQueue::Datagram> datagrams;
  return datagrams;
}

SealedQueue::Datagram take(std::size_t capacity) {
  auto& pool = spare();
  if (!pool.empty() && pool.back().capacity >= capacity) {
    auto datagram = std::move(pool.back());
    pool.pop_back();
    return datagram;
  }
  const std::size_t size = std::max(capacity, kUsual);
  return {std::make_unique_for_overwrite<std::byte[]>(size), size, 0};
}

void give_back(SealedQueue::Datagram datagram) {
  auto& pool = spare();
  if (datagram.bytes != nullptr && pool.size() < kMostSpare) pool.push_back(std::move(datagram));
}

}  // namespace

SealedQueue::~SealedQueue() {
  for (auto& datagram : datagrams_)
    give_back(std::move(datagram));
}

std::span<std::byte> SealedQueue::add(std::size_t capacity) {
  datagrams_.push_back(take(capacity));
  return {datagrams_.back().bytes.get(), capacity};
}

void SealedQueue::commit(std::size_t size) {
  datagrams_.back().size = size;
  if (size != 0) return;
  give_back(std::move(datagrams_.back()));
  datagrams_.pop_back();
}

std::size_t SealedQueue::pop(std::span<std::byte> out) {
  auto& datagram = datagrams_[next_++];
  const std::size_t size = std::min(datagram.size, out.size());
  std::memcpy(out.data(), datagram.bytes.get(), size);
  give_back(std::move(datagram));
  if (empty()) {
    datagrams_.clear();
    next_ = 0;
  }
  return size;
}

}  // namespace dtls::handshake
