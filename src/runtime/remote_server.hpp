// RemoteServer: a server of another thread, as the connections that left it see it.
#pragma once

#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/carrier.hpp"
#include "runtime/named_servers.hpp"
#include "runtime/server_core.hpp"

namespace dtls::runtime {

// RemoteServer gives back what is for the server and needs nothing else of it: its connections have
// sockets of their own, and the server reaches them by their Inlet.
class RemoteServer final : public Carrier {
 public:
  explicit RemoteServer(std::shared_ptr<const NamedServer> server) : server_(std::move(server)) {}

  void give_back(const Address& peer, const std::optional<Address>& local,
                 std::span<std::byte> datagram, TimePoint now) override {
    server_->mailbox->post(
        [core = server_->core, peer, local, now,
         copy = std::vector(datagram.begin(), datagram.end())]() mutable {
          if (const auto server = core.lock()) server->give_back(peer, local, copy, now);
        },
        datagram.size());
  }
  Result<void> send_to(std::span<const std::byte> /*datagram*/, const Address& /*peer*/,
                       const Address& /*local*/) override {
    return not_here();
  }
  Result<net::UdpSocket> split(const Address& /*local*/, const Address& /*peer*/) override {
    return not_here();
  }
  [[nodiscard]] std::string device() const override { return {}; }
  void take_in(TimePoint /*now*/) override {}
  void take_in_all(TimePoint /*now*/) override {}
  void note_full() override {}
  void establish(endpoint::Receiver& /*receiver*/, TimePoint /*now*/) override {}
  void charge(endpoint::Receiver& /*receiver*/, std::size_t /*bytes*/, TimePoint /*now*/) override {
  }
  void spoke(endpoint::Receiver& /*receiver*/, TimePoint /*now*/) override {}
  void forget(const Address& /*peer*/, endpoint::Receiver& /*receiver*/) override {}
  void note_failure(HandshakeFailure /*failure*/) override {}
  void depart(const Address& /*peer*/, endpoint::Receiver& /*receiver*/,
              std::weak_ptr<endpoint::Receiver> /*away*/) override {}
  void restore(const Address& peer, endpoint::Receiver& /*receiver*/,
               std::weak_ptr<endpoint::Receiver> inlet, wire::HelloMark mark) override {
    server_->mailbox->post([core = server_->core, peer, inlet = std::move(inlet), mark] {
      if (const auto server = core.lock()) server->restore_away(peer, inlet, mark);
    });
  }

 private:
  static Error not_here() {
    return {ErrorKind::kMisuse, EBADF, "the server belongs to another thread", {}};
  }

  std::shared_ptr<const NamedServer> server_;
};

}  // namespace dtls::runtime
