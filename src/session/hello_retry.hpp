// What a cookie gate needs to know of DTLS 1.3: whether a client will speak it, and the request that
// is sent without memory.
#pragma once

#include <optional>

#include "dtls/session.hpp"
#include "handshake/retry.hpp"

namespace dtls::session {

using handshake::kCookieMark;
using handshake::kMaxRetryTerms;
using handshake::kRetryMacSize;
using handshake::read_retry_terms;
using handshake::RetryTerms;
using handshake::write_hello_retry_request;
using handshake::write_retry_terms;

// choose_retry_terms is that of handshake/retry.hpp, by the settings of a server's context.
std::optional<RetryTerms> choose_retry_terms(const Context& context, const wire::ClientHello& hello,
                                             wire::Bytes body);

}  // namespace dtls::session
