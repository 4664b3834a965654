#include "runtime/named_servers.hpp"

#include <algorithm>
#include <utility>

#include "process/forks.hpp"

namespace dtls::runtime {

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
