// Who the peer is, and proving who we are: the choice of signature schemes, and what is signed.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "crypto/owned.hpp"
#include "handshake/core.hpp"
#include "handshake/hello/offer.hpp"
#include "wire/writer.hpp"

namespace dtls::handshake {

// What an unauthenticated peer's chain may cost us: no sound chain has more certificates or bytes.
inline constexpr std::size_t kMaxChain = 16;
inline constexpr std::size_t kMaxChainBytes = std::size_t{64} * 1024;

// choose_scheme gives the first scheme that we sign with and the peer takes. `offered` is the
// peer's list as it stands in signature_algorithms: two bytes each.
std::optional<crypto::SignatureScheme> choose_scheme(const Settings& settings, const Identity& own,
                                                     wire::Version version, Bytes offered);

// SignedContent is what a CertificateVerify of DTLS 1.3 signs (RFC 8446 §4.4.3).
class SignedContent {
 public:
  SignedContent(Sender signer, const crypto::Digest& transcript);
  [[nodiscard]] Bytes view() const { return Bytes(bytes_).first(size_); }

 private:
  static constexpr std::size_t kPadding = 64;
  static constexpr std::size_t kContext = 33;
  std::array<std::byte, kPadding + kContext + 1 + crypto::kMaxDigestSize> bytes_{};
  std::size_t size_ = 0;
};

// signs_with_rsa tells the schemes of RSA, of either padding, from the others.
bool signs_with_rsa(wire::SignatureScheme scheme);

// PeerChain is the chain of a Certificate message, within bounds.
class PeerChain {
 public:
  // collect takes a range, and what gives the certificate of an element.
  template <typename Entries, typename Certificate>
  Step collect(const Entries& entries, Certificate certificate_of) {
    std::size_t bytes = 0;
    for (const auto& entry : entries) {
      const Bytes certificate = certificate_of(entry);
      bytes += certificate.size();
      if (count_ == kMaxChain || bytes > kMaxChainBytes) {
        return broken(wire::AlertDescription::kBadCertificate, "its certificate chain is too long");
      }
      chain_[count_++] = certificate;
    }
    return {};
  }
  [[nodiscard]] std::span<const Bytes> view() const { return std::span(chain_).first(count_); }

 private:
  std::array<Bytes, kMaxChain> chain_{};
  std::size_t count_ = 0;
};

// write_schemes writes signature_algorithms. PKCS #1 v1.5 is left out for DTLS 1.3 alone.
void write_schemes(wire::Writer& writer, std::span<const crypto::SignatureScheme> schemes,
                   wire::Version version);

// leaf_hash is what a renegotiation compares; nullopt for no certificate.
std::optional<crypto::Digest> leaf_hash(const Buffer& leaf);

// PeerCredentials is the certificate that the peer has shown, until it has proven that it is its
// own.
class PeerCredentials {
 public:
  // take asks the decisions what to think of the chain. Fails where they end the handshake, or
  // find no key to go on with.
  Step take(Core& core, std::span<const Bytes> chain);
  [[nodiscard]] bool shown() const { return key_ != nullptr; }
  [[nodiscard]] const EVP_PKEY* key() const { return key_.get(); }
  [[nodiscard]] const Buffer& leaf() const { return leaf_; }
  [[nodiscard]] bool authorized() const { return authorized_; }

  // same_as_before fails where a renegotiation brings another certificate than the handshake
  // before it.
  Step same_as_before(const std::optional<Renegotiation>& renegotiation) const;

  // prove checks a signature of the peer: the scheme must be one that we offered and fit the key.
  Step prove(Core& core, wire::Version version, wire::SignatureScheme scheme, Bytes content,
             Bytes signature) const;

 private:
  crypto::OwnedKey key_;
  Buffer leaf_;
  bool authorized_ = false;
};

}  // namespace dtls::handshake
