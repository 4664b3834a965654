// require: what a fuzz target holds true. A fuzzer sees the abort, a person the sentence.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace dtls::fuzz {

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace dtls::fuzz
