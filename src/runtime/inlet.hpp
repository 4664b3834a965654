// Inlet: how an association is reached from elsewhere, wherever it has moved.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "endpoint/endpoint.hpp"
#include "net/mailbox.hpp"

namespace dtls::runtime {

class ConnectionCore;

// Inlet stands for one association of a server towards other threads, and towards the association
// that takes its place when the peer begins anew (RFC 6347 §4.2.8). The association has one owner
// after another: a connection, then perhaps nobody (Connection::fly_away), then the connection that
// takes it up. Every function may be called from any thread.
class Inlet final : public endpoint::Receiver {
 public:
  // A datagram that reached somebody else. While nobody owns the association a few are kept.
  void on_datagram(std::span<std::byte> datagram, TimePoint now) override;
  // The peer has begun anew: what the old socket receives goes to the server first (yield) until
  // the new association has proven itself (supersede) or failed (reinstate).
  void yield() { tell(Order::kYield); }
  void supersede() { tell(Order::kSupersede); }
  void reinstate() { tell(Order::kReinstate); }

  // The owner moves in, and gets as letters what has been kept; or out.
  void settle(std::shared_ptr<net::Mailbox> mailbox, std::weak_ptr<ConnectionCore> owner);
  void leave();

 private:
  enum class Order : std::uint8_t { kYield, kSupersede, kReinstate };
  using Letter = std::function<void(ConnectionCore&)>;

  void tell(Order order);
  void deliver(Letter letter);
  void post(Letter letter);  // with the mutex locked

  std::mutex mutex_;
  std::shared_ptr<net::Mailbox> mailbox_;  // null: nobody owns the association
  std::weak_ptr<ConnectionCore> owner_;
  std::vector<Letter> kept_;
};

}  // namespace dtls::runtime
