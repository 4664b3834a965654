// Records that cannot be read yet: they overtook what their keys follow from, or the handshake
// waits for its owner. Kept, within bounds, until they can be.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

namespace dtls::handshake {

class HeldRecords {
 public:
  // A flight of the peer and a burst of data behind it. Nobody has authenticated these, so others
  // can fill the room; then what comes is lost, as it may be on the way.
  static constexpr std::size_t kMost = 32;
  static constexpr std::size_t kMostBytes = std::size_t{32} * 1024;

  // After the handshake: what overtakes a KeyUpdate.
  static constexpr std::size_t kMostSettled = std::size_t{4} * 1024;

  // hold copies a record, or several in a row, unless more than `most_bytes` would be held.
  void hold(std::span<const std::byte> records, std::size_t most_bytes = kMostBytes);
  // release makes all that are held due.
  void release();
  // next gives the oldest that is due, valid until the next call; empty: none is.
  std::span<std::byte> next();

  [[nodiscard]] std::size_t held_bytes() const;
  [[nodiscard]] bool empty() const { return held_.empty() && due_.empty(); }
  void clear();

 private:
  using Record = std::vector<std::byte>;

  std::deque<Record> held_;
  std::deque<Record> due_;
  Record given_;
  std::size_t bytes_ = 0;  // of those in held_
};

}  // namespace dtls::handshake
