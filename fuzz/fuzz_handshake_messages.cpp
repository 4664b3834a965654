// The parsers of every handshake message, extension, ACK and record header of DTLS 1.3. The first
// byte of the input picks one (unit/wire/message_checks.hpp), the rest is what it is given. What
// is accepted must lie inside the input, and, written again, be the input.
#include <cstdint>
#include <span>

#include "unit/wire/message_checks.hpp"

// libFuzzer knows it by this name. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace test = dtls::wire::test;
  if (size == 0) {
    return 0;
  }
  const std::size_t number = data[0];
  const bool is_message = number < test::kExtensionChecks;
  const auto checks = is_message ? test::message_checks() : test::extension_checks();
  const std::size_t at = is_message ? number : number - test::kExtensionChecks;
  if (at < checks.size()) {
    // A check that fails throws, which nobody catches: an abort.
    checks[at].accepts(std::as_bytes(std::span(data + 1, size - 1)));
  }
  return 0;
}
