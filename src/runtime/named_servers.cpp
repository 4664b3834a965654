#include "runtime/named_servers.hpp"

#include <algorithm>
#include <utility>

#include "process/forks.hpp"
#include "runtime/server_core.hpp"

namespace dtls::runtime {

void NamedServer::post(std::function<void(ServerCore&)> task, std::size_t bytes) const {
  mailbox->post(
      [server = core, task = std::move(task)] {
        if (const auto here = server.lock()) task(*here);
      },
      bytes);
}

void NamedServer::establish_migrated(const Address& peer, std::uint64_t migration) const {
  post([peer, migration](ServerCore& server) {
    server.establish_migrated(peer, endpoint::Elsewhere{migration});
  });
}

void NamedServer::forget_migrated(const Address& peer, std::uint64_t migration) const {
  post([peer, migration](ServerCore& server) {
    server.forget_migrated(peer, endpoint::Elsewhere{migration});
  });
}

void NamedServer::give_back(const Path& path, std::span<const std::byte> datagram, TimePoint now,
                            std::uint64_t migration) const {
  post(
      [path, now, migration,
       copy = std::vector(datagram.begin(), datagram.end())](ServerCore& server) mutable {
        if (migration != 0) server.introduce(path.peer, endpoint::Elsewhere{migration});
        server.take(path, copy, now, ServerCore::By::kConnection);
      },
      datagram.size());
}

NamedServers& NamedServers::of_process() {
  static process::PerProcess<NamedServers> servers;
  return servers.get();
}

void NamedServers::enter(std::shared_ptr<const NamedServer> server) {
  const std::scoped_lock lock(mutex_);
  servers_.push_back(std::move(server));
}

void NamedServers::leave(const NamedServer& server) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(servers_, [&](const auto& each) { return each.get() == &server; });
}

std::shared_ptr<const NamedServer> NamedServers::find(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto newest = std::find_if(servers_.rbegin(), servers_.rend(),
                                   [&](const auto& each) { return each->name == name; });
  return newest == servers_.rend() ? nullptr : *newest;
}

}  // namespace dtls::runtime
