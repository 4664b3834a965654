// The main of every test program. Many tests share one process, so that a crash or a hang has to
// name the test it happened in.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

namespace dtls::test {
namespace {

constexpr unsigned kTestSeconds = 120;  // no test needs a tenth of it, sanitizers included
constexpr std::array kFatalSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};

char running_test[256];  // a signal handler may not allocate
struct sigaction previous_actions[kFatalSignals.size()];

void say(const char* text) {
  if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

// name_test gives the signal back to its previous handler (a sanitizer's report, or the end): a
// fault happens again on return, and abort() raises again.
void name_test(int signal) {
  for (std::size_t i = 0; i < kFatalSignals.size(); ++i)
    if (kFatalSignals.at(i) == signal) sigaction(signal, &previous_actions[i], nullptr);
  say(signal == SIGALRM ? "[ TIMEOUT  ] " : "[ CRASHED  ] ");
  say(running_test);
  say("\n");
  if (signal == SIGALRM) std::abort();
}

class Watchdog : public testing::EmptyTestEventListener {
 public:
  explicit Watchdog(unsigned seconds) : seconds_(seconds) {
    struct sigaction action = {};
    action.sa_handler = name_test;
    for (std::size_t i = 0; i < kFatalSignals.size(); ++i)
      sigaction(kFatalSignals.at(i), &action, &previous_actions[i]);
  }

 private:
  void OnTestStart(const testing::TestInfo& test) override {
    const auto name = std::string(test.test_suite_name()) + "." + test.name();
    running_test[name.copy(running_test, sizeof(running_test) - 1)] = '\0';
    alarm(seconds_);
  }
  void OnTestEnd(const testing::TestInfo& /*test*/) override {
    alarm(0);
    std::strcpy(running_test, "between two tests");
  }

  unsigned seconds_;
};

}  // namespace
}  // namespace dtls::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const char* seconds = std::getenv("DTLS_TEST_SECONDS");
  testing::UnitTest::GetInstance()->listeners().Append(new dtls::test::Watchdog(
      seconds != nullptr ? static_cast<unsigned>(std::atoi(seconds)) : dtls::test::kTestSeconds));
  return RUN_ALL_TESTS();
}
