// Epochs: those of one direction that have keys, two at most.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dtls::record {

// Epochs is a list of Epoch, a struct with a `number` and what belongs to it. Its memory is as
// large as its content, because most of what an idle association is made of is here.
template <typename Epoch>
class Epochs {
 public:
  static constexpr std::size_t kMost = 2;

  // install adds an epoch; where there is no room the oldest goes.
  void install(Epoch epoch) {
    if (list_.size() == kMost) {
      *std::ranges::min_element(list_, {}, &Epoch::number) = std::move(epoch);
      return;
    }
    list_.reserve(list_.size() + 1);
    list_.push_back(std::move(epoch));
  }
  void retire(std::uint64_t number) {
    retire_if([&](const Epoch& epoch) { return epoch.number == number; });
  }
  void retire_below(std::uint64_t number) {
    retire_if([&](const Epoch& epoch) { return epoch.number < number; });
  }

  // newest gives the highest number, 0 where there is none.
  [[nodiscard]] std::uint64_t newest() const {
    std::uint64_t newest = 0;
    for (const Epoch& epoch : list_)
      newest = std::max(newest, epoch.number);
    return newest;
  }
  // find gives null where there is none of that number; valid until the next change.
  [[nodiscard]] Epoch* find(std::uint64_t number) {
    for (Epoch& epoch : list_) {
      if (epoch.number == number) return &epoch;
    }
    return nullptr;
  }
  [[nodiscard]] const Epoch* find(std::uint64_t number) const {
    return const_cast<Epochs*>(this)->find(number);
  }

  auto begin() { return list_.begin(); }
  auto end() { return list_.end(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  template <typename Goes>
  void retire_if(Goes goes) {
    if (std::erase_if(list_, goes) != 0) list_.shrink_to_fit();
  }

  std::vector<Epoch> list_;
};

}  // namespace dtls::record
