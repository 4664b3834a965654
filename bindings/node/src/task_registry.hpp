// The tasks of this process, as threads see each other: who lives, and the messages to them.
#pragma once

#include <dtls/dtls.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace dtls::node {

using TaskId = std::uint32_t;  // 0 is nobody

struct TaskMessage {
  TaskId from = 0;
  std::vector<std::byte> bytes;
};

// TaskRegistry gives every task a number and a mailbox. Threads cannot use each other's event
// loops; this is where they meet. All functions may be called from any thread.
class TaskRegistry {
 public:
  // What a task has to attend to, as a set of bits.
  enum State : std::uint8_t {
    kMessage = 1,    // a message waits
    kCancelled = 2,  // somebody has called cancel()
    kEnding = 4,     // its parent ends
  };

  // kMailboxBytes bounds what waits for one task that does not read; each message counts with its
  // bookkeeping, so that empty ones are bounded too.
  static constexpr std::size_t kMailboxBytes = std::size_t{64} * 1024 * 1024;

  static TaskRegistry& of_process();

  // open gives a new task its number, which is never used again. Messages may be sent at once.
  Result<TaskId> open(TaskId parent);
  // attach has `loop`'s wait end when a message or a request arrives. Until close() the loop must
  // live. What has arrived before ends the next wait.
  void attach(TaskId id, EventLoop& loop);
  // close forgets the task and what it has not read, and ends its children. Harmless when done.
  void close(TaskId id);
  [[nodiscard]] bool is_open(TaskId id) const;

  // post fails with ESRCH when the task has ended, ENOBUFS when its mailbox is full, and EMSGSIZE
  // when the message would not even fit into an empty one.
  Result<void> post(TaskId to, TaskId from, std::span<const std::byte> bytes);
  // take removes the message that has waited longest.
  std::optional<TaskMessage> take(TaskId id);
  // descriptor is readable exactly while a message waits; owned by the mailbox. -1 when closed.
  [[nodiscard]] int descriptor(TaskId id) const;

  [[nodiscard]] std::uint8_t state(TaskId id) const;
  Result<void> cancel(TaskId id);  // ESRCH when the task has ended
  // end_children asks the task's children, theirs, and those it may still start, to end.
  void end_children(TaskId id);

 private:
  // Event is an eventfd that counts the messages.
  class Event {
   public:
    Event();
    ~Event();
    Event(Event&& other) noexcept;
    Event& operator=(Event&&) = delete;

    [[nodiscard]] int descriptor() const { return fd_; }
    void increment() const;
    void decrement() const;

   private:
    int fd_;
  };

  struct Mailbox {
    TaskId parent = 0;
    Event event;
    std::deque<TaskMessage> messages;
    std::size_t bytes = 0;
    EventLoop* loop = nullptr;
    std::uint8_t requests = 0;  // kCancelled, kEnding
    bool leaving = false;       // its children end
  };

  void end_children_locked(TaskId id);
  static void request(Mailbox& mailbox, State what);

  mutable std::mutex mutex_;
  std::map<TaskId, Mailbox> mailboxes_;
  TaskId last_id_ = 0;
};

}  // namespace dtls::node
