// Job: the command line that the script gives every contender and the load.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "engine/candidate.hpp"
#include "net/counters.hpp"

namespace dtls::bench {

// Arguments are pairs of --name and value.
class Arguments {
 public:
  Arguments(int count, char** values);
  // text exits with a message if the argument is missing and there is no default.
  [[nodiscard]] std::string text(const std::string& name) const;
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const;
  [[nodiscard]] std::uint64_t number(const std::string& name, std::uint64_t otherwise) const;

 private:
  std::map<std::string, std::string> values_;
};

// Task is what a contender does with messages, all associations alike.
enum class Task : std::uint8_t {
  kSink,    // counts them
  kEcho,    // sends each back
  kSource,  // sends messages without end to the peer whose message has come
};

// Job of a contender: one server on 127.0.0.1, on one thread, until it is killed.
struct Job {
  explicit Job(const Arguments& arguments);

  Task task;
  Version version;
  std::size_t message_size;  // of kSource
  Material material;
  Counters* counters;
};

// read_file exits with a message on failure.
std::string read_file(const std::string& path);
Version version_of(const std::string& name);

}  // namespace dtls::bench
