// Datagrams collected for one flush.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dtls/path.hpp"

namespace dtls::net {

// TransmitBatch collects datagrams until UdpSocket::flush sends them. Consecutive datagrams of one
// path and one size form a run, which the kernel takes in one piece and cuts into datagrams
// (UDP_SEGMENT); the last of a run may be shorter. A batch serves one socket at a time, and all its
// memory is allocated by the constructor. It belongs to one thread at a time.
class TransmitBatch {
 public:
  // Four full runs. Longer flushes gain nothing: in one of 200 datagrams of 1,200 bytes each costs
  // 15 % more than in one of 54.
  static constexpr std::size_t kCapacity = std::size_t{256} * 1024;
  static constexpr std::size_t kMostRuns = 512;
  static constexpr std::size_t kMostSegments = 64;      // UDP_MAX_SEGMENTS of Linux 4.18
  static constexpr std::size_t kMostRunBytes = 65'487;  // an IPv6 packet with its UDP header

  // Run is a range of the batch's bytes: `count` datagrams of `segment` bytes, of which the last
  // may be shorter.
  struct Run {
    std::optional<Path> path;  // nullopt: the socket is connected
    std::size_t begin;
    std::size_t size;
    std::size_t segment;
    std::size_t count;
  };

  TransmitBatch();

  // room gives memory for the next datagram: `most` bytes, until the next call of any function.
  // Empty: the batch is full, flush it first. `most` is at most kCapacity.
  [[nodiscard]] std::span<std::byte> room(std::size_t most);
  // commit makes the first `size` bytes of that memory a datagram for `path`, which is copied.
  // nullptr: the socket is connected. Size 0 adds nothing.
  void commit(const Path* path, std::size_t size);

  [[nodiscard]] bool empty() const { return runs_.empty(); }
  void clear();

  // For flush: the runs in the order of their commits, and their bytes.
  [[nodiscard]] std::span<const Run> runs() const { return std::span(runs_).subspan(first_); }
  [[nodiscard]] std::byte* bytes(const Run& run) const { return arena_.get() + run.begin; }
  // drop takes the first `datagrams` off the first run, and the run off when none is left.
  void drop(std::size_t datagrams);

 private:
  [[nodiscard]] bool extends_last_run(const Path* path, std::size_t size) const;
  void move_to_front();

  std::unique_ptr<std::byte[]> arena_;
  std::size_t end_ = 0;    // of the bytes in use
  std::vector<Run> runs_;  // those before first_ have been sent
  std::size_t first_ = 0;
};

}  // namespace dtls::net
