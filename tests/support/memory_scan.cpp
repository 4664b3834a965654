#include "support/memory_scan.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include "crypto/key_derivation.hpp"

namespace dtls::test {
namespace {

constexpr char kMask = 0x5a;
constexpr std::size_t kChunk = std::size_t{1} << 20U;
constexpr std::size_t kLongest = 64;  // of needles

// Memory that found_in_memory does not look into.
class ScanBuffer {
 public:
  ScanBuffer()
      : bytes_(static_cast<char*>(mmap(nullptr, kChunk + kLongest, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    if (bytes_ == MAP_FAILED) throw std::runtime_error("mmap");
  }
  ~ScanBuffer() { munmap(bytes_, kChunk + kLongest); }
  ScanBuffer(const ScanBuffer&) = delete;
  ScanBuffer& operator=(const ScanBuffer&) = delete;

  [[nodiscard]] char* data() { return bytes_; }
  [[nodiscard]] std::uintptr_t begin() const { return reinterpret_cast<std::uintptr_t>(bytes_); }
  [[nodiscard]] std::uintptr_t end() const { return begin() + kChunk + kLongest; }

 private:
  char* bytes_;
};

std::string swapped(std::string bytes, std::size_t word) {
  for (std::size_t at = 0; at + word <= bytes.size(); at += word)
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + word));
  return bytes;
}

std::string to_hex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned char>(byte));
    text += digits.data();
  }
  return text;
}

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2)
    bytes += static_cast<char>(std::stoi(text.substr(at, 2), nullptr, 16));
  return bytes;
}

struct Form {
  std::string name;
  std::string masked;
};

void scan(std::string_view chunk, const std::vector<Form>& forms, std::set<std::string>& found) {
  for (const auto& form : forms) {
    if (memmem(chunk.data(), chunk.size(), form.masked.data(), form.masked.size()) != nullptr)
      found.insert(form.name);
  }
}

void scan_mapping(int memory, std::uintptr_t begin, std::uintptr_t end, ScanBuffer& buffer,
                  const std::vector<Form>& forms, std::set<std::string>& found) {
  for (std::uintptr_t at = begin; at < end; at += kChunk) {
    const std::size_t wanted = std::min(end - at, kChunk + kLongest);
    const auto got = pread(memory, buffer.data(), wanted, static_cast<off_t>(at));
    if (got <= 0) return;  // a guard page
    const std::span<char> bytes(buffer.data(), static_cast<std::size_t>(got));
    for (char& byte : bytes)
      byte ^= kMask;
    scan({bytes.data(), bytes.size()}, forms, found);
  }
}

}  // namespace

std::string masked(std::string bytes) {
  for (char& byte : bytes)
    byte ^= kMask;
  return bytes;
}

std::vector<std::string> from_child(const std::function<std::vector<std::string>()>& make) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw std::runtime_error("pipe");
  const pid_t child = fork();
  if (child == 0) {
    std::string text;
    for (const auto& line : make())
      text += line + "\n";
    for (std::size_t at = 0; at < text.size();) {
      const auto wrote = write(ends[1], text.data() + at, text.size() - at);
      if (wrote <= 0) _exit(1);
      at += static_cast<std::size_t>(wrote);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  std::array<char, 4096> part{};
  for (ssize_t got = 0; (got = read(ends[0], part.data(), part.size())) > 0;)
    text.append(part.data(), static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  if (waitpid(child, &status, 0) != child || status != 0) throw std::runtime_error("child");
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    lines.push_back(line);
  return lines;
}

std::string to_line(const std::string& name, const std::string& secret) {
  return name + " " + to_hex(masked(secret));
}

Needle to_needle(const std::string& line) {
  const auto space = line.rfind(' ');
  return {line.substr(0, space), from_hex(line.substr(space + 1))};
}

std::vector<Needle> needles_of_key_log(const std::string& path) {
  const auto lines = from_child([&] {
    std::vector<std::string> made;
    std::ifstream file(path);
    std::string label;
    std::string random;
    std::string hex;
    while (file >> label >> random >> hex) {
      const std::string secret = from_hex(hex);
      made.push_back(to_line(label, secret));
      // What a line of the log that was not wiped still has.
      made.push_back(to_line(label + " in hex", hex.substr(hex.size() - kLongest)));
      if (label.find("TRAFFIC") == std::string::npos) continue;
      const auto derive = [&](std::string_view what, std::size_t size) {
        std::string out(size, '\0');
        const auto hash =
            secret.size() == 32 ? crypto::HashAlgorithm::kSha256 : crypto::HashAlgorithm::kSha384;
        crypto::hkdf_expand_label(hash, std::as_bytes(std::span(secret)), what, {},
                                  std::as_writable_bytes(std::span(out)));
        made.push_back(to_line(label + " " + std::string(what), out));
      };
      for (const std::size_t size : {16U, 32U}) {  // the log does not tell which cipher it was
        derive("key", size);
        derive("sn", size);
      }
    }
    return made;
  });
  std::vector<Needle> needles;
  for (const auto& line : lines)
    needles.push_back(to_needle(line));
  return needles;
}

std::vector<std::string> found_in_memory(const std::vector<Needle>& needles) {
  std::vector<Form> forms;
  for (const auto& needle : needles) {
    if (needle.masked.size() > kLongest) throw std::runtime_error("too long a needle");
    forms.push_back({needle.name, needle.masked});
    forms.push_back({needle.name + " (words of 4)", swapped(needle.masked, 4)});
    forms.push_back({needle.name + " (words of 8)", swapped(needle.masked, 8)});
  }
  ScanBuffer buffer;
  const int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (memory < 0) throw std::runtime_error("/proc/self/mem");
  std::set<std::string> found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::array<char, 5> mode{};
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, mode.data()) != 3)
      continue;
    if (mode[0] != 'r' || mode[1] != 'w') continue;
    // The kernel may have joined the buffer's mapping with its neighbours.
    if (begin < buffer.end() && end > buffer.begin()) {
      scan_mapping(memory, begin, std::max(begin, buffer.begin()), buffer, forms, found);
      scan_mapping(memory, std::min(end, buffer.end()), end, buffer, forms, found);
    } else {
      scan_mapping(memory, begin, end, buffer, forms, found);
    }
  }
  close(memory);
  return {found.begin(), found.end()};
}

}  // namespace dtls::test
