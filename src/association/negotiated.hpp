// What an engine has agreed upon, in words.
#pragma once

#include "dtls/negotiated.hpp"
#include "handshake/core.hpp"

namespace dtls::association {

Negotiated describe(const handshake::Negotiated& agreed);

}  // namespace dtls::association
