#include "task_registry.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace dtls::node {
namespace {

std::size_t cost_of(std::size_t bytes) {
  return bytes + sizeof(TaskMessage);
}

Error no_such_task(TaskId id) {
  return {ErrorKind::kMisuse, ESRCH, "there is no task " + std::to_string(id) + ", or it has ended",
          std::nullopt};
}

}  // namespace

TaskRegistry::Event::Event() : fd_(::eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC)) {}

TaskRegistry::Event::~Event() {
  if (fd_ >= 0) ::close(fd_);
}

TaskRegistry::Event::Event(Event&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

void TaskRegistry::Event::increment() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
}

void TaskRegistry::Event::decrement() const {
  std::uint64_t one = 0;
  [[maybe_unused]] const auto taken = ::read(fd_, &one, sizeof one);
}

TaskRegistry& TaskRegistry::of_process() {
  static TaskRegistry registry;
  return registry;
}

Result<TaskId> TaskRegistry::open(TaskId parent) {
  Mailbox mailbox;
  if (mailbox.event.descriptor() < 0) {
    return Error{ErrorKind::kSystem, errno, "no descriptor is left for the mailbox of a task",
                 std::nullopt};
  }
  const std::lock_guard lock(mutex_);
  mailbox.parent = parent;
  const auto found = mailboxes_.find(parent);
  if (found != mailboxes_.end() && found->second.leaving) mailbox.requests = kEnding;
  const TaskId id = ++last_id_;
  mailboxes_.emplace(id, std::move(mailbox));
  return id;
}

void TaskRegistry::attach(TaskId id, EventLoop& loop) {
  const std::lock_guard lock(mutex_);
  const auto found = mailboxes_.find(id);
  if (found == mailboxes_.end()) return;
  found->second.loop = &loop;
  loop.stop();
}

void TaskRegistry::close(TaskId id) {
  const std::lock_guard lock(mutex_);
  end_children_locked(id);
  // A thread ends after those it has started: what is not attached now never will be.
  std::erase_if(mailboxes_, [id](const auto& entry) {
    return entry.first == id || (entry.second.parent == id && entry.second.loop == nullptr);
  });
}

bool TaskRegistry::is_open(TaskId id) const {
  const std::lock_guard lock(mutex_);
  return mailboxes_.contains(id);
}

Result<void> TaskRegistry::post(TaskId to, TaskId from, std::span<const std::byte> bytes) {
  const std::size_t cost = cost_of(bytes.size());
  if (cost > kMailboxBytes) {
    return Error{ErrorKind::kMisuse, EMSGSIZE,
                 "a message of " + std::to_string(bytes.size()) + " bytes is larger than a mailbox",
                 std::nullopt};
  }
  TaskMessage message{from, {bytes.begin(), bytes.end()}};  // copied before others are kept waiting
  const std::lock_guard lock(mutex_);
  const auto found = mailboxes_.find(to);
  if (found == mailboxes_.end()) return no_such_task(to);
  Mailbox& mailbox = found->second;
  if (mailbox.bytes + cost > kMailboxBytes) {
    return Error{ErrorKind::kMisuse, ENOBUFS,
                 "the mailbox of task " + std::to_string(to) +
                     " is full: it has to take its messages, or others to send less",
                 std::nullopt};
  }
  mailbox.messages.push_back(std::move(message));
  mailbox.bytes += cost;
  mailbox.event.increment();
  if (mailbox.loop != nullptr) mailbox.loop->stop();
  return {};
}

std::optional<TaskMessage> TaskRegistry::take(TaskId id) {
  const std::lock_guard lock(mutex_);
  const auto found = mailboxes_.find(id);
  if (found == mailboxes_.end() || found->second.messages.empty()) return std::nullopt;
  Mailbox& mailbox = found->second;
  TaskMessage message = std::move(mailbox.messages.front());
  mailbox.messages.pop_front();
  mailbox.bytes -= cost_of(message.bytes.size());
  mailbox.event.decrement();
  return message;
}

int TaskRegistry::descriptor(TaskId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = mailboxes_.find(id);
  return found == mailboxes_.end() ? -1 : found->second.event.descriptor();
}

std::uint8_t TaskRegistry::state(TaskId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = mailboxes_.find(id);
  if (found == mailboxes_.end()) return 0;
  const Mailbox& mailbox = found->second;
  return mailbox.messages.empty() ? mailbox.requests : mailbox.requests | kMessage;
}

Result<void> TaskRegistry::cancel(TaskId id) {
  const std::lock_guard lock(mutex_);
  const auto found = mailboxes_.find(id);
  if (found == mailboxes_.end()) return no_such_task(id);
  request(found->second, kCancelled);
  return {};
}

void TaskRegistry::end_children(TaskId id) {
  const std::lock_guard lock(mutex_);
  end_children_locked(id);
}

void TaskRegistry::end_children_locked(TaskId id) {
  const auto found = mailboxes_.find(id);
  if (found == mailboxes_.end() || found->second.leaving) return;
  found->second.leaving = true;
  for (auto& [child, mailbox] : mailboxes_) {
    if (mailbox.parent != id) continue;
    request(mailbox, kEnding);
    end_children_locked(child);
  }
}

void TaskRegistry::request(Mailbox& mailbox, State what) {
  mailbox.requests |= what;
  if (mailbox.loop != nullptr) mailbox.loop->stop();
}

}  // namespace dtls::node
