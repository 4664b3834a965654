#include "runtime/message_queue.hpp"

#include <algorithm>
#include <cstring>

namespace dtls::runtime {

bool MessageQueue::push(std::span<const std::byte> message) {
  const std::size_t needed = sizeof(Length) + message.size();
  if (size() + needed > capacity_) return false;
  if (read_ > 0 && bytes_.size() + needed > bytes_.capacity()) {
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(read_));
    read_ = 0;
  }
  const std::size_t at = bytes_.size();
  const auto length = static_cast<Length>(message.size());
  bytes_.resize(at + needed);
  std::memcpy(&bytes_[at], &length, sizeof length);
  std::memcpy(&bytes_[at + sizeof length], message.data(), message.size());
  return true;
}

std::size_t MessageQueue::front_size() const {
  if (empty()) return 0;
  Length length = 0;
  std::memcpy(&length, &bytes_[read_], sizeof length);
  return length;
}

std::size_t MessageQueue::pop(std::span<std::byte> into) {
  const std::size_t size = front_size();
  const std::size_t taken = std::min(size, into.size());
  if (taken == 0) return 0;
  std::memcpy(into.data(), &bytes_[read_ + sizeof(Length)], taken);
  if (taken == size) {
    read_ += sizeof(Length) + size;
  } else {
    // The rest becomes the first message: its length is written right before it.
    const auto rest = static_cast<Length>(size - taken);
    read_ += taken;
    std::memcpy(&bytes_[read_], &rest, sizeof rest);
  }
  if (empty()) clear();
  return taken;
}

void MessageQueue::clear() {
  // An idle connection keeps no buffer beyond a small one.
  constexpr std::size_t kKept = 4096;
  if (bytes_.capacity() > kKept) {
    bytes_ = {};
  } else {
    bytes_.clear();
  }
  read_ = 0;
}

}  // namespace dtls::runtime
