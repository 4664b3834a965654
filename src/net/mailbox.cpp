#include "net/mailbox.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dtls::net {

bool Mailbox::post(Letter letter, std::size_t bytes) {
  if (!birthplace_.is_here()) return false;
  constexpr std::size_t kLeast = 512;
  const std::size_t weight = bytes == 0 ? 0 : std::max(bytes, kLeast);
  {
    const std::scoped_lock lock(mutex_);
    if (closed_ || letters_.size() >= kCapacity || (weight > 0 && bytes_ + weight > kCapacityBytes))
      return false;
    bytes_ += weight;
    letters_.push_back(std::move(letter));
  }
  flag_.raise();
  return true;
}

bool Mailbox::open_all() {
  flag_.lower();
  std::vector<Letter> opened;
  {
    const std::scoped_lock lock(mutex_);
    opened.swap(letters_);
    bytes_ = 0;
  }
  for (auto next = opened.begin(); next != opened.end(); ++next) {
    try {
      (*next)();
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      letters_.insert(letters_.begin(), std::make_move_iterator(std::next(next)),
                      std::make_move_iterator(opened.end()));
      flag_.raise();
      throw;
    }
  }
  return !opened.empty();
}

void Mailbox::close() {
  if (!birthplace_.is_here()) return;  // another thread of the parent may have held the mutex
  std::vector<Letter> dropped;         // destroyed after the lock: a letter may own a connection
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
    dropped.swap(letters_);
  }
}

}  // namespace dtls::net
