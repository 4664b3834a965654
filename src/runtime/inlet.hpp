// Inlet: how an association is reached from elsewhere, wherever it has moved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "endpoint/endpoint.hpp"
#include "net/mailbox.hpp"

namespace dtls::runtime {

class ConnectionCore;

// Inlet stands for one association of a server towards other threads, and towards the association
// that takes its place when the peer begins anew (RFC 6347 §4.2.8). The association has one owner
// after another: a connection, then perhaps nobody (Connection::fly_away), then the connection that
// takes it up. Every function may be called from any thread.
class Inlet final : public endpoint::Receiver, public std::enable_shared_from_this<Inlet> {
 public:
  // A datagram that reached somebody else. While nobody owns the association a few are kept.
  void on_datagram(std::span<std::byte> datagram, TimePoint now) override;
  // The peer has begun anew: what the old socket receives goes to the server first (yield) until
  // the new association has proven itself (supersede) or failed (reinstate).
  void yield() { tell(Order::kYield); }
  void supersede() { tell(Order::kSupersede); }
  void reinstate() { tell(Order::kReinstate); }

  // stand_for makes everything from now on go to another one: this one's association has ended
  // before it could take that one's place.
  void stand_for(Inlet& other);

  // The owner moves in, and gets as letters what came meanwhile; or out.
  void settle(std::shared_ptr<net::Mailbox> mailbox, std::weak_ptr<ConnectionCore> owner);
  void leave();

 private:
  enum class Order : std::uint8_t { kYield, kSupersede, kReinstate };
  using Letter = std::function<void(ConnectionCore&)>;

  static Letter letter_of(Order order);
  void tell(Order order);
  // `bytes`: of the datagram that the letter brings; 0: it is an order.
  void deliver(Letter letter, std::size_t bytes);
  void post(Letter letter, std::size_t bytes);  // with the mutex locked, to the owner
  [[nodiscard]] std::shared_ptr<Inlet> stand_in();

  std::mutex mutex_;
  std::shared_ptr<net::Mailbox> mailbox_;  // null: nobody owns the association
  std::weak_ptr<ConnectionCore> owner_;
  std::shared_ptr<Inlet> other_;  // see stand_for
  std::optional<Order> order_;    // the last one, for the next owner
  struct Kept {
    Letter letter;
    std::size_t bytes;
  };
  std::vector<Kept> kept_;  // datagrams, for the next owner
};

}  // namespace dtls::runtime
