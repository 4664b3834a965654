// The transcript: the hash of all handshake messages, in the form that each version prescribes.
#pragma once

#include <optional>
#include <vector>

#include "crypto/hash.hpp"
#include "wire/version.hpp"

namespace dtls::handshake {

// Transcript takes messages with their DTLS header as if unfragmented. DTLS 1.2 hashes them so
// (RFC 6347 §4.2.6), DTLS 1.3 without message_seq and fragment fields (RFC 9147 §5.2). Until the
// version and the hash are known the messages are kept; then they are hashed as they come.
class Transcript {
 public:
  using Bytes = crypto::Bytes;

  void add(Bytes message);
  // digest_with is for the binder of a ClientHello, whose message has not come to its end.
  [[nodiscard]] crypto::Digest digest_with(Bytes truncated) const;

  // choose fixes version and hash. `keeps` has the messages kept as well: a CertificateVerify of
  // DTLS 1.2 signs them, not their hash (RFC 5246 §7.4.8).
  void choose(wire::Version version, crypto::HashAlgorithm hash, bool keeps);
  [[nodiscard]] bool is_chosen() const { return running_.has_value(); }

  // restart_with_hash puts message_hash in place of the first ClientHello, after a
  // HelloRetryRequest (RFC 8446 §4.4.1). restart_with takes the hash from a cookie.
  void restart_with_hash();
  void restart_with(Bytes first_hello_hash);
  // restart forgets everything: a HelloVerifyRequest and the hello before it do not count
  // (RFC 6347 §4.2.1).
  void restart();

  [[nodiscard]] crypto::Digest digest() const { return running_->snapshot(); }
  [[nodiscard]] Bytes messages() const { return kept_; }
  [[nodiscard]] std::size_t held_bytes() const { return kept_.capacity(); }

 private:
  void feed(crypto::RunningHash& hash, Bytes message) const;

  wire::Version version_ = 0;
  crypto::HashAlgorithm hash_{};
  bool keeps_ = true;
  std::vector<std::byte> kept_;
  std::optional<crypto::RunningHash> running_;
};

}  // namespace dtls::handshake
