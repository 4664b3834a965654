#include "bogo/exchange.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bogo/checks.hpp"
#include "wire/version.hpp"

namespace dtls::bogo {
namespace {

constexpr std::size_t kLargestDatagram = 65536;
constexpr std::string_view kFirstWord = "hello";

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;  // Clang 14 does not find it by itself

std::string in_microseconds(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(time).count()) +
         " us";
}

}  // namespace

Exchange::Exchange(const Options& options, bool is_resumption, RunnerLink& runner,
                   Association& association, TimePoint& now)
    : options_(options),
      runner_(runner),
      association_(association),
      now_(now),
      is_resumption_(is_resumption) {}

std::optional<std::string> Exchange::run() {
  association_.start(now_);
  for (const auto stage : {&Exchange::shake_hands, &Exchange::export_keys, &Exchange::converse}) {
    if (Problem problem = (this->*stage)()) {
      return problem;
    }
  }
  got_ticket_ = association_.took_ticket() || got_ticket_;
  if (options_.check_close_notify) {
    association_.close();
    flush();
  }
  return check_tickets();
}

Exchange::Problem Exchange::shake_hands() {
  const auto event = next_event();
  if (!event) {
    return problem_ ? problem_ : "the runner left during the handshake";
  }
  if (const auto* failed = std::get_if<Failed>(&*event)) {
    return failed->why;
  }
  if (!std::holds_alternative<Connected>(*event)) {
    return "closed during the handshake";
  }
  agreed_ = association_.agreed();
  got_ticket_ = association_.took_ticket();
  return options_.implicit_handshake ? std::nullopt
                                     : check_agreed(options_, is_resumption_, agreed_);
}

Exchange::Problem Exchange::export_keys() {
  if (options_.export_keying_material == 0) {
    return std::nullopt;
  }
  const auto keys = association_.export_keying_material();
  return keys ? say(*keys) : keys.error().message;
}

Exchange::Problem Exchange::converse() {
  if (options_.shim_writes_first) {
    if (Problem problem = say(std::as_bytes(std::span(kFirstWord)))) {
      return problem;
    }
  }
  if (options_.shim_shuts_down) {
    return std::nullopt;
  }
  for (;;) {
    if (options_.key_update_before_read) {
      if (Problem problem = update_keys()) {
        return problem;
      }
    }
    auto event = next_event();
    if (!event) {
      return problem_;
    }
    if (std::holds_alternative<PeerClosed>(*event)) {
      return std::nullopt;
    }
    if (const auto* failed = std::get_if<Failed>(&*event)) {
      return failed->why;
    }
    if (auto* message = std::get_if<Message>(&*event)) {
      if (Problem problem = answer(std::move(*message))) {
        return problem;
      }
    }
  }
}

Exchange::Problem Exchange::answer(Message message) {
  if (options_.key_update) {
    if (Problem problem = update_keys()) {
      return problem;
    }
  }
  if (message.bytes.empty()) {
    return std::nullopt;  // the runner's filler, to which it wants no answer
  }
  for (auto& byte : message.bytes) {
    byte = ~byte;
  }
  return say(message.bytes);
}

// An update that is under way serves for this one too.
Exchange::Problem Exchange::update_keys() {
  const auto updated = association_.update_keys(now_);
  flush();
  const bool is_done = updated || updated.error().sys_errno == EALREADY;
  return is_done ? std::nullopt : Problem(updated.error().message);
}

// A ticket of DTLS 1.2 comes within the handshake, one of 1.3 after it; servers of the runner give
// one to every client of 1.3.
Exchange::Problem Exchange::check_tickets() const {
  if (options_.server || options_.shim_shuts_down) {
    return std::nullopt;
  }
  if (options_.expect_no_session && got_ticket_) {
    return "a ticket came, unexpectedly";
  }
  const bool is_due = options_.expect_ticket_renewal || agreed_.version == wire::kDtls13;
  if (is_due && !options_.expect_no_session && !got_ticket_) {
    return "no ticket came";
  }
  return std::nullopt;
}

std::optional<Event> Exchange::next_event() {
  for (;;) {
    auto event = association_.poll_event();
    flush();
    if (event) {
      return event;
    }
    auto command = runner_.next();
    if (std::holds_alternative<RunnerLeft>(command)) {
      return std::nullopt;
    }
    problem_ = act_on(std::move(command));
    if (problem_) {
      return std::nullopt;
    }
  }
}

Exchange::Problem Exchange::act_on(Command command) {
  return std::visit(Overloaded{[this](Datagram& datagram) -> Problem {
                                 datagram_ = std::move(datagram.bytes);
                                 association_.receive(datagram_, now_);
                                 return std::nullopt;
                               },
                               // What the timeout itself brings forth is to come after the answer.
                               [this](TimePasses time) -> Problem {
                                 runner_.acknowledge_time();
                                 now_ += time.by;
                                 association_.handle_timeout(now_);
                                 return std::nullopt;
                               },
                               [this](NewMtu mtu) -> Problem {
                                 association_.set_mtu(mtu.bytes);
                                 return std::nullopt;
                               },
                               [this](ExpectDeadline expected) { return check_deadline(expected); },
                               [this](NewFirstTimeout timeout) -> Problem {
                                 association_.set_first_timeout(timeout.timeout);
                                 return std::nullopt;
                               },
                               [](RunnerLeft) -> Problem { return std::nullopt; },
                               [](Garbled garbled) -> Problem { return garbled.why; }},
                    command);
}

Exchange::Problem Exchange::check_deadline(const ExpectDeadline& expected) const {
  const auto deadline = association_.deadline();
  if (!deadline) {
    return expected.in ? Problem("no deadline instead of " + in_microseconds(*expected.in))
                       : std::nullopt;
  }
  const auto in = std::max<std::chrono::nanoseconds>(*deadline - now_, {});
  if (!expected.in) {
    return "a deadline in " + in_microseconds(in) + ", unexpectedly";
  }
  if (in != *expected.in) {
    return "a deadline in " + in_microseconds(in) + " instead of " + in_microseconds(*expected.in);
  }
  return std::nullopt;
}

// A runner that has left is noticed when it is read from.
void Exchange::flush() {
  std::array<std::byte, kLargestDatagram> datagram;
  while (const std::size_t size = association_.poll_transmit(datagram, now_)) {
    runner_.send_datagram(std::span(datagram).first(size));
  }
}

Exchange::Problem Exchange::say(std::span<const std::byte> message) {
  const auto sent = association_.send(message);
  flush();
  return sent ? std::nullopt : Problem(sent.error().message);
}

}  // namespace dtls::bogo
