#include "handshake/held_records.hpp"

#include <utility>

namespace dtls::handshake {

void HeldRecords::hold(std::span<const std::byte> records) {
  if (held_.size() == kMost || bytes_ + records.size() > kMostBytes) return;
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

void HeldRecords::clear() {
  held_.clear();
  due_.clear();
  bytes_ = 0;
}

}  // namespace dtls::handshake
