#include "net/loop_core.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <system_error>
#include <utility>

#include "net/deadline.hpp"

namespace dtls::net {
namespace {

void add_own(EpollSet& set, int fd) {
  if (const int failure = set.add({fd, 0}, EPOLLIN)) {
    throw std::system_error(failure, std::generic_category(), "cannot build the event loop");
  }
}

}  // namespace

LoopCore::LoopCore() {
  add_own(core_, alarm_.descriptor());
  add_own(core_, mailbox_->descriptor());
  add_own(outer_, core_.descriptor());
  add_own(outer_, plain_.descriptor());
  add_own(outer_, ready_.descriptor());
}

LoopCore::~LoopCore() {
  // What the callbacks own may call back when it is destroyed: the loop must still be whole.
  ++depth_;
  now_ = Clock::now();
  mailbox_->close();
  while (!watches_.empty())
    unwatch(watches_.any());
  timers_.clear();
  flush();
}

void LoopCore::attach(Source& source, int fd) {
  sources_.attach(source, fd);
}

void LoopCore::resume(Source& source) {
  sources_.resume(source);
  show_state_outside();
}

void LoopCore::detach(Source& source) {
  sources_.detach(source);
  show_state_outside();
}

LoopCore::WatchId LoopCore::watch_source(Source& source, Interest interest,
                                         std::function<void()> callback) {
  const WatchId id = sources_.watch(source, interest, std::move(callback));
  show_state_outside();
  return id;
}

void LoopCore::readiness_changed(Source& source) {
  sources_.readiness_changed(source);
  show_state_outside();
}

LoopCore::TimerId LoopCore::post(std::function<void()> callback) {
  return add_timer(TimePoint::min(), std::move(callback));
}

Result<LoopCore::WatchId> LoopCore::watch(int fd, Interest interest,
                                          std::function<void()> callback) {
  if (Source* owner = sources_.owner_of(fd)) {
    return watch_source(*owner, interest, std::move(callback));
  }
  return plain_.add(fd, interest, std::move(callback));
}

void LoopCore::unwatch(WatchId id) {
  const WatchPtr watch = watches_.find(id);
  if (watch == nullptr) return;
  if (watch->source != nullptr) {
    sources_.remove(watch);
  } else {
    plain_.remove(watch);
  }
  show_state_outside();
}

LoopCore::TimerId LoopCore::add_timer(TimePoint when, std::function<void()> callback) {
  const TimerId id = timers_.add(when, std::move(callback));
  show_state_outside();
  return id;
}

void LoopCore::cancel_timer(TimerId id) {
  timers_.cancel(id);
  show_state_outside();
}

bool LoopCore::run_once(Timeout timeout, EventLoop::Scope scope) {
  const Turn turn(*this);
  now_ = Clock::now();
  const auto deadline = deadline_after(now_, timeout);
  for (;;) {
    const Served served = wait_and_serve(deadline, scope);
    bool worked = served.worked;
    worked |= timers_.run_due(now_);
    if (scope == EventLoop::Scope::kAll) {
      worked |= sources_.fire();
      if (served.user_ready) worked |= plain_.fire();
    }
    if (worked || served.woken) return worked;
    if (deadline && *deadline <= now_) return false;
  }
}

LoopCore::Served LoopCore::wait_and_serve(std::optional<TimePoint> deadline,
                                          EventLoop::Scope scope) {
  flush();
  Served served;
  auto wait = time_to_wait(deadline, scope);
  if (wait != Clock::duration::zero()) hide_state();
  if (scope == EventLoop::Scope::kAll && !plain_.empty()) {
    bool core_ready = false;
    std::array<epoll_event, 3> sets;
    const std::size_t ready_sets = outer_.wait(sets, wait);
    for (const epoll_event& event : std::span(sets).first(ready_sets)) {
      const int fd = RegistrationKey::unpack(event.data.u64).fd;
      core_ready |= fd == core_.descriptor();
      served.user_ready |= fd == plain_.descriptor();
    }
    if (!core_ready) {
      now_ = Clock::now();
      return served;
    }
    wait = Clock::duration::zero();
  }
  // 64: enough that the system call's price is shared, few enough that timers are not kept
  // waiting. epoll hands the ready descriptors out in turn.
  std::array<epoll_event, 64> events;
  const std::size_t count = core_.wait(events, wait);
  now_ = Clock::now();
  for (const epoll_event& event : std::span(events).first(count)) {
    const auto key = RegistrationKey::unpack(event.data.u64);
    if (key.generation != 0) {
      served.worked |= sources_.serve(key, now_);
    } else if (key.fd != alarm_.descriptor()) {
      served.woken = true;
      served.worked |= mailbox_->open_all();
    }
  }
  return served;
}

std::optional<Clock::duration> LoopCore::time_to_wait(std::optional<TimePoint> deadline,
                                                      EventLoop::Scope scope) const {
  constexpr auto kNone = Clock::duration::zero();
  if (scope == EventLoop::Scope::kAll && sources_.any_ready()) return kNone;
  auto until = timers_.earliest();
  if (deadline) until = std::min(until.value_or(*deadline), *deadline);
  if (!until) return std::nullopt;
  return *until <= now_ ? kNone : *until - now_;
}

void LoopCore::renew_alarm() {
  if (alarm_.rang_by(now_)) alarm_.set_anew(timers_.earliest());
}

void LoopCore::flush() {
  if (!std::exchange(flush_asked_, false) || !flusher_) return;
  if (birthplace_.is_here()) flusher_();  // what a forked child inherited is the parent's to send
}

void LoopCore::hide_state() {
  renew_alarm();
  if (ready_raised_) show_ready();
}

void LoopCore::show_state() {
  alarm_.set_for(timers_.earliest());
  show_ready();
}

void LoopCore::show_ready() {
  if (sources_.any_ready() == ready_raised_) return;
  ready_raised_ = !ready_raised_;
  if (ready_raised_) {
    ready_.raise();
  } else {
    ready_.lower();
  }
}

int LoopCore::descriptor(EventLoop::Scope scope) {
  is_watched_ = true;
  show_state_outside();
  return scope == EventLoop::Scope::kAll ? outer_.descriptor() : core_.descriptor();
}

void LoopCore::run() {
  const Turn turn(*this);
  now_ = Clock::now();
  while (!stopped_.exchange(false))
    run_once(std::nullopt, EventLoop::Scope::kAll);
}

void LoopCore::stop() {
  stopped_ = true;
  mailbox_->wake();
}

}  // namespace dtls::net
