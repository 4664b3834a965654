// Whether this process is the one in which an object was made, or a child of it by fork(2).
#pragma once

#include <atomic>
#include <memory>

namespace dtls::process {

// forks counts how often this process has become a child since the first call. A child made by a
// bare clone(2) system call, which runs no handlers of pthread_atfork(3), is not noticed.
unsigned forks();

// watches_forks is false where the system has no memory to watch for them; then forks stays as it
// is.
bool watches_forks();

// Birthplace remembers the process in which it was made. Every record asks for it, so that the
// count is read in place: the constructor has begun to watch for forks.
class Birthplace {
 public:
  Birthplace() : born_(forks()) {}
  [[nodiscard]] bool is_here() const { return count_.load(std::memory_order_relaxed) == born_; }

 private:
  friend unsigned forks();
  friend bool watches_forks();
  static inline std::atomic<unsigned> count_{0};

  unsigned born_;
};

// PerProcess has an object of every process: a child gets a new one. What the parent had is kept,
// for other threads may have been in the middle of changing it.
template <typename T>
class PerProcess {
 public:
  T& get() {
    Node* node = newest_.load(std::memory_order_acquire);
    while (node == nullptr || !node->birthplace.is_here()) {
      auto fresh = std::make_unique<Node>();
      fresh->of_parent = node;
      // It lives as long as the process.
      if (newest_.compare_exchange_strong(node, fresh.get())) return fresh.release()->object;
    }
    return node->object;
  }

 private:
  struct Node {
    Birthplace birthplace;
    T object;
    Node* of_parent = nullptr;
  };
  std::atomic<Node*> newest_ = nullptr;
};

}  // namespace dtls::process
