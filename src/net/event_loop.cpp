#include "dtls/event_loop.hpp"

#include <utility>

#include "net/deadline.hpp"
#include "net/loop_core.hpp"

namespace dtls {

EventLoop::EventLoop() : core_(std::make_unique<net::LoopCore>()) {}
EventLoop::~EventLoop() = default;

bool EventLoop::run_once(Timeout timeout, Scope scope) {
  return core_->run_once(timeout, scope);
}

bool EventLoop::run_until(const std::function<bool()>& done, Timeout timeout, Scope scope) {
  if (done()) return true;
  const auto deadline = net::deadline_after(Clock::now(), timeout);
  for (;;) {
    const TimePoint now = Clock::now();
    core_->run_once(net::left_until(deadline, now), scope);
    if (done()) return true;
    if (deadline && *deadline <= now) return false;
  }
}

void EventLoop::run() {
  core_->run();
}

void EventLoop::stop() {
  core_->stop();
}

Result<EventLoop::WatchId> EventLoop::watch(int fd, Interest interest,
                                            std::function<void()> callback) {
  return core_->watch(fd, interest, std::move(callback));
}

void EventLoop::unwatch(WatchId id) {
  core_->unwatch(id);
}

EventLoop::TimerId EventLoop::add_timer(TimePoint when, std::function<void()> callback) {
  return core_->add_timer(when, std::move(callback));
}

void EventLoop::cancel_timer(TimerId id) {
  core_->cancel_timer(id);
}

bool EventLoop::post(std::function<void()> callback) {
  return core_->mailbox()->post(std::move(callback));
}

int EventLoop::descriptor(Scope scope) const {
  return core_->descriptor(scope);
}

}  // namespace dtls
