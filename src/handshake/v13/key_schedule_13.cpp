#include "handshake/v13/key_schedule_13.hpp"

#include <array>

namespace dtls::handshake {
namespace {

constexpr std::array<std::byte, crypto::kMaxDigestSize> kZeros{};

Bytes zeros(crypto::HashAlgorithm hash) {
  return Bytes(kZeros).first(crypto::digest_size(hash));
}

crypto::Secret expand(crypto::HashAlgorithm hash, Bytes secret, std::string_view label,
                      Bytes context) {
  crypto::Secret out(crypto::digest_size(hash));
  crypto::hkdf_expand_label(hash, secret, label, context, out.writable());
  return out;
}

}  // namespace

KeySchedule13::KeySchedule13(crypto::HashAlgorithm hash, Bytes psk)
    : hash_(hash), secret_(crypto::hkdf_extract(hash, {}, psk.empty() ? zeros(hash) : psk)) {}

crypto::Secret KeySchedule13::derive(std::string_view label,
                                     const crypto::Digest& transcript) const {
  return expand(hash_, secret_.view(), label, transcript.view());
}

void KeySchedule13::advance(Bytes input) {
  const auto salt = derive("derived", crypto::hash(hash_, {}));
  secret_ = crypto::hkdf_extract(hash_, salt.view(), input.empty() ? zeros(hash_) : input);
}

crypto::Digest KeySchedule13::binder(PskOrigin origin, const crypto::Digest& transcript) const {
  const auto* label = origin == PskOrigin::kExternal ? "ext binder" : "res binder";
  const auto key = derive(label, crypto::hash(hash_, {}));
  return finished_mac(hash_, key.view(), transcript);
}

TrafficSecrets KeySchedule13::enter_handshake(Bytes agreed, const crypto::Digest& transcript) {
  advance(agreed);
  return {derive("c hs traffic", transcript), derive("s hs traffic", transcript)};
}

TrafficSecrets KeySchedule13::enter_application(const crypto::Digest& transcript) {
  advance({});
  return {derive("c ap traffic", transcript), derive("s ap traffic", transcript)};
}

crypto::Secret KeySchedule13::exporter(const crypto::Digest& transcript) const {
  return derive("exp master", transcript);
}

crypto::Secret KeySchedule13::resumption(const crypto::Digest& transcript) const {
  return derive("res master", transcript);
}

crypto::Digest finished_mac(crypto::HashAlgorithm hash, Bytes traffic,
                            const crypto::Digest& transcript) {
  const auto key = expand(hash, traffic, "finished", {});
  return crypto::hmac(hash, key.view(), {transcript.view()});
}

crypto::Secret next_traffic(crypto::HashAlgorithm hash, Bytes traffic) {
  return expand(hash, traffic, "traffic upd", {});
}

crypto::Secret ticket_psk(crypto::HashAlgorithm hash, Bytes resumption, Bytes nonce) {
  return expand(hash, resumption, "resumption", nonce);
}

void export_13(crypto::HashAlgorithm hash, Bytes exporter_secret, std::string_view label,
               Bytes context, std::span<std::byte> out) {
  const auto secret = expand(hash, exporter_secret, label, crypto::hash(hash, {}).view());
  crypto::hkdf_expand_label(hash, secret.view(), "exporter", crypto::hash(hash, {context}).view(),
                            out);
}

}  // namespace dtls::handshake
