// AlertQueue: alerts that wait for the next datagram.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "wire/alert.hpp"

namespace dtls::handshake {

class AlertQueue {
 public:
  // Of more than fit the first ones go out.
  void add(wire::Alert alert) {
    if (count_ < alerts_.size()) alerts_[count_++] = alert;
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] const wire::Alert& front() const { return alerts_.front(); }
  void pop() {
    std::move(alerts_.begin() + 1, alerts_.end(), alerts_.begin());
    --count_;
  }

 private:
  static constexpr std::size_t kMost = 4;  // a warning or two, then a fatal one or the end

  std::array<wire::Alert, kMost> alerts_{};
  std::size_t count_ = 0;
};

}  // namespace dtls::handshake
