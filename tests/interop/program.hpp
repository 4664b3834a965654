// A child process whose output the loop reads: what real peers run in.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dtls/event_loop.hpp"

namespace dtls::interop {

// Program runs a command. It is killed, by its pid, when the object goes or this process ends.
class Program {
 public:
  // Throws std::runtime_error when no process can be had. A command that is not there shows in the
  // output.
  Program(EventLoop& loop, const std::vector<std::string>& command);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  [[nodiscard]] const std::string& output() const { return output_; }  // both streams of it
  [[nodiscard]] bool says(std::string_view text) const {
    return output_.find(text) != std::string::npos;
  }
  // after gives what stands behind `text` in its line; empty where it was not said yet.
  [[nodiscard]] std::string after(std::string_view text) const;
  [[nodiscard]] bool has_ended() const { return from_ < 0; }  // its output is closed
  void write(std::string_view text) const;                    // to its input
  void close_input();
  // bound_port is the IPv4 UDP port that it has bound; 0: none.
  [[nodiscard]] std::uint16_t bound_port() const;

 private:
  void read();

  EventLoop& loop_;
  EventLoop::WatchId watch_ = 0;
  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string output_;
};

}  // namespace dtls::interop
