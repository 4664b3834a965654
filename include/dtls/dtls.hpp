// Everything of the library's public interface.
#pragma once

#include "dtls/address.hpp"         // IWYU pragma: export
#include "dtls/client.hpp"          // IWYU pragma: export
#include "dtls/config.hpp"          // IWYU pragma: export
#include "dtls/connection.hpp"      // IWYU pragma: export
#include "dtls/error.hpp"           // IWYU pragma: export
#include "dtls/event_loop.hpp"      // IWYU pragma: export
#include "dtls/negotiated.hpp"      // IWYU pragma: export
#include "dtls/psk.hpp"             // IWYU pragma: export
#include "dtls/server.hpp"          // IWYU pragma: export
#include "dtls/session.hpp"         // IWYU pragma: export
#include "dtls/session_ticket.hpp"  // IWYU pragma: export
#include "dtls/socket_options.hpp"  // IWYU pragma: export
