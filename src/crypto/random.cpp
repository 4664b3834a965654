#include "crypto/random.hpp"

#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cerrno>

#include "crypto/per_thread.hpp"
#include "crypto/wipe.hpp"
#include "process/forks.hpp"

namespace dtls::crypto {
namespace {

// RAND_bytes counts in int.
constexpr std::size_t kChunk = 1U << 20U;

bool generate(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto chunk = out.first(std::min(out.size(), kChunk));
    if (RAND_bytes(reinterpret_cast<unsigned char*>(chunk.data()),
                   static_cast<int>(chunk.size())) != 1) {
      return false;
    }
    out = out.subspan(chunk.size());
  }
  return true;
}

// Stock is what a thread has drawn ahead: a call of RAND_bytes costs 0.9 µs however little it is
// asked for, and a handshake draws a few bytes several times. A child must not draw what its parent
// draws: RAND_bytes sees to that by itself, a stock does not.
struct Stock {
  static constexpr std::size_t kSize = 256;
  // Draws beyond this go to the generator.
  static constexpr std::size_t kMaxDraw = 64;

  SecretBytes<kSize> bytes;
  std::size_t left = 0;
  unsigned forks_seen = 0;

  bool draw(std::span<std::byte> out) {
    const unsigned now = process::forks();
    if (left < out.size() || forks_seen != now) {
      left = 0;
      if (!generate(bytes.writable())) return false;
      left = kSize;
      forks_seen = now;
    }
    // What was drawn is forgotten here: it may be a key.
    const auto drawn = bytes.writable().subspan(left - out.size(), out.size());
    std::ranges::copy(drawn, out.begin());
    wipe(drawn);
    left -= out.size();
    return true;
  }
};

}  // namespace

Result<void> fill_random(std::span<std::byte> out) {
  const bool from_stock = out.size() <= Stock::kMaxDraw && process::watches_forks();
  const bool filled = from_stock
                          ? PerThread<Stock>::with([&](Stock& stock) { return stock.draw(out); })
                          : generate(out);
  if (filled) return {};
  ERR_clear_error();
  return Error{.kind = ErrorKind::kSystem,
               .sys_errno = EIO,
               .message =
                   "the random generator of OpenSSL failed: the system gives it no "
                   "entropy; check that getrandom() and /dev/urandom work here",
               .alert = {}};
}

}  // namespace dtls::crypto
