#include "handshake/ack_list.hpp"

#include <algorithm>
#include <tuple>

#include "wire/ack.hpp"

namespace dtls::handshake {

void AckList::add(record::RecordNumber number) {
  if (numbers_.size() == kMost) numbers_.erase(numbers_.begin());
  numbers_.push_back(number);
}

std::size_t AckList::write(std::span<std::byte> out) const {
  const std::size_t rest = out.size() - std::min(out.size(), wire::ack_size(0));
  const std::size_t count =
      std::min(numbers_.size(), rest / (wire::ack_size(1) - wire::ack_size(0)));
  if (count == 0 && !numbers_.empty()) return 0;
  std::vector<record::RecordNumber> sorted(numbers_.end() - static_cast<std::ptrdiff_t>(count),
                                           numbers_.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& left, const auto& right) {
    return std::tie(left.epoch, left.sequence) < std::tie(right.epoch, right.sequence);
  });
  wire::Writer writer(out);
  wire::write_ack(writer, sorted);
  return writer.written();
}

}  // namespace dtls::handshake
