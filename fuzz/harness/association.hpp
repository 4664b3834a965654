// Association: an engine that is led through steps, and what must hold whatever these are.
#pragma once

#include <bitset>
#include <cstddef>
#include <optional>

#include "association/engine.hpp"
#include "harness/scene.hpp"
#include "harness/seeded_random.hpp"
#include "harness/steps.hpp"

namespace dtls::fuzz {

// The message of that number: its second byte is the number, its size too says it.
Buffer message(std::uint8_t number);

class Association {
 public:
  Association(Role role, const Scene& scene);

  void perform(const Step& step);
  // fall_silent lets timers run out until none is left: they must come to an end.
  void fall_silent();

  // take_outgoing gives what was sent since.
  std::vector<Buffer> take_outgoing();
  [[nodiscard]] bool was_established() const { return was_established_; }
  [[nodiscard]] bool is_over() const { return engine_.has_ended(); }
  [[nodiscard]] bool has_timer() const { return engine_.deadline().has_value(); }
  [[nodiscard]] const handshake::Engine& engine() const { return engine_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] std::size_t messages() const { return messages_; }

 private:
  void act(const Step& step);
  void drain();
  void on_event(const dtls::Event& event);
  void on_message(std::span<const std::byte> content);
  void on_end(const Error* error);
  void transmit();
  void check_last_words(const std::vector<Buffer>& datagrams) const;
  void check_budget() const;
  void check_memory() const;
  void check_deadline() const;

  Role role_;
  Scene scene_;
  RandomStream random_;
  Decider decider_;
  std::size_t held_before_;
  handshake::Engine engine_;
  TimePoint now_ = kBeginning;

  bool was_established_ = false;
  bool was_told_end_ = false;  // by an event
  bool is_silent_ = false;     // ended, and drained since
  std::optional<Error> error_;
  std::vector<Buffer> outgoing_;
  std::size_t messages_ = 0;
  std::bitset<256> seen_;  // numbers of messages
  std::size_t came_ = 0;   // datagrams
  std::size_t sent_bytes_ = 0;
  std::size_t timeouts_ = 0;
};

// run_association is the target itself.
int run_association(Role role, const std::uint8_t* data, std::size_t size);

}  // namespace dtls::fuzz
