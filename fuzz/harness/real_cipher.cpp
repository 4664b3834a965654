// The peer of the fuzzed association has no keys: cryptography is what it is.
#include "harness/seeded_random.hpp"

namespace dtls::fuzz {

bool has_null_cipher() {
  return false;
}

}  // namespace dtls::fuzz
