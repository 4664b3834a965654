// UnreadableFlights: how often the peer's last flight of DTLS 1.2 came under keys that differ from
// ours (see Channel::unreadable_flights).
#pragma once

#include <utility>

#include "dtls/time.hpp"
#include "handshake/flight/channel.hpp"

namespace dtls::handshake {

class UnreadableFlights {
 public:
  // note is for a record that could not be opened: the first one of a flight counts.
  void note(TimePoint now) {
    if (!std::exchange(counts_, false)) return;
    ++count_;
    last_ = now;
  }
  // note_repetition: the peer repeats its flight, whose next record may count.
  void note_repetition(TimePoint now) {
    if (now - last_ >= Channel::kUnreadableFlight) counts_ = true;
  }
  void clear() {
    count_ = 0;
    counts_ = true;
  }
  [[nodiscard]] unsigned count() const { return count_; }

 private:
  unsigned count_ = 0;
  bool counts_ = true;  // the flight under way has not been counted
  TimePoint last_{};
};

}  // namespace dtls::handshake
