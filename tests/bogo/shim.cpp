// The shim: our engine as BoringSSL's test runner drives it. See README.md.
//
// It exits with 0 when all connections went as they should, 1 when one failed, 89 when it cannot
// do what the test asks for; why stands on stderr. The runner keeps that to itself for 89, so the
// reason is also appended to the file that the variable DTLS_BOGO_REASONS names.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "bogo/engine_adapter.hpp"
#include "bogo/exchange.hpp"
#include "bogo/options.hpp"
#include "bogo/wire.hpp"

namespace dtls::bogo {
namespace {

constexpr int kExitFailed = 1;

int refuse(const Unsupported& what) {
  const std::string line = what.flag + ": " + what.reason + "\n";
  std::fputs(line.c_str(), stderr);
  if (const char* const name = std::getenv("DTLS_BOGO_REASONS")) {
    std::ofstream(name, std::ios::app) << line;
  }
  return kExitUnimplemented;
}

int fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  return kExitFailed;
}

int connect_once(const Options& options, bool is_resumption, Associations& associations,
                 TimePoint& now) {
  if (is_resumption && !options.server && !associations.has_ticket()) {
    return fail("There is no ticket to resume with.");
  }
  auto made = associations.make(options);
  if (const auto* unsupported = std::get_if<Unsupported>(&made)) {
    return refuse(*unsupported);
  }
  if (const auto* error = std::get_if<Error>(&made)) {
    return fail(error->message);
  }
  auto runner = RunnerLink::connect(options.port, options.ipv6, options.shim_id);
  if (!runner) {
    return fail(runner.error().message);
  }
  Exchange exchange(options, is_resumption, *runner, std::get<Association>(made), now);
  const std::optional<std::string> problem = exchange.run();
  return problem ? fail(*problem) : 0;
}

int run(std::span<const char* const> arguments) {
  const auto parsed = parse_options(arguments);
  if (const auto* unsupported = std::get_if<Unsupported>(&parsed)) {
    return refuse(*unsupported);
  }
  const auto& [initial, resumed] = std::get<AllOptions>(parsed);
  if (initial.is_handshaker_supported) {
    std::puts("No");  // no part of a handshake runs in another process
    return 0;
  }
  if (!initial.dtls) {
    return refuse({"-dtls", "TLS over other transports"});
  }
  Associations associations;
  // Far from zero: a time before the first one can be named.
  TimePoint now = TimePoint() + std::chrono::hours(24 * 365);
  int code = connect_once(initial, false, associations, now);
  for (std::uint16_t i = 0; code == 0 && i < resumed.resume_count; ++i) {
    code = connect_once(resumed, true, associations, now);
  }
  return code;
}

}  // namespace
}  // namespace dtls::bogo

int main(int argc, char** argv) {
  const int code = dtls::bogo::run(std::span(argv, static_cast<std::size_t>(argc)).subspan(1));
  // What comes after this line is a tool's, such as a sanitizer's, and fails any test.
  std::fputs("--- DONE ---\n", stderr);
  return code;
}
