#include "handshake/transcript.hpp"

#include <array>

#include "wire/handshake_header.hpp"
#include "wire/writer.hpp"

namespace dtls::handshake {
namespace {

// Type and length, all that a TLS 1.3 handshake header has.
constexpr std::size_t kTlsHeaderSize = 4;

}  // namespace

void Transcript::feed(crypto::RunningHash& hash, Bytes message) const {
  if (version_ == wire::kDtls13) {
    hash.update(message.first(kTlsHeaderSize));
    hash.update(message.subspan(wire::kHandshakeHeaderSize));
  } else {
    hash.update(message);
  }
}

void Transcript::add(Bytes message) {
  if (message.size() < wire::kHandshakeHeaderSize)
    return;  // none was made: Finished will not match
  if (running_) feed(*running_, message);
  if (keeps_) kept_.insert(kept_.end(), message.begin(), message.end());
}

crypto::Digest Transcript::digest_with(Bytes truncated) const {
  auto hash = running_->clone();
  feed(hash, truncated);
  return hash.snapshot();
}

void Transcript::choose(wire::Version version, crypto::HashAlgorithm hash, bool keeps) {
  version_ = version;
  hash_ = hash;
  running_.emplace(hash);
  // What was kept so far are whole messages.
  Bytes rest = kept_;
  while (!rest.empty()) {
    wire::Reader reader(rest);
    reader.u8();
    const std::size_t size = wire::kHandshakeHeaderSize + reader.u24();
    feed(*running_, rest.first(size));
    rest = rest.subspan(size);
  }
  keeps_ = keeps;
  if (!keeps_) kept_ = {};
}

void Transcript::restart_with_hash() {
  const auto first = digest();
  restart_with(first.view());
}

void Transcript::restart_with(Bytes first_hello_hash) {
  constexpr auto kMessageHash = std::byte{254};
  const std::array<std::byte, kTlsHeaderSize> header{
      kMessageHash, std::byte{0}, std::byte{0}, static_cast<std::byte>(first_hello_hash.size())};
  running_.emplace(hash_);
  running_->update(header);
  running_->update(first_hello_hash);
}

void Transcript::restart() {
  kept_.clear();
  if (running_) running_.emplace(hash_);
}

}  // namespace dtls::handshake
