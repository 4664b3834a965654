#include "handshake/flight/held_records.hpp"

#include <utility>

namespace dtls::handshake {

void HeldRecords::hold(std::span<const std::byte> records, std::size_t most_bytes) {
  if (held_.size() == kMost || bytes_ + records.size() > most_bytes) return;
  held_.emplace_back(records.begin(), records.end());
  bytes_ += records.size();
}

void HeldRecords::release() {
  for (Record& record : held_)
    due_.push_back(std::move(record));
  held_.clear();
  bytes_ = 0;
}

std::span<std::byte> HeldRecords::next() {
  if (due_.empty()) return {};
  given_ = std::move(due_.front());
  due_.pop_front();
  return given_;
}

std::size_t HeldRecords::held_bytes() const {
  return bytes_ + given_.capacity() + (held_.size() + due_.size()) * sizeof(Record);
}

void HeldRecords::clear() {
  held_.clear();
  due_.clear();
  bytes_ = 0;
}

}  // namespace dtls::handshake
