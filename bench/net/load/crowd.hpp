// Crowd: the load's associations on their line. It opens them a few at a time, keeps their timers,
// and reports messages.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "net/counters.hpp"
#include "net/load/line.hpp"
#include "net/load/talker.hpp"

namespace dtls::bench {

class Crowd {
 public:
  static constexpr std::size_t kAtOnce = 32;

  // greets: an association is open when the server has answered a first message.
  Crowd(Talkers& talkers, Line& line, Counters& counters, std::size_t places, bool greets);

  // begin makes a new association at the place.
  void begin(std::size_t place);
  // open_all opens an association at each place.
  void open_all();
  void leave(std::size_t place);
  void send(std::size_t place, std::span<const std::byte> message);
  // turn receives what has come, waiting for it if asked to, and flushes what was sent meanwhile.
  // `on_message` hears of each message on an open association, `on_open` of each that opens.
  template <typename OnMessage, typename OnOpen>
  void turn(bool waits, OnMessage on_message, OnOpen on_open);
  [[nodiscard]] Line& line() { return *line_; }

 private:
  struct Place {
    std::unique_ptr<Talker> talker;
    bool greeted = false;  // its first message was sent
    bool open = false;
  };

  void transmit(std::size_t place);
  void handle_timers(TimePoint now);
  // advance says whether the association is open now.
  bool advance(std::size_t place, bool answered);

  Talkers* talkers_;
  Line* line_;
  Counters* counters_;
  std::vector<Place> places_;
  bool greets_;
  TimePoint timers_due_;
};

template <typename OnMessage, typename OnOpen>
void Crowd::turn(bool waits, OnMessage on_message, OnOpen on_open) {
  const auto runs = line_->receive(waits);
  const auto now = Clock::now();
  for (const auto& run : runs) {
    const auto place = line_->association_of(run);
    if (place >= places_.size()) continue;
    run.for_each([&](std::span<std::byte> datagram) {
      auto& at = places_[place];
      if (!at.talker) return;
      const bool answered = at.talker->receive(datagram, now) > 0;
      if (at.open) {
        if (answered) on_message(place);
        return;
      }
      transmit(place);
      if (advance(place, answered)) on_open(place);
    });
  }
  if (now >= timers_due_) handle_timers(now);
  line_->flush();
}

}  // namespace dtls::bench
