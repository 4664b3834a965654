// PerThread<T>: one T of each thread, made when first needed, destroyed when the thread ends.
#pragma once

#include <utility>

namespace dtls::crypto {

// PerThread is for states that are dear to make and cheap to use again. An object of static storage
// may ask for one after the thread's own has gone (a server that says goodbye when the process
// ends): it gets one that lives for that call.
template <typename T>
class PerThread {
 public:
  // with calls `use` with the thread's T and gives what it returns.
  template <typename Use>
  static auto with(Use&& use) {
    if (current == nullptr) [[unlikely]] {
      if (gone) {
        T temporary;
        return std::forward<Use>(use)(temporary);
      }
      static thread_local Owner owner;
      current = &owner.state;
    }
    return std::forward<Use>(use)(*current);
  }

  // existing gives the thread's T, null when it was never made or has gone.
  static T* existing() { return current; }

 private:
  struct Owner {
    Owner() = default;
    Owner(const Owner&) = delete;
    Owner& operator=(const Owner&) = delete;
    ~Owner() {
      current = nullptr;
      gone = true;
    }
    T state;
  };

  // Without a constructor or destructor of their own, so that they outlive the owner.
  static constinit inline thread_local T* current = nullptr;
  static constinit inline thread_local bool gone = false;
};

}  // namespace dtls::crypto
