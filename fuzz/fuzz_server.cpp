// A server engine and a client that has keys: null_cipher.cpp has it read whatever is written to
// it. Input: harness/steps.hpp, harness/scene.hpp.
#include "harness/association.hpp"

// libFuzzer knows it by this name. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return dtls::fuzz::run_association(dtls::fuzz::Role::kServer, data, size);
}
