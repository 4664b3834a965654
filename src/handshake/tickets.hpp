// Session tickets of a server (RFC 5077, RFC 8446 §4.6.1): the state of a session, sealed so that
// only we can read it, and kept by the client.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <optional>

#include "crypto/aead.hpp"
#include "handshake/settings.hpp"

namespace dtls::handshake {

// is_fresh says whether a session may still be resumed.
bool is_fresh(const SessionState& state, TimePoint now);

// TicketKeys seals with a key for one `lifetime`, and opens with it for another: what was sealed
// long ago is lost with its key, so a stolen key opens little. Shared by all associations of a
// context. Any thread; no thread's cipher contexts keep a key beyond the call, because the thread
// that drops the last reference to it reaches only its own.
class TicketKeys {
 public:
  explicit TicketKeys(Duration lifetime) : lifetime_(lifetime) {}

  // seal gives nothing where the state is too large to travel (a peer's certificate above 8 KiB) or
  // libcrypto fails.
  std::optional<Buffer> seal(const SessionState& state, TimePoint now);
  // looks_like_one: it was sealed by some TicketKeys, perhaps with a key that is gone. No identity
  // of a pre-shared key does, which are UTF-8 (RFC 4279 §5.1).
  static bool looks_like_one(Bytes ticket);
  // open gives nothing for a ticket that is not ours, was changed, or has expired.
  std::optional<SessionState> open(Bytes ticket, TimePoint now);

 private:
  static constexpr std::size_t kIdSize = 12;  // a mark, and 8 random bytes
  using Id = std::array<std::byte, kIdSize>;
  struct Key {
    Id id;
    crypto::AeadKey aead;
    TimePoint made;
  };
  using Shared = std::shared_ptr<const Key>;

  Shared current(TimePoint now);
  Shared find(Bytes id, TimePoint now);

  Duration lifetime_;
  std::mutex mutex_;  // of the pointers
  Shared current_;
  Shared former_;
};

}  // namespace dtls::handshake
