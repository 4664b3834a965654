// Sessions as programs have them, with a peer that has keys. Input: a byte that says which side it
// is (odd: a server), then as for the engines.
#include "harness/session_association.hpp"

// libFuzzer knows it by this name. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using dtls::fuzz::Role;
  const bool is_server = size > 2 && (data[2] & 2U) != 0;
  return dtls::fuzz::run_session(is_server ? Role::kServer : Role::kClient, data, size);
}
