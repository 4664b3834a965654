#include "interop/program.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

namespace dtls::interop {
namespace {

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe to be had");
  }
  std::array<int, 2> ends{};
};

// In the child, where nothing but system calls is safe.
[[noreturn]] void become(const std::vector<char*>& command, int in, int out, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  execvp(command[0], command.data());
  static constexpr std::string_view kText = "cannot be run\n";
  static_cast<void>(::write(2, kText.data(), kText.size()));
  _exit(127);
}

}  // namespace

Program::Program(EventLoop& loop, const std::vector<std::string>& command) : loop_(loop) {
  std::signal(SIGPIPE, SIG_IGN);  // a program that has ended takes no input
  std::vector<char*> words;
  for (const auto& word : command)
    words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const Pipe input;
  const Pipe output;
  const pid_t self = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("no process to be had");
  if (pid_ == 0) become(words, input.ends[0], output.ends[1], self);
  close(input.ends[0]);
  close(output.ends[1]);
  to_ = input.ends[1];
  from_ = output.ends[0];
  fcntl(from_, F_SETFL, O_NONBLOCK);
  auto watch = loop_.watch(from_, Interest::kRead, [this] { read(); });
  if (!watch) throw std::runtime_error(watch.error().message);
  watch_ = *watch;
}

Program::~Program() {
  close_input();
  if (from_ >= 0) {
    loop_.unwatch(watch_);
    close(from_);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string Program::after(std::string_view text) const {
  const auto found = output_.find(text);
  if (found == std::string::npos) return {};
  const auto begin = found + text.size();
  const auto end = output_.find('\n', begin);
  return end == std::string::npos ? std::string() : output_.substr(begin, end - begin);
}

void Program::write(std::string_view text) const {
  // A pipe holds far more than any test says.
  static_cast<void>(::write(to_, text.data(), text.size()));
}

void Program::close_input() {
  if (to_ >= 0) close(to_);
  to_ = -1;
}

void Program::read() {
  std::array<char, 4096> buffer;
  const auto size = ::read(from_, buffer.data(), buffer.size());
  if (size > 0) {
    output_.append(buffer.data(), static_cast<std::size_t>(size));
  } else if (size == 0) {
    loop_.unwatch(watch_);
    close(from_);
    from_ = -1;
  }
}

std::uint16_t Program::bound_port() const {
  namespace fs = std::filesystem;
  std::set<std::string> sockets;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid_) + "/fd", gone)) {
    const auto target = fs::read_symlink(entry.path(), gone).string();
    if (target.starts_with("socket:[")) sockets.insert(target.substr(8, target.size() - 9));
  }
  std::ifstream table("/proc/net/udp");
  std::string line;
  while (std::getline(table, line)) {
    std::istringstream words(line);
    std::string slot;
    std::string local;
    std::string word;
    words >> slot >> local;
    for (int i = 0; i < 8; ++i)
      words >> word;  // the tenth is the inode
    if (!sockets.contains(word)) continue;
    return static_cast<std::uint16_t>(std::stoul(local.substr(local.find(':') + 1), nullptr, 16));
  }
  return 0;
}

}  // namespace dtls::interop
