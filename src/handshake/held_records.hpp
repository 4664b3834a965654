// Records that overtook what their keys follow from: kept, within bounds, until there are keys.
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

  // hold copies a record.
  void hold(std::span<const std::byte> record);
  // release makes all that are held due: new keys were installed.
  void release();
  // next gives the oldest that is due, valid until the next call; empty: none is.
  std::span<std::byte> next();

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
