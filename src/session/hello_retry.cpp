#include "session/hello_retry.hpp"

#include "session/inside.hpp"

namespace dtls::session {

std::optional<RetryTerms> choose_retry_terms(const Context& context, const wire::ClientHello& hello,
                                             wire::Bytes body) {
  return handshake::choose_retry_terms(*context.inside().settings, hello, body);
}

}  // namespace dtls::session
