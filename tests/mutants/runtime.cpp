// Linked into the test programs by tests/mutants/run. DTLS_MUTANT=<id> switches a mutant on.
// DTLS_MUTANT_STATE=<file> gets a line "began" or "failed" with the name of each test that does.
// DTLS_MUTANT_TRACE=<file> gets a line for each test: its name, its time in ms, and the ids of the
// mutants that it came by.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>

#include "mutant.hpp"

namespace dtls_mutants {
namespace {

const char* trace_file() {
  static const char* const kFile = std::getenv("DTLS_MUTANT_TRACE");
  return kFile;
}

unsigned active() {
  static const unsigned kActive = [] {
    const char* const said = std::getenv("DTLS_MUTANT");
    return said == nullptr ? 0U : static_cast<unsigned>(std::strtoul(said, nullptr, 10));
  }();
  return kActive;
}

// A table with open addressing: mutants lie on many threads' paths, also where nothing may
// allocate.
std::array<std::atomic<unsigned>, 4096> reached;

void note(unsigned id) {
  for (std::size_t i = id % reached.size();; i = (i + 1) % reached.size()) {
    unsigned there = reached[i].load(std::memory_order_relaxed);
    if (there == 0 && reached[i].compare_exchange_strong(there, id)) return;
    if (there == id) return;
  }
}

std::string name_of(const testing::TestInfo& info) {
  return std::string(info.test_suite_name()) + '.' + info.name();
}

class State : public testing::EmptyTestEventListener {
 public:
  explicit State(const char* file) : file_(file) {}

 private:
  void OnTestStart(const testing::TestInfo& info) override { write("began ", info); }
  void OnTestEnd(const testing::TestInfo& info) override {
    if (info.result()->Failed()) write("failed ", info);
  }
  void write(const char* what, const testing::TestInfo& info) const {
    std::ofstream(file_, std::ios::app) << what << name_of(info) << '\n';
  }

  const char* file_;
};

class Tracer : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& /*info*/) override {
    for (auto& id : reached)
      id = 0;
  }
  void OnTestEnd(const testing::TestInfo& info) override {
    std::ofstream out(trace_file(), std::ios::app);
    out << name_of(info) << '\t' << info.result()->elapsed_time() << '\t';
    for (auto& id : reached)
      if (id != 0) out << id << ' ';
    out << '\n';
  }
};

[[maybe_unused]] const bool kListens = [] {
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (const char* const file = std::getenv("DTLS_MUTANT_STATE")) listeners.Append(new State(file));
  if (trace_file() != nullptr) listeners.Append(new Tracer);
  return true;
}();

}  // namespace

bool is_active(unsigned id) noexcept {
  if (trace_file() != nullptr) note(id);
  return active() == id;
}

}  // namespace dtls_mutants
