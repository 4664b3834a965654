// Mailbox: how one thread has another's event loop do something.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include "net/alarm.hpp"
#include "process/forks.hpp"

namespace dtls::net {

// Mailbox belongs to a loop and is shared with whoever may write to it: it may outlive the loop.
// Every function may be called from any thread unless it says otherwise.
class Mailbox {
 public:
  using Letter = std::function<void()>;

  // What waits unopened: beyond it the loop's thread does not keep up, or has stopped. Datagrams
  // are counted in bytes, each as 512 at least, so that they leave room for letters without any.
  static constexpr std::size_t kCapacity = 16384;
  static constexpr std::size_t kCapacityBytes = std::size_t{4} * 1024 * 1024;

  Mailbox() = default;  // throws std::system_error when the process is out of descriptors

  // post has the loop's thread call `letter` soon, as background work. Letters of one thread keep
  // their order. `bytes`: of the peer's that it holds. False when the loop is gone (in a forked
  // child it is) or the mailbox is full: `letter` is destroyed then.
  bool post(Letter letter, std::size_t bytes = 0);

  // wake ends a wait of the loop without a letter. Signal handlers may call it.
  void wake() { flag_.raise(); }

  // For the loop, on its own thread. open_all calls the letters that wait now; true if there were
  // any. A letter that throws leaves those behind it for the next time.
  bool open_all();
  void close();  // drops what waits and refuses what comes
  [[nodiscard]] int descriptor() const { return flag_.descriptor(); }

 private:
  Flag flag_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
  std::size_t bytes_ = 0;  // in letters_
  bool closed_ = false;
  process::Birthplace birthplace_;
};

}  // namespace dtls::net
