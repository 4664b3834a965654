// A client and a server session joined by a virtual wire that loses what a rule says.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dtls/session.hpp"
#include "endpoint/cookie_gate.hpp"

namespace dtls::test {

using Bytes = std::vector<std::byte>;

// What one side has seen.
struct Side {
  std::optional<Session> session;
  std::deque<Bytes> wire;  // on the way to it
  bool connected = false;
  bool closed = false;
  std::optional<Error> failure;
  std::vector<std::string> messages;
};

class VirtualPair {
 public:
  // loses(n): whether the n-th datagram of the whole conversation, from 0, is lost.
  using Loses = std::function<bool(int)>;

  VirtualPair(const ServerConfig& server, const ClientConfig& client, Loses loses = {},
              std::optional<Address> local = {})
      : loses_(std::move(loses)), local_(local) {
    server_context_ = std::move(*Context::for_server(server));
    auto client_context = std::move(*Context::for_client(client));
    auto secrets = std::move(*endpoint::CookieSecrets::generate());
    gate_.emplace(std::move(*endpoint::CookieGate::create(std::move(secrets))));
    client_.session.emplace(
        std::move(*Session::client(client_context, server_address(), Clock::now())));
  }

  Side& client() { return client_; }
  Side& server() { return server_; }
  [[nodiscard]] int datagrams() const { return sent_; }

  // settle moves datagrams, and lets timers run out, until nothing is under way and both have what
  // `done` wants; false when nothing can happen any more.
  bool settle(const std::function<bool()>& done) {
    while (true) {
      drain(client_, server_);
      drain(server_, client_);
      if (deliver()) continue;
      if (done()) return true;
      if (!run_out_timer()) return false;
    }
  }
  bool connect() {
    return settle([&] {
      return (client_.connected || client_.failure) && (server_.connected || server_.failure);
    });
  }

 private:
  static Address client_address() { return *Address::parse("192.0.2.1", 40000); }
  static Address server_address() { return *Address::parse("192.0.2.2", 5684); }

  void send(Side& to, Bytes datagram) {
    const int number = sent_++;
    if (!loses_ || !loses_(number)) to.wire.push_back(std::move(datagram));
  }

  void drain(Side& from, Side& to) {
    if (!from.session) return;
    while (auto event = from.session->poll_event()) {
      if (std::holds_alternative<Connected>(*event)) from.connected = true;
      if (std::holds_alternative<Closed>(*event)) from.closed = true;
      if (const auto* failed = std::get_if<Failed>(&*event)) from.failure = failed->error;
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

  bool deliver() {
    bool any = false;
    if (!client_.wire.empty()) {
      Bytes datagram = std::move(client_.wire.front());
      client_.wire.pop_front();
      client_.session->receive(datagram, Clock::now());
      drain(client_, server_);
      any = true;
    }
    if (!server_.wire.empty()) {
      Bytes datagram = std::move(server_.wire.front());
      server_.wire.pop_front();
      if (admitted(datagram)) server_.session->receive(datagram, Clock::now());
      drain(server_, client_);
      any = true;
    }
    return any;
  }

  bool admitted(const Bytes& datagram) {
    if (server_.session) return true;
    std::array<std::byte, endpoint::CookieGate::kReplySize> reply;
    const auto answer = gate_->inspect(client_address(), datagram, Clock::now(), reply);
    if (answer.verdict == endpoint::CookieGate::Verdict::kChallenge) {
      send(client_, Bytes(reply.begin(), reply.end()));
    }
    if (answer.verdict != endpoint::CookieGate::Verdict::kProven) return false;
    server_.session.emplace(std::move(*Session::server(server_context_, client_address(), local_)));
    return true;
  }

  // libssl reads the system's clock, so the wait for its (shortened) timer is real: up to its
  // deadline, not a guess.
  bool run_out_timer() {
    std::optional<TimePoint> next;
    for (const auto* side : {&client_, &server_}) {
      if (!side->session) continue;
      if (const auto due = side->session->deadline(); due && (!next || *due < *next)) next = due;
    }
    if (!next) return false;
    std::this_thread::sleep_until(*next);
    for (auto* side : {&client_, &server_}) {
      if (side->session) side->session->handle_timeout(Clock::now());
    }
    return true;
  }

  Loses loses_;
  std::optional<Address> local_;  // what the server is told the first hello was sent to
  std::shared_ptr<const Context> server_context_;
  std::optional<endpoint::CookieGate> gate_;
  Side client_;
  Side server_;
  int sent_ = 0;
};

}  // namespace dtls::test
