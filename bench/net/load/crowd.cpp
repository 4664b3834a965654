#include "net/load/crowd.hpp"

#include <array>

namespace dtls::bench {
namespace {

constexpr Duration kTimerPeriod{100};
constexpr std::size_t kScanned = 5000;  // associations in each period
constexpr std::array<std::byte, 64> kGreeting{std::byte{7}};
constexpr std::size_t kMostOfHandshake = 18432;  // dtls::kMaxDatagram

}  // namespace

Crowd::Crowd(Talkers& talkers, Line& line, Counters& counters, std::size_t places, bool greets)
    : talkers_(&talkers),
      line_(&line),
      counters_(&counters),
      places_(places),
      greets_(greets),
      timers_due_(Clock::now() + kTimerPeriod) {}

void Crowd::begin(std::size_t place) {
  places_[place] = {.talker = talkers_->make(Clock::now())};
  transmit(place);
  advance(place, false);
}

void Crowd::open_all() {
  std::size_t begun = 0;
  std::size_t open = 0;
  const auto begin_next = [&] {
    if (begun == places_.size()) return;
    begin(begun);
    if (places_[begun++].open) ++open;
  };
  while (open < places_.size()) {
    while (begun < places_.size() && begun - open < kAtOnce)
      begin_next();
    line_->flush();
    if (open < places_.size()) {
      turn(
          true, [](std::size_t) {}, [&](std::size_t) { ++open; });
    }
  }
  line_->flush();
}

void Crowd::leave(std::size_t place) {
  places_[place].talker->close();
  transmit(place);
  places_[place].talker.reset();
}

void Crowd::send(std::size_t place, std::span<const std::byte> message) {
  const auto room = line_->room(message.size() + talkers_->overhead());
  const auto size = places_[place].talker->seal(message, room);
  line_->commit(place, size);
  if (size == 0) transmit(place);
  count(counters_->sent);
}

void Crowd::transmit(std::size_t place) {
  while (const auto size = places_[place].talker->transmit(line_->room(kMostOfHandshake)))
    line_->commit(place, size);
}

bool Crowd::advance(std::size_t place, bool answered) {
  auto& at = places_[place];
  if (!at.talker->is_established()) return false;
  if (greets_ && !at.greeted) {
    at.greeted = true;
    send(place, kGreeting);
  }
  at.open = (answered || !greets_) && at.talker->may_leave();
  if (!at.open) return false;
  count(counters_->established);
  if (!at.talker->is_as_wished()) count(counters_->failed);
  return true;
}

void Crowd::handle_timers(TimePoint now) {
  for (std::size_t place = 0; place < places_.size(); ++place) {
    auto& at = places_[place];
    if (!at.talker) continue;
    at.talker->handle_time(now);
    transmit(place);
    // The greeting, or its answer, may have been lost.
    if (at.greeted && !at.open) send(place, kGreeting);
  }
  timers_due_ = now + kTimerPeriod * (1 + places_.size() / kScanned);
}

}  // namespace dtls::bench
