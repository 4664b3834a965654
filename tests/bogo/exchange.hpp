// One connection of a test: from the first datagram to the end of the conversation.
//
//   handshake ─► checks ─► exported keys ─► first word ─► each message comes back with its bits
//   turned ─► the runner closes
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bogo/engine_adapter.hpp"
#include "bogo/options.hpp"
#include "bogo/wire.hpp"
#include "dtls/time.hpp"

namespace dtls::bogo {

class Exchange {
 public:
  // `now` is the test's virtual clock, which the runner moves. All must outlive the exchange.
  Exchange(const Options& options, bool is_resumption, RunnerLink& runner, Association& association,
           TimePoint& now);

  // run gives why the connection failed, in words for the runner, or nothing.
  std::optional<std::string> run();

 private:
  using Problem = std::optional<std::string>;

  Problem shake_hands();
  Problem export_keys();
  Problem converse();
  Problem answer(Message message);
  Problem update_keys();
  Problem check_tickets() const;

  // next_event lets the runner act until the association has something to tell; nothing when the
  // runner has left. A failure is put into problem_.
  std::optional<Event> next_event();
  Problem act_on(Command command);
  Problem check_deadline(const ExpectDeadline& expected) const;
  void flush();
  Problem say(std::span<const std::byte> message);

  const Options& options_;
  RunnerLink& runner_;
  Association& association_;
  TimePoint& now_;
  std::vector<std::byte> datagram_;  // which the association reads until it has no more events
  Problem problem_;
  Agreed agreed_;
  bool is_resumption_;
  bool got_ticket_ = false;
};

}  // namespace dtls::bogo
