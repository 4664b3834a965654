// NamedServers: the servers of this process by name, for connections that move between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "dtls/path.hpp"
#include "dtls/session.hpp"
#include "endpoint/cookie_secrets.hpp"
#include "net/mailbox.hpp"

namespace dtls::runtime {

class ServerCore;

// NamedServer is what other threads may know of a server.
struct NamedServer {
  std::string name;
  std::shared_ptr<const Context> context;
  std::shared_ptr<const endpoint::CookieSecrets> secrets;
  std::size_t receive_queue = 0;
  std::shared_ptr<net::Mailbox> mailbox;  // of the server's loop, where `core` may be locked
  std::weak_ptr<ServerCore> core;

  // post has the server do something on its own thread, unless it has closed. `bytes`: of the
  // datagram that goes with it.
  void post(std::function<void(ServerCore&)> task, std::size_t bytes = 0) const;
  // Of an association that another thread serves: it is established, it has ended, or its socket
  // has received a datagram that the server has to route (0: of another peer).
  void establish_migrated(const Address& peer, std::uint64_t migration) const;
  void forget_migrated(const Address& peer, std::uint64_t migration) const;
  void give_back(const Path& path, std::span<const std::byte> datagram, TimePoint now,
                 std::uint64_t migration) const;
};

// NamedServers may be used from any thread. Several servers may have one name: the newest that
// lives speaks for it.
class NamedServers {
 public:
  static NamedServers& of_process();

  void enter(std::shared_ptr<const NamedServer> server);
  void leave(const NamedServer& server);
  [[nodiscard]] std::shared_ptr<const NamedServer> find(const std::string& name);

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<const NamedServer>> servers_;  // few, oldest first
};

}  // namespace dtls::runtime
