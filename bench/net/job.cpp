#include "net/job.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace dtls::bench {

Arguments::Arguments(int count, char** values) {
  const std::span all(values, static_cast<std::size_t>(count));
  for (std::size_t i = 1; i < all.size(); i += 2) {
    const std::string_view name = all[i];
    require(name.starts_with("--") && i + 1 < all.size(),
            "arguments are pairs of --name and value");
    values_[std::string(name.substr(2))] = all[i + 1];
  }
}

std::string Arguments::text(const std::string& name) const {
  const auto found = values_.find(name);
  require(found != values_.end(), ("the argument --" + name + " is missing").c_str());
  return found->second;
}

std::string Arguments::text(const std::string& name, const std::string& otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : found->second;
}

std::uint64_t Arguments::number(const std::string& name, std::uint64_t otherwise) const {
  const auto found = values_.find(name);
  return found == values_.end() ? otherwise : std::strtoull(found->second.c_str(), nullptr, 10);
}

Version version_of(const std::string& name) {
  require(name == "1.2" || name == "1.3", "--version is 1.2 or 1.3");
  return name == "1.2" ? Version::kDtls12 : Version::kDtls13;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  require(file.good(), ("cannot read " + path).c_str());
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace {

Task task_of(const std::string& name) {
  if (name == "sink") return Task::kSink;
  if (name == "source") return Task::kSource;
  require(name == "echo", "--task is sink, source or echo");
  return Task::kEcho;
}

}  // namespace

Job::Job(const Arguments& arguments)
    : task(task_of(arguments.text("task"))),
      version(version_of(arguments.text("version", "1.2"))),
      message_size(arguments.number("size", 1200)),
      material{.root_pem = read_file(arguments.text("root")),
               .leaf_pem = read_file(arguments.text("cert")),
               .key_pem = read_file(arguments.text("key"))},
      counters(&map_counters(arguments.text("counters"))) {}

Counters& map_counters(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  require(fd >= 0, ("cannot open " + path).c_str());
  void* const page = mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  require(page != MAP_FAILED, "cannot map the counters");
  close(fd);
  return *static_cast<Counters*>(page);
}

}  // namespace dtls::bench
