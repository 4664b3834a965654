// How much memory C++ holds in this program: operator new and delete that count.
#pragma once

#include <cstddef>

namespace dtls::fuzz {

// held_bytes is what was allocated by new and not freed. One thread.
std::size_t held_bytes();

}  // namespace dtls::fuzz
