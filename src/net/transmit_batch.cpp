#include "net/transmit_batch.hpp"

#include <cstring>

namespace dtls::net {

TransmitBatch::TransmitBatch() : arena_(std::make_unique_for_overwrite<std::byte[]>(kCapacity)) {
  runs_.reserve(kMostRuns);
}

std::span<std::byte> TransmitBatch::room(std::size_t most) {
  if (runs_.size() == kMostRuns || most > kCapacity - end_) move_to_front();
  if (runs_.size() == kMostRuns || most > kCapacity - end_) return {};
  return {arena_.get() + end_, most};
}

void TransmitBatch::commit(const Path* path, std::size_t size) {
  if (size == 0) return;
  if (!extends_last_run(path, size)) {
    runs_.push_back({path != nullptr ? std::optional(*path) : std::nullopt, end_, 0, size, 0});
  }
  Run& run = runs_.back();
  run.size += size;
  ++run.count;
  end_ += size;
}

bool TransmitBatch::extends_last_run(const Path* path, std::size_t size) const {
  if (runs_.empty()) return false;
  const Run& last = runs_.back();
  const bool is_open = last.size == last.count * last.segment;
  if (!is_open || size > last.segment || last.count == kMostSegments) return false;
  if (last.size + size > kMostRunBytes) return false;
  return path != nullptr ? last.path == *path : !last.path;
}

void TransmitBatch::clear() {
  runs_.clear();
  first_ = 0;
  end_ = 0;
}

void TransmitBatch::drop(std::size_t datagrams) {
  Run& run = runs_[first_];
  if (datagrams < run.count) {
    const std::size_t size = datagrams * run.segment;
    run.begin += size;
    run.size -= size;
    run.count -= datagrams;
  } else if (++first_ == runs_.size()) {
    clear();
  }
}

// What a full send buffer left is behind the place of what has been sent.
void TransmitBatch::move_to_front() {
  if (runs_.empty()) return;
  runs_.erase(runs_.begin(), runs_.begin() + static_cast<std::ptrdiff_t>(first_));
  first_ = 0;
  const std::size_t sent = runs_.front().begin;
  std::memmove(arena_.get(), arena_.get() + sent, end_ - sent);
  end_ -= sent;
  for (Run& run : runs_)
    run.begin -= sent;
}

}  // namespace dtls::net
