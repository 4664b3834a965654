// Sealed datagrams that wait to be fetched. Their memory is the thread's, and is used again and
// again: the data path allocates nothing, and an idle association holds nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace dtls::handshake {

class SealedQueue {
 public:
  SealedQueue() = default;
  ~SealedQueue();
  SealedQueue(const SealedQueue&) = delete;
  SealedQueue& operator=(const SealedQueue&) = delete;

  // add gives room for a datagram of up to `capacity` bytes; commit says how many it has.
  std::span<std::byte> add(std::size_t capacity);
  void commit(std::size_t size);

  [[nodiscard]] bool empty() const { return next_ == datagrams_.size(); }
  // pop copies the oldest datagram to `out`, cut where that is too small, and gives its size.
  std::size_t pop(std::span<std::byte> out);

  struct Datagram {
    std::unique_ptr<std::byte[]> bytes;
    std::size_t capacity = 0;
    std::size_t size = 0;
  };

 private:
  void release_list();

  std::vector<Datagram> datagrams_;
  std::size_t next_ = 0;  // the oldest that was not fetched
};

}  // namespace dtls::handshake
