// Conversations between clients and an echoing server, each over a bad network of its own.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dtls/dtls.hpp"
#include "support/loopback.hpp"
#include "support/lossy_proxy.hpp"

namespace dtls::test {

// Echo accepts everybody and sends every message back.
class Echo {
 public:
  explicit Echo(Server server);
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;

  [[nodiscard]] Address address() const { return server_.local_address(); }
  [[nodiscard]] const std::vector<std::unique_ptr<Connection>>& accepted() const {
    return accepted_;
  }

 private:
  Server server_;
  std::vector<std::unique_ptr<Connection>> accepted_;
};

class BadNetwork : public Loopback {
 protected:
  // Real sockets wait by the system's clock: a timer short enough to be waited out, long enough for
  // a handshake among others on a slow machine.
  static constexpr Duration kFirstRetransmission{40};
  // No timer of this length runs out in a test that passes.
  static constexpr Duration kNever{60000};

  BadNetwork() { retransmit_after(kFirstRetransmission); }

  void retransmit_after(Duration first);
  void authenticate_clients();

  struct Talk {
    std::string name;
    Rule rule;
    bool until_the_handshake_is_done = true;  // else the rule is kept for the messages as well
    IdentityConfig identity{};                // the client's, in place of the configuration's
  };
  struct Told {
    int datagrams_of_the_handshake = 0;  // that came to the proxy until the client was done
    int lost = 0;
    std::size_t bytes_to_server = 0;
    std::size_t bytes_to_client = 0;
  };
  // make_talks gives make(0), make(1), ....
  static std::vector<Talk> make_talks(int count, const std::function<Talk(int)>& make);

  // hold_talks has a client for each talk shake hands by its rule, ask, and be answered; so many at
  // once. Everybody must get through, as one association each. In the order of `talks`.
  std::vector<Told> hold_talks(const std::vector<Talk>& talks, std::size_t at_once = 16);
  Told hold_talk(Rule rule) { return hold_talks({{"the talk", std::move(rule)}}).front(); }

  // How many datagrams a handshake has when none is lost.
  int datagrams_without_loss();
};

}  // namespace dtls::test
