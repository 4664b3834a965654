// Two engines joined by a virtual network: loss, order and time are the test's.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "association/engine.hpp"
#include "endpoint/cookie_gate.hpp"
#include "handshake/tickets.hpp"
#include "support/certificates.hpp"

namespace dtls::test {

// Owner decides for one side, as a test wishes, and remembers what it was told.
class Owner : public handshake::Decisions {
 public:
  handshake::Presented presented;
  std::shared_ptr<const handshake::Identity> own;  // client
  bool accepts = true;
  std::optional<std::chrono::seconds> valid_for = {};  // the peer's certificate
  std::string name;                                    // client: to ask for
  std::optional<handshake::Ticket> to_resume;
  std::string psk_identity;
  std::string psk_key;
  bool psk_is_pending = false;

  std::vector<std::string> peer_chain;  // DER
  int verified = 0;
  int resumed = 0;
  std::string asked_name;
  std::string asked_psk;

  bool keeps_secrets = false;
  std::map<std::string, std::vector<std::byte>> secrets;  // by their label in a key log

  handshake::Presented present(std::string_view server_name) override;
  std::shared_ptr<const handshake::Identity> client_identity() override { return own; }
  handshake::Verdict verify(std::span<const handshake::Bytes> chain) override;
  void accept_resumed(const handshake::SessionState& state) override;
  handshake::PskAnswer psk(std::string_view identity) override;
  std::string server_name() override { return name; }
  std::optional<handshake::Ticket> ticket() override;
  [[nodiscard]] bool is_logged() const override { return keeps_secrets; }
  void log_secret(std::string_view label, handshake::Bytes client_random,
                  handshake::Bytes secret) override;
  [[nodiscard]] handshake::PreSharedKey key() const;
};

// to_identity parses what an Authority issues.
std::shared_ptr<const handshake::Identity> to_identity(const IdentityConfig& config);

// default_settings are those of both sides where a test has no wishes.
handshake::Settings default_settings(bool is_server);

struct EngineSide {
  using Datagram = std::vector<std::byte>;
  using Wire = std::deque<Datagram>;

  Owner owner;
  std::unique_ptr<handshake::Engine> engine;
  Wire wire;                                         // datagrams on the way to it
  std::vector<std::pair<TimePoint, Datagram>> late;  // those that arrive at another time
  int sent = 0;                                      // datagrams
  int established = 0;
  bool closed = false;
  std::optional<Error> failure;
  std::vector<std::string> messages;
  std::vector<std::string> psks_wanted;
  int tickets_came = 0;
};

class EnginePair {
 public:
  // loses(n): whether the n-th datagram of the whole conversation, from 0, is lost.
  using Loses = std::function<bool(int)>;
  // Fate of the n-th datagram: how long each of its copies travels; none: it is lost.
  using Fate = std::function<std::vector<Duration>(int)>;
  // alters(n, datagram) changes the n-th datagram on its way.
  using Alters = std::function<void(int, EngineSide::Datagram&)>;

  EnginePair(handshake::Settings server, handshake::Settings client);

  EngineSide client;
  EngineSide server;

  // start has the client begin.
  void start();
  void lose(Loses loses) { loses_ = std::move(loses); }
  void meet(Fate fate) { fate_ = std::move(fate); }
  void alter(Alters alters) { alters_ = std::move(alters); }
  // guard puts a cookie gate in front of the server, which proves the client's address.
  void guard();
  [[nodiscard]] bool is_guarded() const { return gate_.has_value(); }
  // advance moves datagrams, then lets time pass until the next of them arrives or a timer runs
  // out, but not beyond `end`; false when nothing is to come.
  bool advance(TimePoint end = TimePoint::max());
  // settle moves datagrams, and lets timers run out, until nothing is under way; false when the
  // virtual time limit was reached first.
  bool settle(Duration limit = Duration(600'000));
  // connect starts and settles; whether both are established.
  bool connect();
  // deliver moves what is on the wires, without letting time pass.
  void deliver();

  [[nodiscard]] TimePoint now() const { return now_; }
  void pass(Duration span) { now_ += span; }
  [[nodiscard]] int datagrams() const { return sent_; }
  [[nodiscard]] Duration elapsed() const {
    return std::chrono::duration_cast<Duration>(now_ - kStart);
  }
  // handshake_time is when both were established, from the start.
  [[nodiscard]] Duration handshake_time() const {
    return std::chrono::duration_cast<Duration>(established_at_ - kStart);
  }
  void drain(EngineSide& from, EngineSide& to);
  void drain();
  static std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
  }

 private:
  static constexpr TimePoint kStart{std::chrono::hours(1)};

  bool step(EngineSide& to, EngineSide& from);
  void put_on_wire(EngineSide::Datagram datagram, EngineSide& to);
  void arrive(EngineSide& to) const;
  bool is_admitted(EngineSide::Datagram& datagram);

  std::shared_ptr<const handshake::Settings> server_settings_;
  std::optional<endpoint::CookieGate> gate_;  // until the client is proven
  Loses loses_;
  Fate fate_;
  Alters alters_;
  TimePoint now_ = kStart;
  TimePoint established_at_ = TimePoint::max();
  int sent_ = 0;
};

}  // namespace dtls::test
