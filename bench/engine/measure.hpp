// What is measured of every candidate, each as one sample.
#pragma once

#include <cstddef>

#include "engine/bare.hpp"
#include "engine/candidate.hpp"

namespace dtls::bench {

// Of both sides, in nanoseconds per handshake or record.
struct BothSides {
  double server = 0;
  double client = 0;
};

// measure_handshakes has a batch of pairs connect, in step: the clock is read once for what a
// whole batch does, because to read it costs as much as a small step. Making and freeing the ends
// is part of it.
BothSides measure_handshakes(Candidate& candidate, Version version, bool resumes);

struct Records {
  double seal = 0;
  double open = 0;
};
// measure_records: the client sends, the server receives.
Records measure_records(Candidate& candidate, Version version, std::size_t message_size);
Records measure_bare_records(BareAead& aead, std::size_t message_size);

BothSides measure_public_key(BarePublicKey& bare);

// measure_challenge gives nanoseconds for one unproven hello.
double measure_challenge(Candidate& candidate);

// measure_memory gives the bytes of heap for each of many idle servers' associations, after one
// message each way.
double measure_memory(Candidate& candidate, Version version);

}  // namespace dtls::bench
