// Pipes and sources for the event loop's tests.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <utility>

#include "net/source.hpp"

namespace dtls::net {

// Pipe is non-blocking; its ends are closed when it goes.
struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC), 0);
    read_end = ends[0];
    write_end = ends[1];
  }
  ~Pipe() {
    close_read();
    close_write();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void fill() const { EXPECT_EQ(::write(write_end, "x", 1), 1); }
  void drain() const {
    std::array<char, 16> bytes{};
    while (::read(read_end, bytes.data(), bytes.size()) > 0) {
    }
  }
  void close_read() {
    if (read_end >= 0) ::close(std::exchange(read_end, -1));
  }
  void close_write() {
    if (write_end >= 0) ::close(std::exchange(write_end, -1));
  }

  int read_end = -1;
  int write_end = -1;
};

inline bool is_readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

// FakeSource does what the test says when its descriptor is readable.
class FakeSource : public Source {
 public:
  void on_readable(TimePoint) override {
    ++reads;
    if (when_readable) when_readable();
  }
  [[nodiscard]] bool ready(Interest interest) const override {
    return interest == Interest::kRead ? readable : writable;
  }

  int reads = 0;
  bool readable = false;
  bool writable = false;
  std::function<void()> when_readable;
};

inline constexpr Duration kNow{0};

}  // namespace dtls::net
