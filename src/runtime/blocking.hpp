// What the handles have in common: waiting, and callbacks that can be replaced.
#pragma once

#include <cerrno>
#include <functional>
#include <optional>
#include <utility>

#include "dtls/event_loop.hpp"

namespace dtls::runtime {

// retry_until repeats `attempt`, a non-blocking call, until it gives something other than EAGAIN or
// the timeout has passed; in between the loop does its background work.
template <typename Attempt>
auto retry_until(EventLoop& loop, Timeout timeout, Attempt attempt) {
  auto result = attempt();
  loop.run_until(
      [&, first = true]() mutable {
        if (!std::exchange(first, false)) result = attempt();
        return result || result.error().sys_errno != EAGAIN;
      },
      timeout, EventLoop::Scope::kBackground);
  return result;
}

// replace_watch puts a watch on `core` (anything with watch() and loop()) in the place of an
// earlier one.
template <typename Core>
void replace_watch(Core& core, std::optional<EventLoop::WatchId>& id, Interest interest,
                   std::function<void()> callback) {
  if (id) core.loop().unwatch(*std::exchange(id, std::nullopt));
  if (callback) id = core.watch(interest, std::move(callback));
}

}  // namespace dtls::runtime
