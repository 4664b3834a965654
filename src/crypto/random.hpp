// Randomness from OpenSSL's generator.
#pragma once

#include <cstddef>
#include <span>

#include "dtls/error.hpp"

namespace dtls::crypto {

// fill_random fills `out` with unpredictable bytes, fit for keys. Any thread.
// A forked child draws other bytes than its parent. Fails (kSystem, EIO) when the generator has no
// entropy; `out` is then not to be used.
Result<void> fill_random(std::span<std::byte> out);

}  // namespace dtls::crypto
