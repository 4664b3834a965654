#include <cstdio>
#include <cstdlib>

#include "engine/candidate.hpp"

namespace dtls::bench {

void require(bool fine, const char* what) {
  if (fine) return;
  std::fprintf(stderr, "bench: failed: %s\n", what);
  std::exit(1);
}

}  // namespace dtls::bench
