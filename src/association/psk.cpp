#include "dtls/psk.hpp"

#include <algorithm>
#include <cerrno>

#include "crypto/wipe.hpp"

namespace dtls {

Result<Psk> Psk::make(std::string identity, std::span<const std::byte> key) {
  const auto refuse = [](const char* what, std::size_t most, std::size_t size) {
    return Error{ErrorKind::kMisuse,
                 EINVAL,
                 std::string("the ") + what + " of a pre-shared key must have 1 to " +
                     std::to_string(most) + " bytes, but has " + std::to_string(size),
                 {}};
  };
  if (identity.empty() || identity.size() > kMaxPskIdentity) {
    return refuse("identity", kMaxPskIdentity, identity.size());
  }
  if (key.empty() || key.size() > kMaxPskKey) return refuse("secret", kMaxPskKey, key.size());
  Psk made(std::move(identity));
  std::ranges::copy(key, made.key_.begin());
  made.size_ = static_cast<std::uint8_t>(key.size());
  return made;
}

Psk::~Psk() {
  crypto::wipe(key_);
}

}  // namespace dtls
