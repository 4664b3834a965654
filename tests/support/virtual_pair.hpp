// A client and a server session joined by a virtual wire that loses what a rule says, and a clock
// of their own.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "association/inside.hpp"
#include "crypto/key_share.hpp"
#include "dtls/session.hpp"
#include "endpoint/cookie_gate.hpp"

namespace dtls::test {

using Bytes = std::vector<std::byte>;

// What one side has seen.
struct Side {
  std::optional<Session> session;
  std::deque<Bytes> wire;  // on the way to it
  int connected = 0;       // times
  bool closed = false;
  std::optional<Error> failure;
  std::vector<std::string> messages;
  std::optional<std::string> wanted_psk;
  int tickets = 0;  // that came
};

// has_large_keys: X25519MLKEM768 is agreed upon, which DTLS 1.3 has where libcrypto has it. Then
// the hello that brings the cookie back, and the server's flight, have a datagram more each.
inline bool has_large_keys(ProtocolVersion newest = ProtocolVersion::kDtls13) {
  return newest == ProtocolVersion::kDtls13 && crypto::is_available(crypto::Group::kX25519MlKem768);
}

class VirtualPair {
 public:
  // loses(n): whether the n-th datagram of the whole conversation, from 0, is lost.
  using Loses = std::function<bool(int)>;

  VirtualPair(const ServerConfig& server, const ClientConfig& client, Loses loses = {},
              std::optional<Address> local = {})
      : VirtualPair(std::move(*Context::for_server(server)), client, std::move(loses), local) {}
  // `local` is what the server is told the first hello was sent to.
  VirtualPair(std::shared_ptr<Context> server, const ClientConfig& client, Loses loses = {},
              std::optional<Address> local = {})
      : loses_(std::move(loses)), local_(local), server_context_(std::move(server)) {
    client_context_ = std::move(*Context::for_client(client));
    auto secrets = std::move(*endpoint::CookieSecrets::generate());
    gate_.emplace(std::move(
        *endpoint::CookieGate::create(std::move(secrets), server_context_->inside().settings)));
    client_.session.emplace(std::move(*Session::client(client_context_, server_address(), now())));
  }

  Side& client() { return client_; }
  Side& server() { return server_; }
  [[nodiscard]] int datagrams() const { return sent_; }
  Context& server_context() { return *server_context_; }
  Context& client_context() { return *client_context_; }

  // The time as the sessions are told it: it passes when a timer is waited for, and by skip.
  [[nodiscard]] TimePoint now() const { return now_; }
  void skip(Duration span) { now_ += span; }

  // lose replaces the rule about what is lost from now on; it counts datagrams() from the first.
  void lose(Loses loses) { loses_ = std::move(loses); }

  // settle moves datagrams, and lets timers run out, until nothing is under way and both have what
  // `done` wants; false when nothing can happen any more.
  bool settle(const std::function<bool()>& done) {
    while (true) {
      collect();
      if (step()) continue;
      if (done()) return true;
      if (!run_out_timer()) return false;
    }
  }
  bool connect() {
    return settle([&] {
      return (client_.connected > 0 || client_.failure) && (server_.connected || server_.failure);
    });
  }

  // waits_of gives when a side, waiting for its peer, has something to do; not when, minutes later,
  // it frees what it needs no longer.
  [[nodiscard]] std::optional<TimePoint> waits_of(const Side& side) const {
    const auto due = side.session ? side.session->deadline() : std::nullopt;
    return due && *due < now_ + std::chrono::minutes(2) ? due : std::nullopt;
  }
  // is_quiet is true when neither waits for a timer.
  [[nodiscard]] bool is_quiet() const { return !waits_of(client_) && !waits_of(server_); }

  // cut_off loses everything that is sent to one side from now on.
  void cut_off(const Side& side) { cut_off_ = &side; }

  // collect takes what both have to send and puts it on the wires, where tests may reorder it.
  void collect() {
    drain(client_, server_);
    drain(server_, client_);
  }
  // step delivers one datagram to each side; false when none was under way.
  bool step() {
    bool any = false;
    if (!client_.wire.empty()) {
      Bytes datagram = std::move(client_.wire.front());
      client_.wire.pop_front();
      client_.session->receive(datagram, now());
      drain(client_, server_);
      any = true;
    }
    if (!server_.wire.empty()) {
      Bytes datagram = std::move(server_.wire.front());
      server_.wire.pop_front();
      if (admitted(datagram)) server_.session->receive(datagram, now());
      drain(server_, client_);
      any = true;
    }
    return any;
  }

 private:
  static Address client_address() { return *Address::parse("192.0.2.1", 40000); }
  static Address server_address() { return *Address::parse("192.0.2.2", 5684); }

  void send(Side& to, Bytes datagram) {
    const int number = sent_++;
    if (&to != cut_off_ && (!loses_ || !loses_(number))) to.wire.push_back(std::move(datagram));
  }

  void drain(Side& from, Side& to) {
    if (!from.session) return;
    while (auto event = from.session->poll_event()) {
      if (std::holds_alternative<Connected>(*event)) ++from.connected;
      if (std::holds_alternative<Closed>(*event)) from.closed = true;
      if (const auto* failed = std::get_if<Failed>(&*event)) from.failure = failed->error;
      if (const auto* wanted = std::get_if<PskWanted>(&*event)) from.wanted_psk = wanted->identity;
      if (std::holds_alternative<TicketReceived>(*event)) ++from.tickets;
      if (const auto* message = std::get_if<Message>(&*event)) {
        from.messages.emplace_back(reinterpret_cast<const char*>(message->bytes.data()),
                                   message->bytes.size());
      }
    }
    std::array<std::byte, kMaxDatagram> out;
    while (const std::size_t size = from.session->poll_transmit(out)) {
      send(to, Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)));
    }
  }

  bool admitted(Bytes& datagram) {
    if (server_.session) return true;
    std::array<std::byte, endpoint::CookieGate::kMaxReplySize> reply;
    const auto answer = gate_->inspect(client_address(), datagram, now(), reply);
    if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) {
      const auto size = static_cast<std::ptrdiff_t>(answer.reply_size);
      send(client_, Bytes(reply.begin(), reply.begin() + size));
    }
    if (answer.verdict != endpoint::CookieGate::Verdict::kProven) return false;
    if (!answer.collected.empty()) {
      datagram.assign(answer.collected.begin(), answer.collected.end());
    }
    server_.session.emplace(std::move(*Session::server(server_context_, client_address(), local_)));
    return true;
  }

  // run_out_timer lets time pass until the next deadline.
  bool run_out_timer() {
    std::optional<TimePoint> next;
    for (const auto* side : {&client_, &server_}) {
      if (const auto due = waits_of(*side); due && (!next || *due < *next)) next = due;
    }
    if (!next) return false;
    now_ = std::max(now_, *next);
    for (auto* side : {&client_, &server_}) {
      if (side->session) side->session->handle_timeout(now());
    }
    return true;
  }

  Loses loses_;
  std::optional<Address> local_;
  std::shared_ptr<Context> server_context_;
  std::shared_ptr<Context> client_context_;
  TimePoint now_{std::chrono::hours(1)};
  std::optional<endpoint::CookieGate> gate_;
  Side client_;
  Side server_;
  const Side* cut_off_ = nullptr;
  int sent_ = 0;
};

}  // namespace dtls::test
