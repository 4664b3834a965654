#include "crypto/random.hpp"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <cerrno>

namespace dtls::crypto {

Result<void> fill_random(std::span<std::byte> out) {
  // RAND_bytes counts in int.
  constexpr std::size_t kChunk = 1U << 20U;
  while (!out.empty()) {
    const auto chunk = out.first(out.size() < kChunk ? out.size() : kChunk);
    if (RAND_bytes(reinterpret_cast<unsigned char*>(chunk.data()),
                   static_cast<int>(chunk.size())) != 1) {
      ERR_clear_error();
      return Error{.kind = ErrorKind::kSystem,
                   .sys_errno = EIO,
                   .message =
                       "The random generator of OpenSSL failed: the system gives it no "
                       "entropy. Check that getrandom() and /dev/urandom work here.",
                   .alert = {}};
    }
    out = out.subspan(chunk.size());
  }
  return {};
}

}  // namespace dtls::crypto
