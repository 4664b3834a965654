// What an alert of the peer means, in words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dtls/error.hpp"

namespace dtls::handshake {

// explain_alert is the Error of an association that the peer has ended; said of the peer.
//   offered_psk: the identity of the key that an unfinished handshake offered or used; empty: none
Error explain_alert(std::uint8_t description, std::string_view offered_psk = {});

// quote_identity gives the identity of a pre-shared key, which may be any bytes, in quotes for a
// message: in ASCII, with other bytes as \xNN, and cut after 64 of them.
std::string quote_identity(std::string_view identity);

}  // namespace dtls::handshake
