// The kinds of handshake that tests of lossy networks try, and how often they do.
#pragma once

#include <cstdlib>

namespace dtls::test {

// Of kRetry the client's first key share is not the server's: DTLS 1.3 then has one round trip
// more. Renegotiations, of DTLS 1.2, begin where a full handshake has ended.
enum class Kind {
  kFull,
  kMutual,
  kPsk,
  kResumed,
  kRetry,
  kClientRenegotiates,
  kServerRenegotiates
};

inline const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kFull:
      return "Full";
    case Kind::kMutual:
      return "Mutual";
    case Kind::kPsk:
      return "Psk";
    case Kind::kResumed:
      return "Resumed";
    case Kind::kRetry:
      return "Retry";
    case Kind::kClientRenegotiates:
      return "ClientRenegotiates";
    case Kind::kServerRenegotiates:
      return "ServerRenegotiates";
  }
  return "";
}

inline bool is_renegotiation(Kind kind) {
  return kind == Kind::kClientRenegotiates || kind == Kind::kServerRenegotiates;
}

// many gives the number that a variable of the environment asks for: the suite has to be quick,
// and by hand it may run for as long as one likes.
inline int many(const char* variable, int usual) {
  const char* const said = std::getenv(variable);
  return said == nullptr ? usual : std::atoi(said);
}

}  // namespace dtls::test
