// What an alert of the peer means, in words.
#pragma once

#include <cstdint>

#include "dtls/error.hpp"

namespace dtls::handshake {

// explain_alert is the Error of an association that the peer has ended; said of the peer.
Error explain_alert(std::uint8_t description);

}  // namespace dtls::handshake
