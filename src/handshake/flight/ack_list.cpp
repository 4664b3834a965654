#include "handshake/flight/ack_list.hpp"

#include <algorithm>
#include <tuple>

#include "wire/ack.hpp"

namespace dtls::handshake {

void AckList::add(record::RecordNumber number) {
  if (numbers_.size() == kMost) numbers_.erase(numbers_.begin());
  numbers_.push_back(number);
  unnamed_ = std::min(unnamed_ + named_ + 1, kMost);
  named_ = 0;
}

std::size_t AckList::write(std::span<std::byte> out) {
  const std::size_t rest = out.size() - std::min(out.size(), wire::ack_size(0));
  const std::size_t most = rest / (wire::ack_size(1) - wire::ack_size(0));
  const std::size_t end = numbers_.size() - named_;
  const std::size_t begin = end - std::min(most, end);
  if (begin == end && !numbers_.empty()) return 0;
  std::vector<record::RecordNumber> sorted(numbers_.begin() + static_cast<std::ptrdiff_t>(begin),
                                           numbers_.begin() + static_cast<std::ptrdiff_t>(end));
  unnamed_ -= std::min(unnamed_, end - begin);
  named_ = unnamed_ > 0 ? numbers_.size() - begin : 0;
  std::sort(sorted.begin(), sorted.end(), [](const auto& left, const auto& right) {
    return std::tie(left.epoch, left.sequence) < std::tie(right.epoch, right.sequence);
  });
  wire::Writer writer(out);
  wire::write_ack(writer, sorted);
  return writer.written();
}

}  // namespace dtls::handshake
