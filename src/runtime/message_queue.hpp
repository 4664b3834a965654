// Received messages that the program has not read yet, in one block of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dtls::runtime {

// MessageQueue keeps message boundaries and lets one message be read in parts.
class MessageQueue {
 public:
  // capacity: bytes of messages and their bookkeeping. What does not fit is refused.
  explicit MessageQueue(std::size_t capacity) : capacity_(capacity) {}

  bool push(std::span<const std::byte> message);  // false: full
  std::size_t pop(std::span<std::byte> into);     // bytes copied of the first message
  [[nodiscard]] std::size_t front_size() const;   // unread bytes of the first message
  [[nodiscard]] std::size_t size() const { return bytes_.size() - read_; }  // of the capacity
  [[nodiscard]] bool empty() const { return read_ == bytes_.size(); }
  void clear();

 private:
  using Length = std::uint32_t;

  std::size_t capacity_;
  std::vector<std::byte> bytes_;  // [length][message]…, read up to read_
  std::size_t read_ = 0;          // always at a length
};

}  // namespace dtls::runtime
